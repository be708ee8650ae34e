"""Seeds, files, strict YAML and processes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from pydantic import Field

from augmentor.core import files, shipped
from augmentor.core.errors import ConfigError, StorageError
from augmentor.core.parallel import processes_to_use, run_parallel
from augmentor.core.seeds import derive_seed, generator
from augmentor.core.spec import Spec, merge, override, parse, read_yaml


def test_seeds_are_fixed_and_unrelated() -> None:
    # Pinned: a changed derivation would change every result ever reported.
    assert derive_seed(0, "gan", 1) == 2406243902548454990
    assert derive_seed(0, "gan", 1) != derive_seed(1, "gan", 0)
    assert derive_seed(0, "a", "b") != derive_seed(0, "b", "a")
    assert len({derive_seed(0, "step", i) for i in range(1000)}) == 1000
    assert all(0 <= derive_seed(7, i) < 2**63 for i in range(100))
    assert generator(3, "x").integers(1 << 30) == generator(3, "x").integers(1 << 30)


def test_atomic_file_leaves_nothing_behind_when_it_fails(tmp_path) -> None:
    target = tmp_path / "a" / "out.txt"
    files.write_text(target, "old")

    def fail() -> None:
        with files.atomic_file(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    assert os.listdir(target.parent) == ["out.txt"]


def test_atomic_folder_appears_whole_or_not_at_all(tmp_path) -> None:
    target = tmp_path / "run"

    def fail() -> None:
        with files.atomic_folder(target) as folder:
            (folder / "x").write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        fail()
    assert os.listdir(tmp_path) == []
    with files.atomic_folder(target) as folder:
        (folder / "x").write_text("whole")
        assert not target.exists()
    assert (target / "x").read_text() == "whole"
    with pytest.raises(StorageError, match="exists already"), files.atomic_folder(target):
        pass


@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, "no space left"), (errno.EACCES, "cannot write"), (errno.EROFS, "cannot write")],
)
def test_refusals_of_the_disk_are_explained(number: int, message: str) -> None:
    with pytest.raises(StorageError, match=message), files.storage_errors(Path("here")):
        raise OSError(number, os.strerror(number))


def test_other_faults_of_the_system_are_not_renamed() -> None:
    with pytest.raises(BlockingIOError), files.storage_errors(Path("here")):
        raise BlockingIOError(errno.EAGAIN, "later")


def test_json_never_holds_nan(tmp_path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "x.json", {"a": float("nan")})
    assert not (tmp_path / "x.json").exists()
    assert files.canonical_json({"b": 1, "a": [1, 2]}) == '{"a":[1,2],"b":1}'


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd"])
def test_paths_stay_inside_their_root(tmp_path, path: str) -> None:
    with pytest.raises(StorageError, match="leads out of"):
        files.inside(tmp_path, path)
    assert files.inside(tmp_path, "a/b") == (tmp_path / "a" / "b").resolve()


class Inner(Spec):
    seeds: int = Field(default=1, ge=1)
    margin: float = 0.01


class Outer(Spec):
    name: str
    inner: Inner = Inner()
    maybe: Inner | None = None
    counts: dict[str, int] = Field(default={})


def test_unknown_key_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"recipe x: unknown key 'inner\.sedes'; did you mean 'seeds'\?"):
        parse(Outer, {"name": "x", "inner": {"sedes": 3}}, "recipe x")
    with pytest.raises(ConfigError, match="did you mean 'margin'"):
        parse(Outer, {"name": "x", "maybe": {"margni": 3}}, "recipe x")
    with pytest.raises(ConfigError, match="known keys: counts, inner, maybe, name"):
        parse(Outer, {"name": "x", "zzzz": 3}, "recipe x")


def test_faults_say_what_was_got() -> None:
    with pytest.raises(
        ConfigError, match=r"'inner\.seeds': input should be greater than or equal to 1, got 0"
    ):
        parse(Outer, {"name": "x", "inner": {"seeds": 0}}, "here")
    with pytest.raises(ConfigError, match="'name' is needed and missing"):
        parse(Outer, {}, "here")


def test_class_names_may_be_numbers() -> None:
    assert parse(Outer, {"name": "x", "counts": {0: 8, "1": 60}}, "here").counts == {"0": 8, "1": 60}


def test_override_reads_yaml_values_and_copies() -> None:
    values = {"inner": {"seeds": 1}}
    out = override(values, ["inner.seeds=3", "counts.a=5", "name=no thing", "maybe=null", "list=[1, 2]"])
    assert out == {
        "inner": {"seeds": 3},
        "counts": {"a": 5},
        "name": "no thing",
        "maybe": None,
        "list": [1, 2],
    }
    assert values == {"inner": {"seeds": 1}}
    for bad in ("seeds", "=3", "inner.seeds.deep=3", "a=[1"):
        with pytest.raises(ConfigError):
            override(values, [bad])


def test_merge_is_deep_and_leaves_its_arguments() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": 1}
    assert merge(base, {"a": {"y": 3}, "c": 4}) == {"a": {"x": 1, "y": 3}, "b": 1, "c": 4}
    assert base == {"a": {"x": 1, "y": 2}, "b": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "line 2: the key 'a' is there twice"),
        ("- 1\n", "must hold a mapping"),
        ("a: [1\n", "not valid YAML"),
        ("a: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
    ],
)
def test_yaml_is_safe_and_strict(tmp_path, text: str, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_yaml(path)
    with pytest.raises(ConfigError, match="cannot read"):
        read_yaml(tmp_path / "absent.yaml")


def test_shipped_rooms_are_found() -> None:
    assert (shipped.shipped("pipelines") / "digits.yaml").is_file()
    with pytest.raises(FileNotFoundError, match="neither"):
        shipped.shipped("nowhere")


def _job(number: int) -> tuple[float, str]:
    if number < 0:
        raise ValueError("planted")
    return float(np.random.default_rng(number).normal()), os.environ.get("OMP_NUM_THREADS", "")


@pytest.mark.slow
def test_processes_never_change_a_result() -> None:
    told: list[int] = []
    alone = run_parallel(_job, [1, 2, 3], processes=1)
    shared = run_parallel(_job, [1, 2, 3], processes=2, done=told.append)
    assert [value for value, _ in shared] == [value for value, _ in alone]
    assert {threads for _, threads in shared} == {"1"}
    assert told[-1] == 3
    with pytest.raises(ValueError, match="planted"):
        run_parallel(_job, [1, -1], processes=2)


def test_no_more_processes_than_jobs() -> None:
    assert processes_to_use(8, 3) == 3
    assert processes_to_use(None, 1) == 1
    assert processes_to_use(2, 0) == 1


def test_a_file_that_cannot_be_read_is_not_told_as_one_that_cannot_be_written(tmp_path) -> None:
    target = tmp_path / "out" / "step"
    read = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "data" / "x.png"))
    with pytest.raises(PermissionError), files.atomic_folder(target):
        raise read
    for place in (target / "x", target.parent, tmp_path):
        refused = PermissionError(errno.EACCES, "Permission denied", str(place))
        with pytest.raises(StorageError, match="cannot write"), files.storage_errors(target):
            raise refused
