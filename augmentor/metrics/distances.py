"""Euclidean distances between many rows in bounded memory.

A block of rows at a time is multiplied with the other matrix (one BLAS call), so memory grows
with the number of rows and not with the number of pairs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.metrics.estimate import Array

BLOCK = 2_000_000
"""Distances held at a time: 16 MB of float64, which stays near the processor's cache."""


def squared_blocks(a: Array, b: Array) -> Iterator[tuple[slice, Array]]:
    """Yield (rows of ``a``, squared distances of these rows (n, M) to all rows of ``b``).

    The yielded array is reused by nobody: the caller may change it. Both matrices are centred
    first, because the expansion |a|² - 2ab + |b|² loses digits to a common offset.
    """
    centre = b.mean(axis=0) if len(b) else 0.0
    a, b = a - centre, b - centre
    a_norm, b_norm = np.einsum("ij,ij->i", a, a), np.einsum("ij,ij->i", b, b)
    rows = max(1, BLOCK // max(1, len(b)))
    columns = np.ascontiguousarray(-2.0 * b.T)
    for start in range(0, len(a), rows):
        part = slice(start, min(start + rows, len(a)))
        block = a[part] @ columns
        block += a_norm[part, None]
        block += b_norm[None, :]
        np.maximum(block, 0.0, out=block)
        yield part, block


def nearest(a: Array, b: Array) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return the distance (N,) of every row of ``a`` to its nearest row of ``b``, and that row (N,).

    Raises:
        DataError: if ``b`` is empty.
    """
    if not len(b):
        raise DataError("there is no row to be near to")
    index, distance = np.zeros(len(a), dtype=np.int64), np.zeros(len(a))
    centre = b.mean(axis=0)
    others = np.empty((len(b), b.shape[1] + 1))
    np.subtract(b, centre, out=others[:, :-1])
    others[:, -1] = -0.5 * np.einsum("ij,ij->i", others[:, :-1], others[:, :-1])
    rows = max(1, BLOCK // len(b))
    inner = np.ones((min(rows, len(a)), others.shape[1]))
    for start in range(0, len(a), rows):
        part = a[start : start + rows]
        # Nearest is where x·y - |y|² / 2 is largest: one product, with |y|² as one more column.
        np.subtract(part, centre, out=inner[: len(part), :-1])
        winner = (inner[: len(part)] @ others.T).argmax(axis=1)
        index[start : start + rows] = winner
        # The winner's distance again by subtraction: exact zeros for equal rows.
        distance[start : start + rows] = np.sqrt(((part - b[winner]) ** 2).sum(axis=1))
    return distance, index


def nearest_other(a: Array) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return the distance (N,) of every row to the nearest other row, and that row (N,).

    Raises:
        DataError: if there are fewer than two rows.
    """
    if len(a) < 2:
        raise DataError("the nearest other row needs at least two rows")
    index = np.zeros(len(a), dtype=np.int64)
    for part, block in squared_blocks(a, a):
        block[np.arange(len(block)), np.arange(part.start, part.stop)] = np.inf
        index[part] = block.argmin(axis=1)
    return np.sqrt(((a - a[index]) ** 2).sum(axis=1)), index


def neighbour_radius(a: Array, k: int, pool: Array | None = None) -> Array:
    """Return the distance (N,) of every row of ``a`` to its k-th nearest other row.

    Args:
        a: (N, D).
        k: 1 for the nearest other row.
        pool: rows (M, D) among which neighbours are searched beside those of ``a``; None for none.

    Raises:
        DataError: if there are not k other rows.
    """
    everything = a if pool is None or not len(pool) else np.concatenate([a, pool])
    if not 1 <= k < len(everything):
        raise DataError(f"the {k}-th nearest of {len(everything)} rows does not exist")
    radius = np.zeros(len(a))
    for part, block in squared_blocks(a, everything):
        block[np.arange(len(block)), np.arange(part.start, part.stop)] = np.inf
        block.partition(k - 1, axis=1)
        radius[part] = block[:, k - 1]
    return np.sqrt(radius)


def mean_distance(a: Array) -> float:
    """Return the mean distance over all pairs of different rows of ``a`` (N, D).

    Raises:
        DataError: if there are fewer than two rows.
    """
    n = len(a)
    if n < 2:
        raise DataError("a mean distance needs at least two rows")
    a = a - a.mean(axis=0)
    norm, total = np.einsum("ij,ij->i", a, a), 0.0
    rows = max(1, BLOCK // n)
    for start in range(0, n, rows):
        # Each pair once: only the rows from this block on.
        block = (-2.0 * a[start : start + rows]) @ a[start:].T
        block += norm[start : start + rows, None]
        block += norm[None, start:]
        np.maximum(block, 0.0, out=block)
        np.sqrt(block, out=block)
        inner = np.arange(len(block))
        block[inner, inner] = 0.0
        total += float(block[:, : len(block)].sum()) + 2 * float(block[:, len(block) :].sum())
    return total / (n * (n - 1))
