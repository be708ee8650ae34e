"""The corrected test over many splits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentor.core.errors import DataError
from augmentor.statistics.student import below, quantile


@dataclass(frozen=True)
class TestResult:
    """An estimated difference, its standard error, interval and two-sided p-value."""

    __test__ = False  # not a pytest class

    estimate: float
    standard_error: float
    low: float
    high: float
    p_value: float
    degrees: float = math.inf


def _result(estimate: float, error: float, degrees: float, confidence: float) -> TestResult:
    if error == 0:
        return TestResult(estimate, 0.0, estimate, estimate, float(estimate == 0), degrees)
    half = quantile(degrees, (1 + confidence) / 2) * error
    p_value = 2 * below(degrees, -abs(estimate) / error)
    return TestResult(estimate, error, estimate - half, estimate + half, p_value, degrees)


def nadeau_bengio(
    differences: NDArray[Any], *, n_train: int, n_test: int, confidence: float = 0.95
) -> TestResult:
    """Corrected resampled t test over J repeated random splits.

    Training parts of repeated splits overlap, so their scores are correlated and s^2 / J is too
    small. Nadeau and Bengio (2003) take the correlation as n_test / (n_test + n_train):
    t = mean / sqrt((1 / J + n_test / n_train) s^2), J - 1 degrees of freedom.

    Args:
        differences: (J,) score of one arm less the other, one per split, J > 1.
        n_train: cases in a training part.
        n_test: cases in a test part.
        confidence: of the interval.

    Raises:
        DataError: if there are fewer than two splits or a part is empty.
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 1 or d.size < 2 or min(n_train, n_test) < 1:
        raise DataError(
            f"the corrected t test needs two or more splits and parts that are not empty, "
            f"got {d.shape}, n_train={n_train}, n_test={n_test}"
        )
    error = math.sqrt((1 / d.size + n_test / n_train) * float(d.var(ddof=1)))
    return _result(float(d.mean()), error, d.size - 1, confidence)
