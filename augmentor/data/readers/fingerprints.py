"""Samples as short vectors whose products tell which are nearly equal."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from augmentor.core.kinds import IMAGE, SERIES, VOLUME
from augmentor.core.scratch import chunks
from augmentor.data.loaded import Fingerprints
from augmentor.data.readers.pictures import to_channels, to_square
from augmentor.data.readers.resample import resampled

Prints: TypeAlias = npt.NDArray[np.float32]
Shrink: TypeAlias = Callable[[npt.NDArray[Any]], npt.NDArray[np.float64]]
"""Rows (n, C, *S) to short rows (n, P)."""


def image_fingerprints(x: npt.NDArray[Any], side: int = 16) -> Prints:
    """Return the fingerprints of images (N, C, H, W), grey, averaged down to ``side`` pixels a side."""
    return _fingerprints(x, lambda rows: _grey_squares(rows, side))


def volume_fingerprints(x: npt.NDArray[Any], side: int = 8) -> Prints:
    """Return the fingerprints of volumes (N, C, D, H, W): the mean of the channels, averaged down."""
    return _fingerprints(
        x, lambda rows: _small_grids(rows.astype(np.float32).mean(axis=1, keepdims=True), side)
    )


def series_fingerprints(x: npt.NDArray[Any], side: int = 32) -> Prints:
    """Return the fingerprints of series (N, C, T): channels of one spread, ``side`` steps."""
    return _fingerprints(_same_spread(x) if len(x) else x, lambda rows: _small_grids(rows, side))


FINGERPRINTS: Final[dict[str, Fingerprints]] = {
    IMAGE.name: image_fingerprints,
    VOLUME.name: volume_fingerprints,
    SERIES.name: series_fingerprints,
}
"""Those of the kinds that folders and archives hold, by name."""


def _fingerprints(x: npt.NDArray[Any], small: Shrink) -> Prints:
    """Return unit vectors (N, P) whose products are correlations of small samples.

    Small samples are freed of their mean and brought to length 1, so that brightness and contrast do not
    matter. Then the mean of all samples is taken out and the length is 1 again: what all share (the
    disc of a fundus, the outline of a chest) would make any two of them look alike. A sample without
    anything of its own (one flat value) becomes zeros and correlates with nothing. Sides shorter than
    asked keep their own size.
    """
    prints: Prints = np.empty((len(x), small(x[:0]).shape[1]), dtype=np.float32)
    total = np.zeros(prints.shape[1])
    for piece in chunks(x):
        rows = small(x[piece])
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
    small = resampled(x.astype(np.float32), [min(side, own) for own in x.shape[2:]])
    return small.reshape(len(x), math.prod(small.shape[1:])).astype(np.float64)


def _same_spread(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return series (N, C, T) with channels of mean 0 and deviation 1 over all of them."""
    middle, spread = (f(x, axis=(0, 2), keepdims=True, dtype=np.float64) for f in (np.mean, np.std))
    return ((x - middle) / np.where(spread > 0, spread, 1)).astype(np.float32)


def _unit(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    # A flat sample leaves rounding noise, which must not be blown up to a fingerprint.
    scale = np.where(length > 1e-6, length, np.inf)
    unit: npt.NDArray[np.float64] = rows / scale
    return unit
