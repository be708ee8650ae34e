"""Duplicates: samples with the same values (exact) or nearly the same (near)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from augmentor.core.factorize import factorize
from augmentor.core.samples import Samples, concatenate
from augmentor.core.scratch import RowWriter, chunks
from augmentor.data.loaded import Fingerprints

NEAR_CORRELATION = 0.99
"""Correlation from which two samples are near duplicates.

Measured with :mod:`augmentor.data.readers.fingerprints` at 16 x 16. The closest pair of different
pictures reaches 0.952 in PneumoniaMNIST (5,827 pictures), 0.978 in the BCCD cells (4,863) and 0.990
in the 8 x 8 digits, so none of these sets has a pair at 0.99. A copy saved again as JPEG of quality 90
stays above 0.992 in the three MedMNIST and BCCD sets, one made 10 % brighter above 0.987 (95 of 100
above 0.996), one with noise of 2 grey levels above 0.996 for 95 of 100. JPEG of quality 50 falls below
0.99 for half of the 28-pixel pictures, and a shift by one pixel always does: such copies are not found.

Volumes (1,584 of AdrenalMNIST3D at 8 x 8 x 8): the closest pair of different ones reaches 0.935;
a copy with noise of 5 grey levels stays above 0.996 for 95 of 100. Series at 32 steps (314 of four
channels, user movement): the closest pair reaches 0.960, and a copy with noise of 5 % of the spread
stays above 0.997 for 95 of 100.
"""
MAX_COMPARED = 30_000
BLOCK_ROWS = 1024


@dataclass(frozen=True)
class NearDuplicate:
    """Two samples that are nearly equal, but not equal."""

    first: str
    second: str
    correlation: float


def exact_duplicates(parts: Mapping[str, Samples]) -> list[tuple[str, ...]]:
    """Return the ids of the samples that share their values, group by group, in reading order."""
    found = factorize(*(part.row_digests for part in parts.values()))
    content = np.concatenate([np.empty(0, np.int64), *found])
    several = np.flatnonzero(np.bincount(content) > 1)
    rows: dict[int, list[str]] = {int(code): [] for code in several}
    for part, own in zip(parts.values(), found, strict=True):
        for row in np.flatnonzero(np.isin(own, several)):
            rows[int(own[row])].append(str(part.ids[row]))
    return [tuple(names) for names in rows.values()]


def near_duplicates(
    parts: Mapping[str, Samples], fingerprints: Fingerprints | None, threshold: float = NEAR_CORRELATION
) -> list[NearDuplicate]:
    """Return pairs of different samples whose fingerprints correlate at ``threshold`` or more.

    Equal samples are left out: of each group of them only the first takes part. Above 30,000
    samples an even selection of 30,000 is compared. Pairs come closest first.

    Args:
        parts: samples by part.
        fingerprints: of these samples, :attr:`augmentor.data.loaded.Loaded.fingerprints`; with None nothing
            is compared.
        threshold: the lowest correlation of a pair.
    """
    x, ids = _distinct(parts)
    if fingerprints is None or len(x) < 2:
        return []
    prints = fingerprints(x)
    found = []
    starts = range(0, len(prints), BLOCK_ROWS)
    for one, two in ((one, two) for one in starts for two in starts if two >= one):
        close = prints[one : one + BLOCK_ROWS] @ prints[two : two + BLOCK_ROWS].T
        near = close >= threshold
        first, second = np.nonzero(np.triu(near, k=1) if one == two else near)
        found += [
            NearDuplicate(str(ids[one + i]), str(ids[two + j]), min(1.0, float(close[i, j])))
            for i, j in zip(first, second, strict=True)
        ]
    return sorted(found, key=lambda pair: (-pair.correlation, pair.first, pair.second))


def _distinct(parts: Mapping[str, Samples]) -> tuple[Any, npt.NDArray[np.str_]]:
    """Return the first of every group of equal samples, in the data's own form, and their ids."""
    whole = [part for part in parts.values() if len(part)]
    if not whole:
        return [], np.empty(0, dtype=np.str_)
    content = np.concatenate(factorize(*(part.row_digests for part in whole)))
    _, rows = np.unique(content, return_index=True)
    rows = np.sort(rows)
    if len(rows) > MAX_COMPARED:
        rows = rows[np.linspace(0, len(rows) - 1, MAX_COMPARED).astype(np.int64)]
    chosen, start = [], 0
    for part in whole:
        chosen.append(rows[(rows >= start) & (rows < start + len(part))] - start)
        start += len(part)
    ids = np.concatenate([part.ids[mine] for part, mine in zip(whole, chosen, strict=True)])
    if isinstance(whole[0].x, pd.DataFrame):
        return concatenate([part.take(mine) for part, mine in zip(whole, chosen, strict=True)]).x, ids
    writer = RowWriter(whole[0].array.dtype, whole[0].shape)
    for part, mine in zip(whole, chosen, strict=True):
        for piece in chunks(part.array):
            writer.add(part.array[mine[(mine >= piece.start) & (mine < piece.stop)]])
    return writer.finish(), ids
