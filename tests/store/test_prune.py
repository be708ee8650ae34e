"""Making room takes what no run came from, and nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from augmentor.core.errors import ConfigError
from augmentor.run.compose.expand import expansion, run_job
from augmentor.run.recipe import load_recipe
from augmentor.run.session import Job, begin
from augmentor.store.cache import StepCache, intact
from augmentor.store.prune import Freed, Lease, needed, prune, prune_after
from augmentor.store.run_directory import finished_runs


def step(out: Path, name: str, key: str, size: int = 1000) -> Path:
    def build(output: Path, work: Path) -> None:
        (output / "bytes").write_bytes(b"x" * size)

    return StepCache(out / ".cache").get_or_build(name, key, build).folder


def finished_run(out: Path, stamp: str, **keys: str) -> Path:
    run = out / "r" / stamp
    run.mkdir(parents=True)
    steps = {name: {"key": key, "reused": False} for name, key in keys.items()}
    (run / "manifest.json").write_text(json.dumps({"steps": steps}))
    return run


def names(out: Path) -> set[str]:
    return {path.relative_to(out / ".cache").as_posix() for path in (out / ".cache").glob("*/*")}


def test_prune_removes_steps_that_no_run_came_from_and_reports_the_size(tmp_path: Path) -> None:
    kept, lost = step(tmp_path, "train", "a"), step(tmp_path, "train", "b", size=4321)
    other = step(tmp_path, "load", "b")  # the same key of another step
    finished_run(tmp_path, "20260101-000000", train="a", load="b")
    (tmp_path / ".cache" / "judge" / "c.work").mkdir(parents=True)
    (tmp_path / ".cache" / "judge" / "c.work" / "state").write_bytes(b"y" * 79)
    (tmp_path / ".cache" / "judge" / ".d.x.tmp").mkdir()
    done = (lost / "done.json").stat().st_size
    lock = (tmp_path / ".cache" / "train" / "b.lock").stat().st_size
    freed = prune(tmp_path)
    assert freed == Freed(steps=3, size=4321 + done + lock + 79)
    assert "freed 0.0 MB: 3 steps" in freed.message
    assert intact(kept)
    assert intact(other)
    assert not {name for name in names(tmp_path) if name.startswith(("train/b", "judge/", "train/.b"))}
    assert prune(tmp_path) == Freed()


def test_prune_removes_steps_of_any_name_and_nothing_else(tmp_path: Path) -> None:
    any_step = step(tmp_path, "a step of somebody's own", "a")
    (tmp_path / ".cache" / "opened").mkdir(parents=True)
    (tmp_path / ".cache" / "opened" / "0.json").write_text("{}")
    (tmp_path / ".cache" / "logs").mkdir()
    (tmp_path / ".cache" / "logs" / "r-20260101-000000-1.jsonl").write_text("")
    assert prune(tmp_path).steps == 1
    assert not any_step.exists()
    assert {"opened/0.json", "logs/r-20260101-000000-1.jsonl"} <= names(tmp_path)


def test_nothing_is_removed_while_a_run_is_under_way(tmp_path: Path) -> None:
    folder = step(tmp_path, "train", "a")
    working = Lease(tmp_path)
    with pytest.raises(ConfigError, match="under way"):
        prune(tmp_path)
    mine = Lease(tmp_path)
    assert prune_after(tmp_path, mine, {("train", "a")}) == Freed()
    assert intact(folder)
    working.close()
    assert prune_after(tmp_path, mine, {("train", "a")}).steps == 1
    assert not folder.exists()
    mine.close()


def test_an_open_session_counts_as_a_run_under_way(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path
) -> None:
    recipe = load_recipe(str(tiny_recipe), data=tiny_images)
    session = begin(Job(recipe, tmp_path), expansion(recipe))
    with pytest.raises(ConfigError, match="under way"):
        prune(tmp_path)
    session.close()
    assert prune(tmp_path) == Freed()


def test_only_steps_of_removed_runs_are_removed_after_a_run(tmp_path: Path) -> None:
    shared, old, stranger = (step(tmp_path, "train", key) for key in ("shared", "old", "stranger"))
    finished_run(tmp_path, "20260102-000000", train="shared")
    lease = Lease(tmp_path)
    assert prune_after(tmp_path, lease, {("train", "shared"), ("train", "old")}).steps == 1
    lease.close()
    assert (shared.exists(), old.exists(), stranger.exists()) == (True, False, True)


def test_prune_stops_at_a_run_with_a_damaged_manifest(tmp_path: Path) -> None:
    folder = step(tmp_path, "train", "a")
    (finished_run(tmp_path, "20260101-000000") / "manifest.json").write_text("{")
    with pytest.raises(ConfigError, match=r"20260101-000000.*nothing was pruned"):
        prune(tmp_path)
    assert intact(folder)


def test_no_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no finished steps"):
        prune(tmp_path)


@pytest.mark.slow
def test_runs_kept_by_number_keep_their_steps_and_no_others(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path
) -> None:
    def run(*assignments: str) -> Path:
        recipe = load_recipe(str(tiny_recipe), ["keep_runs=1", *assignments], data=tiny_images)
        return run_job(Job(recipe, tmp_path)).folder

    first = run("training.images=64")
    second = run("training.images=96")
    assert finished_runs(tmp_path / "tiny") == [second]
    assert not first.exists()
    there = {(path.parent.name, path.name) for path in tmp_path.glob(".cache/*/*") if len(path.name) == 32}
    assert there == needed(tmp_path)
    assert json.loads((second / "manifest.json").read_text())["steps"]["load"]["reused"] is True


@pytest.mark.skipif(os.name != "posix", reason="locks of the kernel")
def test_a_killed_process_holds_no_share(tmp_path: Path) -> None:
    step(tmp_path, "train", "a")
    pid = os.fork()
    if pid == 0:
        Lease(tmp_path)
        os._exit(0)
    os.waitpid(pid, 0)
    assert prune(tmp_path).steps == 1
