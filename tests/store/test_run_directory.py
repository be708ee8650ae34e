"""What is published, what is kept, and that a reader never finds nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from augmentor.core.errors import StorageError
from augmentor.store.run_directory import finished_runs, published_run, retire, run_directory_lock, switch


def run(folder: Path, stamp: str) -> Path:
    (folder / stamp / "expanded").mkdir(parents=True)
    (folder / stamp / "expanded" / "which").write_text(stamp)
    return folder / stamp


def test_the_link_leads_to_the_dataset_and_survives_a_move(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "r"
    switch(folder, run(folder, "20260101-000000"))
    assert (folder / "published" / "which").read_text() == "20260101-000000"
    (tmp_path / "runs").rename(tmp_path / "moved")
    assert (tmp_path / "moved" / "r" / "published" / "which").read_text() == "20260101-000000"


def test_a_reader_always_finds_a_published_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = run(tmp_path, "20260101-000000"), run(tmp_path, "20260102-000000")
    switch(tmp_path, first)
    seen = []
    real = os.replace

    def watched(source: Path, target: Path) -> None:
        seen.append((tmp_path / "published" / "which").read_text())
        real(source, target)
        seen.append((tmp_path / "published" / "which").read_text())

    monkeypatch.setattr(os, "replace", watched)
    switch(tmp_path, second)
    assert seen == [first.name, second.name]
    assert published_run(tmp_path) == second
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_killed_publisher_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "r" / ".20260101-000000.abc.tmp" / "deep").mkdir(parents=True)
    (tmp_path / "r" / ".published.77.tmp").symlink_to("nowhere")
    keep = run(tmp_path / "r", "20260101-000000")
    with run_directory_lock(tmp_path, "r") as folder:
        assert sorted(folder.iterdir()) == [keep]


def test_the_oldest_runs_are_removed_but_never_the_published_one(tmp_path: Path) -> None:
    runs = [run(tmp_path, f"2026010{day}-000000") for day in range(1, 6)]
    switch(tmp_path, runs[0])
    (tmp_path / "notes").mkdir()  # a person's own folder is none of ours
    gone = retire(tmp_path, 2)
    assert gone == runs[1:3]
    assert finished_runs(tmp_path) == [runs[0], *runs[3:]]
    assert (tmp_path / "published" / "which").read_text() == runs[0].name
    assert (tmp_path / "notes").is_dir()


def test_runs_of_one_second_are_ordered_by_their_number(tmp_path: Path) -> None:
    names = ["20260101-000000", "20260101-000000-2", "20260101-000000-10", "20260101-000001"]
    for name in reversed(names):
        run(tmp_path, name)
    assert [path.name for path in finished_runs(tmp_path)] == names
    assert [path.name for path in retire(tmp_path, 1)] == names[:-1]


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("a file")
    with pytest.raises(StorageError, match="cannot write"), run_directory_lock(tmp_path, "r"):
        pass
