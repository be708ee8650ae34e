"""Factorize arrays of texts: integer codes for joins and counts, in little memory for a million digests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from augmentor.core.scratch import chunks

IntArray = npt.NDArray[np.int64]
Texts = npt.NDArray[np.str_]


def factorize(*arrays: Texts) -> list[IntArray]:
    """Return one int64 array per array of texts: equal codes where, and only where, texts are equal.

    Codes count from 0 in the order in which texts first appear, through the arrays in turn, as
    :func:`pandas.factorize` does for one array.
    """
    hashed = [_hashes(texts) for texts in arrays]
    joined = np.concatenate(hashed) if hashed else np.empty(0, np.uint64)
    _, first, member = np.unique(joined, return_index=True, return_inverse=True)
    if not _same_as_first(arrays, first[member]):
        # Two texts share a 64-bit hash: very rare, and only then is exactness paid for in memory.
        _, first, member = np.unique(np.concatenate(arrays), return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    numbers = rank[member]
    ends = np.cumsum([len(texts) for texts in arrays])
    return [numbers[end - len(texts) : end] for texts, end in zip(arrays, ends, strict=True)]


def all_unique(texts: Texts) -> bool:
    """Return whether no text occurs twice."""
    hashed = np.sort(_hashes(texts))
    # Texts of equal hashes are compared; different hashes are different texts.
    return not bool((hashed[1:] == hashed[:-1]).any()) or len(np.unique(texts)) == len(texts)


def is_in(one: Texts, other: Texts) -> npt.NDArray[np.bool_]:
    """Return a mask (N,) of the rows of ``one`` whose text is also in ``other``."""
    mine, theirs = factorize(one, other)
    return np.isin(mine, theirs)


def _hashes(texts: Texts) -> npt.NDArray[np.uint64]:
    found: npt.NDArray[np.uint64] = np.empty(len(texts), dtype=np.uint64)
    for piece in chunks(texts):
        found[piece] = pd.util.hash_array(texts[piece].astype(object), categorize=False)
    return found


def _same_as_first(arrays: Sequence[Texts], first: npt.NDArray[np.intp]) -> bool:
    """Return whether each text equals the text at its place in ``first``, counted through all arrays."""
    starts = np.cumsum([0, *(len(texts) for texts in arrays)])
    repeats = np.flatnonzero(first != np.arange(len(first)))
    for begin in range(0, len(repeats), 4096):
        rows = repeats[begin : begin + 4096]
        if not np.array_equal(_at(arrays, starts, rows), _at(arrays, starts, first[rows])):
            return False
    return True


def _at(arrays: Sequence[Texts], starts: IntArray, rows: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    found = np.empty(len(rows), dtype=object)
    which = np.searchsorted(starts, rows, side="right") - 1
    for number, texts in enumerate(arrays):
        mine = which == number
        found[mine] = texts[rows[mine] - starts[number]]
    return found
