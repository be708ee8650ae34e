"""Grids of any number of dimensions brought to another size, axis by axis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

ROWS = 64


@lru_cache(maxsize=256)
def weights(before: int, after: int) -> npt.NDArray[np.float64]:
    """Return the matrix (after, before), rows adding to one, that resamples one axis.

    Where the axis shrinks, each new cell is the mean of the stretch it covers, parts of cells
    weighted by how much of them it covers; where it grows, cells are interpolated linearly between
    centres and held beyond the first and last. The same rule as for pictures.
    """
    place = np.arange(after)[:, None]
    cell = np.arange(before)[None, :]
    if after <= before:
        ratio = before / after
        overlap = np.minimum(cell + 1, (place + 1) * ratio) - np.maximum(cell, place * ratio)
        table = np.clip(overlap, 0, None)
    else:
        centre = np.clip((place + 0.5) * before / after - 0.5, 0, before - 1)
        table = np.clip(1 - np.abs(cell - centre), 0, None)
    shares: npt.NDArray[np.float64] = table / table.sum(axis=1, keepdims=True)
    shares.flags.writeable = False
    return shares


def resampled(x: npt.NDArray[Any], grid: Sequence[int]) -> npt.NDArray[Any]:
    """Return ``x`` (N, C, *S) with the spatial sides ``grid``, in its own dtype.

    Whole numbers are rounded once, at the end; means and blends never leave the range of ``x``.
    """
    if x.shape[2:] == tuple(grid):
        return x
    result = np.empty((*x.shape[:2], *grid), dtype=x.dtype)
    for start in range(0, len(x), ROWS):
        part = x[start : start + ROWS].astype(np.float64)
        for axis, side in enumerate(grid, start=2):
            if part.shape[axis] != side:
                table = weights(part.shape[axis], side)
                part = np.moveaxis(np.moveaxis(part, axis, -1) @ table.T, -1, axis)
        result[start : start + ROWS] = np.rint(part) if np.issubdtype(x.dtype, np.integer) else part
    return result


def centred(x: npt.NDArray[Any], side: int) -> npt.NDArray[Any]:
    """Return the largest centred square or cube of ``x`` (N, C, *S), resampled to ``side`` an axis.

    Nothing is padded or stretched: what lies beyond the cube is cut off (an odd rest at the end).
    """
    shortest = min(x.shape[2:])
    cut = [slice(None), slice(None)]
    cut += [slice((own - shortest) // 2, (own - shortest) // 2 + shortest) for own in x.shape[2:]]
    return resampled(x[tuple(cut)], (side,) * (x.ndim - 2))
