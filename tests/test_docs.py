"""The documented examples run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import augmentor

ROOT = Path(__file__).resolve().parents[1]


def blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.slow
def test_the_api_page_runs(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks(ROOT / "docs" / "reference" / "api.md"):
        exec(compile(block, "docs/reference/api.md", "exec"), names)
    assert names["page"].is_file()
    assert (tmp_path / "expanded" / "metadata.csv").is_file()
    assert names["images"].shape == (64, 1, 8, 8)
    assert names["more"].samples.counts["3"] == 5
    again = names["gan"].sample(names["more"].samples.y, seed=1)
    assert again.digest == names["more"].samples.digest


@pytest.mark.slow
def test_the_readme_runs(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = blocks(ROOT / "README.md")
    tiny = '["training.images=1600", "evaluation.seeds=2", "evaluation.updates=20"]'
    block = block.replace('load_recipe("digits")', f'load_recipe("digits", {tiny})').replace(
        "seed=0, processes=1)\ngan", "seed=0, processes=1, updates=20)\ngan"
    )
    names: dict = {}
    exec(compile(block, "README.md", "exec"), names)
    assert names["gain"].facts["verdict"]["word"] in {"helps", "hurts", "equivalent", "inconclusive"}


def test_the_readme_speaks_the_api() -> None:
    (block,) = blocks(ROOT / "README.md")
    used = set(re.findall(r"aug\.(\w+)", block))
    assert used <= set(augmentor.__all__)


def test_every_public_name_is_there() -> None:
    for name in augmentor.__all__:
        assert getattr(augmentor, name) is not None
    assert set(augmentor.__all__) <= set(dir(augmentor))
    # A name that is also a room would turn into the room as soon as somebody imports it.
    rooms = {path.name for path in Path(augmentor.__file__).parent.iterdir() if path.is_dir()}
    assert not set(augmentor.__all__) & rooms
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        augmentor.nothing  # noqa: B018 - the access is the test
