"""A number, or the reason why there is none: a metric never returns NaN."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NotEstimable:
    """Takes the place of a number, with the reason, which completes "not estimable, because"."""

    reason: str

    def __str__(self) -> str:
        """Return the sentence a report shows."""
        return f"not estimable, because {self.reason}"


Estimate = float | NotEstimable


def is_number(value: Estimate) -> TypeGuard[float]:
    """Return whether ``value`` is a finite number."""
    return not isinstance(value, NotEstimable) and math.isfinite(value)


def mean_of(values: list[Estimate], what: str) -> Estimate:
    """Return the mean over the numbers in ``values``, leaving out what was not estimable."""
    numbers = [value for value in values if is_number(value)]
    return float(np.mean(numbers)) if numbers else NotEstimable(f"no {what} allows it")


def features(x: npt.ArrayLike, name: str) -> Array:
    """Return ``x`` as a float64 matrix (N, D).

    Raises:
        DataError: if it is not a matrix of finite numbers.
    """
    matrix = np.ascontiguousarray(x, dtype=np.float64)
    if matrix.ndim != 2:
        raise DataError(f"{name} features must have the shape (N, D), got {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise DataError(f"{name} features hold values that are not finite")
    return matrix


def pair(real: npt.ArrayLike, fake: npt.ArrayLike) -> tuple[Array, Array]:
    """Return both matrices checked by :func:`features` and for one width."""
    a, b = features(real, "real"), features(fake, "fake")
    if a.shape[1] != b.shape[1]:
        raise DataError(f"real and fake features must be of one width, got {a.shape[1]} and {b.shape[1]}")
    return a, b
