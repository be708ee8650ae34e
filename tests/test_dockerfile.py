"""The Dockerfile builds from what the tree holds, on a pinned base, and does not run as root."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
LINES = [line.split(None, 1) for line in TEXT.splitlines() if line.strip() and not line.startswith("#")]


def said(word: str) -> list[str]:
    return [rest for name, rest in LINES if name == word]


def test_the_base_is_pinned_to_a_whole_version_that_the_package_supports() -> None:
    (base,) = said("FROM")
    found = re.fullmatch(r"python:(\d+)\.(\d+)\.\d+-slim-[a-z]+", base)
    assert found, base
    needed = re.search(
        r'requires-python = ">=3\.(\d+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    )
    assert needed
    assert (int(found[1]), int(found[2])) >= (3, int(needed[1]))


def test_it_runs_a_worker_and_not_as_root() -> None:
    (user,) = said("USER")
    assert int(user) > 0
    names = [name for name, _ in LINES]
    assert names.index("USER") > max(number for number, name in enumerate(names) if name in {"RUN", "COPY"})
    assert said("CMD") == ['["prefect", "worker", "start", "--pool", "augmentor", "--type", "process"]']
    assert said("ADD") == []


def test_everything_is_pinned_and_nothing_is_sent_away() -> None:
    (install,) = [rest for rest in said("RUN") if "pip install" in rest]
    assert install.count("pip install") == install.count("pip install -c constraints.txt")
    environment = " ".join(said("ENV"))
    assert "DO_NOT_TRACK=1" in environment
    assert "PREFECT_SERVER_ANALYTICS_ENABLED=false" in environment


def test_what_is_copied_is_there_and_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored[0] == "*"
    for rest in said("COPY"):
        *sources, _ = rest.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored, source
