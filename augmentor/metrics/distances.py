"""Euclidean distances between many rows in bounded memory.

A block of rows at a time is multiplied with the other matrix (one BLAS call), so memory grows
with the number of rows and not with the number of pairs. Buffers are allocated once and reused: the
first write to fresh memory costs as much as the arithmetic on it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.metrics.estimate import Array

BLOCK = 2_000_000
"""Distances held at a time where whole rows of them are wanted: 16 MB of float64."""
TILE = 512
"""Side of the square tiles where no whole row is wanted: 2 MB of float64, near the processor's cache."""


def squared_blocks(a: Array, b: Array) -> Iterator[tuple[slice, Array]]:
    """Yield (rows of ``a``, squared distances of these rows (n, M) to all rows of ``b``).

    The yielded array is valid until the next iteration. Both matrices are centred
    first, because the expansion |a|² - 2ab + |b|² loses digits to a common offset.
    """
    centre = b.mean(axis=0) if len(b) else 0.0
    a, b = a - centre, b - centre
    a_norm, b_norm = np.einsum("ij,ij->i", a, a), np.einsum("ij,ij->i", b, b)
    rows = max(1, BLOCK // max(1, len(b)))
    b *= -2.0
    memory = np.empty((min(rows, len(a)), len(b)))
    for start in range(0, len(a), rows):
        part = slice(start, min(start + rows, len(a)))
        block = np.matmul(a[part], b.T, out=memory[: part.stop - start])
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
    centre, width = b.mean(axis=0), b.shape[1]
    index, best = np.zeros(len(a), dtype=np.int64), np.full(len(a), -np.inf)
    # Nearest is where x·y - |y|² / 2 is largest: one product, with -|y|² / 2 as one more column.
    queries = np.ones((min(4 * TILE, len(a)), width + 1))
    others = np.empty((min(TILE, len(b)), width + 1))
    memory = np.empty(len(queries) * len(others))
    for start in range(0, len(a), 4 * TILE):
        part = slice(start, min(start + len(queries), len(a)))
        inner = queries[: part.stop - start]
        np.subtract(a[part], centre, out=inner[:, :-1])
        for first in range(0, len(b), len(others)):
            outer = others[: len(b) - first]
            np.subtract(b[first : first + len(outer)], centre, out=outer[:, :-1])
            outer[:, -1] = -0.5 * np.einsum("ij,ij->i", outer[:, :-1], outer[:, :-1])
            product = memory[: len(inner) * len(outer)].reshape(len(inner), len(outer))
            winner = np.matmul(inner, outer.T, out=product).argmax(axis=1)
            value = product[np.arange(len(inner)), winner]
            # Strictly: of equally near rows the first one stays.
            better = value > best[part]
            best[part][better], index[part][better] = value[better], winner[better] + first
    return _distances(a, b, index), index


def _distances(a: Array, b: Array, index: npt.NDArray[np.int64]) -> Array:
    """Return the distance (N,) of every row of ``a`` to its row of ``b``; equal rows give exactly 0."""
    distance = np.empty(len(a))
    for start in range(0, len(a), TILE // 4):
        part = slice(start, start + TILE // 4)
        gap = a[part] - b[index[part]]
        distance[part] = np.sqrt(np.einsum("ij,ij->i", gap, gap))
    return distance


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
    return _distances(a, a, index), index


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
    memory = np.empty(min(TILE, n) ** 2)
    for start in range(0, n, TILE):
        rows = a[start : start + TILE]
        # Each pair of tiles once; of a tile with itself BLAS computes one half and mirrors it.
        for other in range(start, n, TILE):
            columns = a[other : other + TILE]
            tile = memory[: len(rows) * len(columns)].reshape(len(rows), len(columns))
            np.matmul(rows, columns.T, out=tile)
            tile *= -2.0
            tile += norm[start : start + TILE, None]
            tile += norm[None, other : other + TILE]
            np.maximum(tile, 0.0, out=tile)
            if start == other:
                np.fill_diagonal(tile, 0.0)
            np.sqrt(tile, out=tile)
            total += float(tile.sum()) * (1 if start == other else 2)
    return total / (n * (n - 1))
