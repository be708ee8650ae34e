"""Pictures that are there twice: with the same pixels, or nearly so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.samples import Samples
from augmentor.data.pictures import to_channels, to_square

SIDE = 16
NEAR = 0.99
"""Correlation from which two pictures are near duplicates.

Measured with :func:`fingerprints` at 16 x 16. The closest pair of different pictures reaches 0.952
in PneumoniaMNIST (5,827 pictures), 0.978 in the BCCD cells (4,863) and 0.990 in the 8 x 8 digits, so
none of these sets has a pair at 0.99. A copy saved again as JPEG of quality 90 stays above 0.992 in
the three MedMNIST and BCCD sets, one made 10 % brighter above 0.987 (95 of 100 above 0.996), one with
noise of 2 grey levels above 0.996 for 95 of 100. JPEG of quality 50 falls below 0.99 for half of the
28-pixel pictures, and a shift by one pixel always does: such copies are not found.
"""
MOST = 30_000
BLOCK = 1024


@dataclass(frozen=True)
class Near:
    """Two pictures that are nearly the same, without being equal."""

    first: str
    second: str
    correlation: float


def exact_groups(parts: Mapping[str, Samples]) -> list[tuple[str, ...]]:
    """Return the ids of the pictures that share their pixels, group by group, in reading order."""
    rows: dict[str, list[str]] = {}
    for part in parts.values():
        for digest, name in zip(part.row_digests, part.ids, strict=True):
            rows.setdefault(str(digest), []).append(str(name))
    return [tuple(names) for names in rows.values() if len(names) > 1]


def fingerprints(x: npt.NDArray[Any], side: int = SIDE) -> npt.NDArray[np.float32]:
    """Return unit vectors (N, side * side) whose products are correlations of small grey pictures.

    Each picture (C, H, W) is made grey, averaged down to ``side`` (kept at its own size if smaller),
    freed of its mean and brought to length 1, so that brightness and contrast do not matter. Then the
    mean of all pictures is taken out and the length is 1 again: what all pictures share (the disc of
    a fundus, the outline of a chest) would make any two of them look alike. A picture without
    anything of its own (one flat value) becomes zeros and correlates with nothing.
    """
    small = min(side, *x.shape[2:]) if len(x) else side
    rows = np.empty((len(x), small * small), dtype=np.float64)
    for row, picture in enumerate(x):
        pixels = to_channels(np.moveaxis(picture, 0, 2).astype(np.float32), 1)
        rows[row] = to_square(pixels, small).ravel()
    rows = _unit(rows - rows.mean(axis=1, keepdims=True))
    if len(rows) > 2:
        flat = ~rows.any(axis=1)
        rows = _unit(rows - rows.mean(axis=0))
        rows[flat] = 0
    return rows.astype(np.float32)


def near_pairs(parts: Mapping[str, Samples], threshold: float = NEAR) -> list[Near]:
    """Return pairs of different pictures whose fingerprints correlate at ``threshold`` or more.

    Equal pictures are left out: of each group of them only the first takes part. Above 30,000
    pictures an even selection of 30,000 is compared. Pairs come closest first.
    """
    x, ids = _distinct(parts)
    if len(x) < 2:
        return []
    prints = fingerprints(x)
    found = []
    for start in range(0, len(prints), BLOCK):
        close = prints[start : start + BLOCK] @ prints[start:].T
        first, second = np.nonzero(np.triu(close >= threshold, k=1))
        found += [
            Near(str(ids[start + i]), str(ids[start + j]), min(1.0, float(close[i, j])))
            for i, j in zip(first, second, strict=True)
        ]
    return sorted(found, key=lambda pair: (-pair.correlation, pair.first, pair.second))


def _distinct(parts: Mapping[str, Samples]) -> tuple[npt.NDArray[Any], npt.NDArray[np.str_]]:
    whole = [part for part in parts.values() if len(part)]
    if not whole:
        return np.empty((0, 1, 1, 1)), np.empty(0, dtype=np.str_)
    x = np.concatenate([part.array for part in whole])
    ids = np.concatenate([part.ids for part in whole])
    _, rows = np.unique(np.concatenate([part.row_digests for part in whole]), return_index=True)
    rows = np.sort(rows)
    if len(rows) > MOST:
        rows = rows[np.linspace(0, len(rows) - 1, MOST).astype(np.int64)]
    return x[rows], ids[rows]


def _unit(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    # A flat picture leaves rounding noise, which must not be blown up to a fingerprint.
    scale = np.where(length > 1e-6, length, np.inf)
    unit: npt.NDArray[np.float64] = rows / scale
    return unit
