"""Datasets that come inside an installed package and need no download."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from augmentor.core.samples import IntArray

Arrays = tuple[npt.NDArray[np.generic], IntArray]


def digits() -> Arrays:
    """Return scikit-learn's digits: uint8 (1797, 8, 8, 1) with values 0 to 16, and labels 0 to 9."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.images.astype(np.uint8)[:, :, :, None], found.target.astype(np.int64)


EMBEDDED: dict[str, Callable[[], Arrays]] = {"digits": digits}
