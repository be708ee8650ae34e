"""A class called <script> is a name like any other: in folders, tables and the report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest


@pytest.mark.slow
def test_a_class_called_script_runs_through_and_harms_nobody(command, tmp_path, tiny_images, tiny_recipe):
    name = "<script>"
    data = tmp_path / "set"
    for old, new in (("disc", "b & c"), ("ring", name)):
        (data / new).mkdir(parents=True)
        for path in (tiny_images / old).iterdir():
            (data / new / path.name).write_bytes(path.read_bytes())
    words = ("run", str(tiny_recipe), "--data", str(data), "--out", str(tmp_path / "runs"), "--no-prefect")
    ended = command(*words, "--set", "evaluation.arms=[classical, with_synthetic]")
    assert ended.code == 0, ended.err
    run = Path(ended.out.splitlines()[-1])
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in page
    assert "<script" not in page.lower()  # the report has no scripts of its own
    table = pd.read_csv(run / "expanded" / "metadata.csv")
    assert set(table["class"]) == {name, "b & c"}
    for place in table["file_name"]:
        assert (run / "expanded" / place).is_file()
