"""Duplicates: samples with the same values (exact) or nearly the same (near)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.factorize import factorize
from augmentor.core.kinds import Modality, kind_of
from augmentor.core.samples import Samples
from augmentor.core.scratch import RowWriter, chunks
from augmentor.data.readers.pictures import to_channels, to_square
from augmentor.data.readers.resample import resampled

SIDES: Mapping[Modality, int] = {"series": 32, "image": 16, "volume": 8}
"""Cells per side to which samples are averaged down before they are compared."""
NEAR = 0.99
"""Correlation from which two samples are near duplicates.

Measured with :func:`fingerprints` at 16 x 16. The closest pair of different pictures reaches 0.952
in PneumoniaMNIST (5,827 pictures), 0.978 in the BCCD cells (4,863) and 0.990 in the 8 x 8 digits, so
none of these sets has a pair at 0.99. A copy saved again as JPEG of quality 90 stays above 0.992 in
the three MedMNIST and BCCD sets, one made 10 % brighter above 0.987 (95 of 100 above 0.996), one with
noise of 2 grey levels above 0.996 for 95 of 100. JPEG of quality 50 falls below 0.99 for half of the
28-pixel pictures, and a shift by one pixel always does: such copies are not found.

Volumes (1,584 of AdrenalMNIST3D at 8 x 8 x 8): the closest pair of different ones reaches 0.935;
a copy with noise of 5 grey levels stays above 0.996 for 95 of 100. Series at 32 steps (314 of four
channels, user movement): the closest pair reaches 0.960, and a copy with noise of 5 % of the spread
stays above 0.997 for 95 of 100.
"""
MOST = 30_000
BLOCK = 1024


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


def fingerprints(x: npt.NDArray[Any], side: int | None = None) -> npt.NDArray[np.float32]:
    """Return unit vectors (N, P) whose products are correlations of small samples.

    An image (C, H, W) is made grey, a volume is averaged over its channels, and each channel of a
    series is brought to the same spread. All are averaged down to ``side`` (kept at their own size if
    smaller), freed of their mean and brought to length 1, so that brightness and contrast do not
    matter. Then the mean of all samples is subtracted and the length is 1 again: what all have in common
    (the disc of a fundus, the outline of a chest) would make any two of them look alike. A sample without
    contrast (one flat value) becomes zeros and correlates with nothing.

    Args:
        x: (N, C, *S) in the data's units.
        side: cells per side; None for :data:`SIDES`.
    """
    kind = kind_of(x.shape[1:])
    most = SIDES[kind.name] if side is None else side
    small = _grey_squares if kind.name == "image" else _small_grids
    if kind.name == "series" and len(x):
        x = _same_spread(x)
    prints: npt.NDArray[np.float32] = np.empty((len(x), small(x[:0], most).shape[1]), dtype=np.float32)
    total = np.zeros(prints.shape[1])
    for piece in chunks(x):
        rows = small(x[piece], most)
        rows = _unit(rows - rows.mean(axis=1, keepdims=True))
        total += rows.sum(axis=0)
        prints[piece] = rows
    if len(x) > 2:
        for piece in chunks(prints):
            rows = prints[piece].astype(np.float64)
            own = _unit(rows - total / len(x))
            own[~rows.any(axis=1)] = 0
            prints[piece] = own
    return prints


def _grey_squares(x: npt.NDArray[Any], side: int) -> npt.NDArray[np.float64]:
    small = min(side, *x.shape[2:])
    rows = np.empty((len(x), small * small), dtype=np.float64)
    for row, picture in enumerate(x):
        pixels = to_channels(np.moveaxis(picture, 0, 2).astype(np.float32), 1)
        rows[row] = to_square(pixels, small).ravel()
    return rows


def _small_grids(x: npt.NDArray[Any], side: int) -> npt.NDArray[np.float64]:
    """Return the mean over the channels of volumes, all channels of series, averaged down."""
    grids = x if x.ndim == 3 else x.astype(np.float32).mean(axis=1, keepdims=True)
    small = resampled(grids.astype(np.float32), [min(side, own) for own in x.shape[2:]])
    return small.reshape(len(x), math.prod(small.shape[1:])).astype(np.float64)


def _same_spread(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return series (N, C, T) with channels of mean 0 and deviation 1 over all of them."""
    middle, spread = (f(x, axis=(0, 2), keepdims=True, dtype=np.float64) for f in (np.mean, np.std))
    return ((x - middle) / np.where(spread > 0, spread, 1)).astype(np.float32)


def near_duplicates(parts: Mapping[str, Samples], threshold: float = NEAR) -> list[NearDuplicate]:
    """Return pairs of different samples whose fingerprints correlate at ``threshold`` or more.

    Equal samples are left out: of each group of them only the first takes part. Above 30,000
    samples an even selection of 30,000 is compared. Pairs come closest first.
    """
    x, ids = _distinct(parts)
    if len(x) < 2:
        return []
    prints = fingerprints(x)
    found = []
    starts = range(0, len(prints), BLOCK)
    for one, two in ((one, two) for one in starts for two in starts if two >= one):
        close = prints[one : one + BLOCK] @ prints[two : two + BLOCK].T
        near = close >= threshold
        first, second = np.nonzero(np.triu(near, k=1) if one == two else near)
        found += [
            NearDuplicate(str(ids[one + i]), str(ids[two + j]), min(1.0, float(close[i, j])))
            for i, j in zip(first, second, strict=True)
        ]
    return sorted(found, key=lambda pair: (-pair.correlation, pair.first, pair.second))


def _distinct(parts: Mapping[str, Samples]) -> tuple[npt.NDArray[Any], npt.NDArray[np.str_]]:
    whole = [part for part in parts.values() if len(part)]
    if not whole:
        return np.empty((0, 1, 1, 1)), np.empty(0, dtype=np.str_)
    content = np.concatenate(factorize(*(part.row_digests for part in whole)))
    _, rows = np.unique(content, return_index=True)
    rows = np.sort(rows)
    if len(rows) > MOST:
        rows = rows[np.linspace(0, len(rows) - 1, MOST).astype(np.int64)]
    writer = RowWriter(whole[0].array.dtype, whole[0].shape)
    ids, start = [], 0
    for part in whole:
        mine = rows[(rows >= start) & (rows < start + len(part))] - start
        start += len(part)
        ids.append(part.ids[mine])
        for piece in chunks(part.array):
            writer.add(part.array[mine[(mine >= piece.start) & (mine < piece.stop)]])
    return writer.finish(), np.concatenate(ids)


def _unit(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    # A flat sample leaves rounding noise, which must not be blown up to a fingerprint.
    scale = np.where(length > 1e-6, length, np.inf)
    unit: npt.NDArray[np.float64] = rows / scale
    return unit
