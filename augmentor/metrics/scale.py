"""The usual distance between real rows, class by class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.metrics.estimate import Array

REPEAT = 2e-3
"""Smaller distances mean two copies of one image; unrelated rows are about 1 apart, float32 errs by 1e-3."""


@dataclass(frozen=True, eq=False)
class DistanceScale:
    """Usual distances of real rows to their nearest real row.

    Attributes:
        median: (K,) the usual distance by class.
        threshold: (K,) the requested quantile.
    """

    median: Array
    threshold: Array

    def relative_to_threshold(self, distance: Array, y: npt.NDArray[np.int64]) -> Array:
        """Return distance over threshold (N,): below 1 is nearer than the threshold."""
        return np.asarray(distance / self.threshold[y], dtype=np.float64)

    def widened(self, labels: npt.NDArray[np.bool_], common: float) -> DistanceScale:
        """Return the scale with the median of each class in ``labels`` (K,) at least ``common``."""
        factor = np.where(labels, np.maximum(1.0, common / self.median), 1.0)
        return DistanceScale(self.median * factor, self.threshold * factor)

    def relative_to_median(self, distance: Array, y: npt.NDArray[np.int64]) -> Array:
        """Return distance over median (N,): 1 is usual."""
        return np.asarray(distance / self.median[y], dtype=np.float64)


def distance_scale(
    distance: Array, y: npt.NDArray[np.int64], n_classes: int, quantile: float
) -> DistanceScale:
    """Return the scale given by the distances (N,) of real rows to their nearest other real row.

    A rare class has too few rows for a small or large quantile of its own. So each class has its
    own median, and the quantile relative to the median comes from all classes together. A class
    without rows takes the median of all.

    Args:
        distance: (N,); infinities and repeats (nearly 0) are left out.
        y: class (N,) of each.
        n_classes: K.
        quantile: in (0, 1).

    Raises:
        DataError: if no distance is left.
    """
    usable = np.isfinite(distance) & (distance > REPEAT)
    if not usable.any():
        raise DataError("no two real samples differ, so there is no scale for distances between them")
    distance, y = distance[usable], y[usable]
    median = np.full(n_classes, np.median(distance))
    for label in np.unique(y):
        median[label] = np.median(distance[y == label])
    return DistanceScale(median, median * np.quantile(distance / median[y], quantile))
