"""Near copies of training images, also where they are shifted, mirrored or of another brightness.

The same holds for series and volumes: a shift is one step or voxel of the averaged
grid, a mirrored series runs backwards.

Two images are compared by the correlation of their pixels, the best over shifts by one pixel and
over mirroring: the distance is that between the images brought to mean zero and length one,
sqrt(2 - 2 r). Pixels and not network features, because a classifier's features drop what does not
matter for the class, and with it what distinguishes a copy from a similar image.

The threshold comes from the data (:mod:`augmentor.metrics.scale`): it is a small quantile of the
distances of real images that are no copies.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.metrics.estimate import Array

LONGEST = {1: 128, 2: 32, 3: 16}
"""By dimension: longer sides are averaged down to at most so many cells before samples are compared.

A search costs rows times rows times cells times shifts (3 per dimension): at these sides a thousand
rows take seconds, series, images and volumes alike.
"""
FLAT = 0.01
"""Contrast in [-1, 1] that counts as flat: 1.3 grey levels of 256."""
ROWS_AT_ONCE = 256

Pixels = npt.NDArray[np.float32]


def shrink(x: npt.ArrayLike) -> Pixels:
    """Return samples (N, C, *S) averaged over blocks so that no side is longer than :data:`LONGEST`.

    Raises:
        DataError: if there are no or more than three spatial dimensions.
    """
    images = np.asarray(x, dtype=np.float32)
    if images.ndim - 2 not in LONGEST:
        raise DataError(f"samples have the shape (N, C, *S) with one to three sides, got {images.shape}")
    longest = LONGEST[images.ndim - 2]
    for axis in range(2, images.ndim):
        side = images.shape[axis]
        factor = -(-side // longest)
        if factor > 1:
            # Sides that the factor does not divide lose less than one block at their end.
            images = np.take(images, range(side - side % factor), axis=axis)
            shape = (*images.shape[:axis], side // factor, factor, *images.shape[axis + 1 :])
            images = images.reshape(shape).mean(axis=axis + 1)
    return np.ascontiguousarray(images)


def standardised(x: Pixels) -> Pixels:
    """Return images as rows (N, P) of mean zero and length one; images without contrast become zero."""
    rows = x.reshape(len(x), math.prod(x.shape[1:]))
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    flat = length < FLAT * np.sqrt(rows.shape[1])
    return np.where(flat[:, None], 0.0, rows / np.where(flat, 1.0, length)[:, None]).astype(np.float32)


def nearest_image(
    queries: Pixels,
    train: Pixels,
    *,
    exclude: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None,
    mirror: bool = True,
) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return the distance (N,) in [0, 2] of every query to the nearest training image, and which (N,).

    Args:
        queries: (N, C, *S) as :func:`shrink` returns them, in the codec's [-1, 1].
        train: (M, C, *S), at least one.
        exclude: group codes (N,) and (M,); a query is not compared to images of its own group.
            A query without any other image gets the distance infinity.
        mirror: whether images are compared mirrored along the last axis too.

    Raises:
        DataError: if there is no training image.
    """
    if not len(train):
        raise DataError("there is no training sample to compare to")
    inner = standardised(centre(queries))
    best = np.full(len(queries), -np.inf)
    index = np.zeros(len(queries), dtype=np.int64)
    for view in _views(train, mirror):
        columns = np.ascontiguousarray(standardised(view).T)
        for start in range(0, len(inner), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            likeness = inner[part] @ columns
            if exclude is not None:
                likeness[exclude[0][part, None] == exclude[1][None, :]] = -np.inf
            row = likeness.argmax(axis=1)
            value = likeness[np.arange(len(row)), row].astype(np.float64)
            better = value > best[part]
            best[part][better], index[part][better] = value[better], row[better]
    return np.sqrt(np.maximum(0.0, 2.0 - 2.0 * best)), index


def centre(x: Pixels) -> Pixels:
    """Return the images (N, C, *S) without the margin of one pixel that shifts need."""
    return _window(x, [_margin(side) for side in x.shape[2:]])


def _margin(side: int) -> int:
    return 1 if side > 4 else 0


def _window(x: Pixels, offsets: list[int]) -> Pixels:
    """Return the part of ``x`` that leaves a margin, moved by the offsets (0 to twice the margin)."""
    cut = [slice(None), slice(None)]
    for side, offset in zip(x.shape[2:], offsets, strict=True):
        cut.append(slice(offset, offset + side - 2 * _margin(side)))
    return x[tuple(cut)]


def _views(train: Pixels, mirror: bool) -> list[Pixels]:
    """Return the training images moved by -1, 0 and 1 along each axis, plain and mirrored."""
    moves = list(itertools.product(*(range(2 * _margin(side) + 1) for side in train.shape[2:])))
    forms = [train, np.ascontiguousarray(train[..., ::-1])] if mirror else [train]
    return [_window(form, list(move)) for form in forms for move in moves]
