"""Finished steps are kept by content and appear whole."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from augmentor.core.errors import StorageError
from augmentor.store import cache as module
from augmentor.store.cache import StepCache, locked, source_digest, tree_digest


def write_one(output: Path, work: Path) -> None:
    (output / "one").write_text("1")


def test_a_step_is_built_once(tmp_path) -> None:
    cache = StepCache(tmp_path)
    calls = []

    def build(output: Path, work: Path) -> None:
        calls.append(1)
        write_one(output, work)

    first = cache.get_or_build("train", "k", build)
    second = cache.get_or_build("train", "k", build)
    assert (first.reused, second.reused, len(calls)) == (False, True, 1)
    assert (second.folder / "one").read_text() == "1"
    assert json.loads((second.folder / "done.json").read_text())["step"] == "train"
    assert cache.get_or_build("train", "other", build).reused is False


def test_a_failed_step_leaves_its_work_and_no_output(tmp_path) -> None:
    cache = StepCache(tmp_path)

    def fail(output: Path, work: Path) -> None:
        (output / "half").write_text("x")
        (work / "checkpoint").write_text("state")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        cache.get_or_build("train", "k", fail)
    assert not (tmp_path / "train" / "k").exists()

    def resume(output: Path, work: Path) -> None:
        assert (work / "checkpoint").read_text() == "state"
        write_one(output, work)

    kept = cache.get_or_build("train", "k", resume)
    assert not kept.reused
    assert sorted(path.name for path in (tmp_path / "train").iterdir()) == ["k", "k.lock"]


def test_the_key_sees_inputs_code_and_packages(tmp_path, monkeypatch) -> None:
    cache = StepCache(tmp_path)
    base = cache.key("train", {"a": 1}, ("core",))
    assert base == cache.key("train", {"a": 1}, ("core",))
    others = {
        cache.key("train", {"a": 2}, ("core",)),
        cache.key("sample", {"a": 1}, ("core",)),
        cache.key("train", {"a": 1}, ("core", "run")),
    }
    monkeypatch.setattr(module, "version", lambda name: "0.0.0")
    others.add(cache.key("train", {"a": 1}, ("core",)))
    assert base not in others
    assert len(others) == 4


def test_the_source_digest_depends_on_the_packages_and_modules() -> None:
    assert source_digest(("core",)) != source_digest(("run",))
    assert source_digest(("core", "run")) == source_digest(("run", "core"))
    assert source_digest(("run.sampling",)) not in {source_digest(("run",)), source_digest(("run.plan",))}
    with pytest.raises(ValueError, match=r"no package or module augmentor\.run\.nothing"):
        source_digest(("run.nothing",))


def test_tree_digest_sees_names_and_bytes(tmp_path) -> None:
    folder = tmp_path / "data"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "x.png").write_bytes(b"1")
    before = tree_digest(folder)
    (folder / ".hidden").write_bytes(b"9")
    assert tree_digest(folder) == before
    (folder / "a" / "x.png").write_bytes(b"2")
    changed = tree_digest(folder)
    (folder / "a" / "x.png").rename(folder / "a" / "y.png")
    assert len({before, changed, tree_digest(folder)}) == 3
    assert tree_digest(folder / "a" / "y.png") != tree_digest(folder)


def _hold(path: Path, ready: multiprocessing.Event, leave: multiprocessing.Event) -> None:
    with locked(path):
        ready.set()
        leave.wait(60)


@pytest.mark.slow
def test_a_lock_names_its_owner_and_ends_with_its_process(tmp_path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "l", ready, leave))
    holder.start()
    assert ready.wait(60)
    told = []

    def waiting(owner: str) -> None:
        told.append(owner)
        holder.kill()

    with locked(tmp_path / "l", waiting):
        holder.join()
    assert told == [f"process {holder.pid} on {module.socket.gethostname()}"]


def test_a_place_that_is_no_folder_is_explained(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        StepCache(tmp_path / "file").get_or_build("train", "k", write_one)


@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "add", "unreadable done.json"])
def test_a_damaged_step_is_built_again_and_reported(tmp_path: Path, harm: str) -> None:
    cache = StepCache(tmp_path)
    kept = cache.get_or_build("train", "k", write_one)
    if harm == "flip":
        (kept.folder / "one").write_text("2")
    elif harm == "cut":
        (kept.folder / "one").write_text("")
    elif harm == "remove":
        (kept.folder / "one").unlink()
    elif harm == "add":
        (kept.folder / "two").write_text("2")
    else:
        (kept.folder / "done.json").write_text("{")
    told: list[str] = []
    again = cache.get_or_build("train", "k", write_one, damaged=lambda: told.append("damaged"))
    assert (again.reused, told) == (False, ["damaged"])
    assert {path.name for path in again.folder.iterdir()} == {"one", "done.json"}
    assert sorted(path.name for path in (tmp_path / "train").iterdir()) == ["k", "k.lock"]
    assert cache.get_or_build("train", "k", write_one, damaged=lambda: told.append("twice")).reused
    assert told == ["damaged"]
