"""Rows in unnamed files are the rows in memory; equal texts, and only they, share a code."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from augmentor.core import factorize as codes_module
from augmentor.core import scratch
from augmentor.core.errors import StorageError
from augmentor.core.factorize import all_unique, factorize, is_in
from augmentor.core.scratch import RowWriter, chunks, collect, on_disk, scratch_in, take_rows

X = np.random.default_rng(0).integers(0, 2**16, (100, 3, 5), dtype=np.uint16)


def written(x: np.ndarray, bite: int = 7) -> np.ndarray:
    writer = RowWriter(x.dtype, x.shape[1:])
    for start in range(0, len(x), bite):
        writer.add(x[start : start + bite])
    return writer.finish()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "SPILL", 256)
    monkeypatch.setattr(scratch, "CHUNK", 64)


def test_few_rows_stay_in_memory() -> None:
    found = written(X)
    np.testing.assert_array_equal(found, X)
    assert not on_disk(found)


@pytest.mark.usefixtures("tiny")
def test_many_rows_go_to_a_file_without_a_name(tmp_path: Path) -> None:
    with scratch_in(tmp_path):
        found = written(X)
        assert list(tmp_path.iterdir()) == []
    np.testing.assert_array_equal(found, X)
    assert (type(found), found.dtype, on_disk(found), found.flags.writeable) == (
        np.ndarray,
        X.dtype,
        True,
        False,
    )
    assert on_disk(found[3:8, 1])
    assert not on_disk(found[[3, 8]])


def test_no_rows_are_an_empty_array() -> None:
    assert RowWriter("U5", (2,)).finish().shape == (0, 2)


def test_rows_are_copied_when_they_are_added() -> None:
    rows, writer = X[:3].copy(), RowWriter(X.dtype, X.shape[1:])
    writer.add(rows)
    rows[:] = 0
    np.testing.assert_array_equal(writer.finish(), X[:3])


@pytest.mark.usefixtures("tiny")
def test_a_full_disk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w+b", buffering=0) as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
        with pytest.raises(StorageError, match="no space left"):
            written(X)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("rows", [[], [5], [99, 0, 0, 41], list(range(100))])
def test_taking_rows_is_indexing_on_both_sides(rows: list[int]) -> None:
    index = np.array(rows, dtype=np.int64)
    np.testing.assert_array_equal(take_rows(X, index), X[index])
    found = take_rows(written(X), index)
    np.testing.assert_array_equal(found, X[index])
    assert on_disk(found) == (len(rows) == 100)


@pytest.mark.usefixtures("tiny")
def test_pieces_cover_the_rows_once() -> None:
    pieces = list(chunks(X))
    assert [row for piece in pieces for row in range(piece.start, piece.stop)] == list(range(100))
    assert len(pieces) == 50
    assert list(chunks(X[:0])) == []


@pytest.mark.usefixtures("tiny")
def test_texts_are_gathered_whole() -> None:
    names = [f"name-{number}" for number in range(50)]
    assert collect(iter(names), "U7").tolist() == names


TEXTS = np.array(["b", "a", "b", "", "c", "a" * 40, "a"])
MORE = np.array(["c", "d", "b"])


def same_hash(values: np.ndarray, categorize: bool) -> np.ndarray:
    return np.zeros(len(values), np.uint64)


@pytest.mark.parametrize("collide", [False, True])
def test_codes_number_texts_by_first_appearance(collide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if collide:
        monkeypatch.setattr(codes_module.pd.util, "hash_array", same_hash)
    one, two = factorize(TEXTS, MORE)
    assert one.tolist() == [0, 1, 0, 2, 3, 4, 1]
    assert two.tolist() == [3, 5, 0]
    assert is_in(MORE, TEXTS).tolist() == [True, False, True]
    assert is_in(TEXTS, MORE).tolist() == [True, False, True, False, True, False, False]
    assert all_unique(MORE)
    assert not all_unique(TEXTS)


def test_codes_of_nothing() -> None:
    assert factorize() == []
    assert factorize(np.empty(0, dtype=np.str_))[0].tolist() == []
    assert all_unique(np.empty(0, dtype=np.str_))
