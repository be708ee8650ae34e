"""Tests for one pair of classifiers or many splits, next to the bootstrap interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from augmentor.core.errors import DataError
from augmentor.metrics.auroc import placements
from augmentor.statistics.variance import below, quantile


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
        differences: (J,) score of one arm less the other, one a split, J > 1.
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


def delong(
    first: NDArray[Any], second: NDArray[Any], positive: NDArray[np.bool_], *, confidence: float = 0.95
) -> TestResult:
    """Compare two correlated AUROCs: ``first`` less ``second`` on the same cases.

    DeLong, DeLong and Clarke-Pearson (1988): the covariance of the AUROCs is
    S10 / m + S01 / n with S10 and S01 the sample covariances of the placement values over the m
    positives and n negatives, found from midranks (Sun and Xu 2014).

    Args:
        first: (N,) scores.
        second: (N,) scores.
        positive: (N,) bool, two or more of each kind.
        confidence: of the interval.

    Raises:
        DataError: if lengths differ or a side has fewer than two cases.
    """
    positive = np.asarray(positive, dtype=bool)
    m, n = int(positive.sum()), int((~positive).sum())
    shapes = np.shape(first), np.shape(second), positive.shape
    if len(set(shapes)) > 1 or len(shapes[0]) != 1 or min(m, n) < 2:
        raise DataError(
            f"DeLong needs scores and labels of one length and two cases of each side, "
            f"got {shapes}, {m} positive and {n} negative"
        )
    values = placements(np.stack([first, second]), positive)
    gap = values[0] - values[1]
    estimate = float(gap[positive].mean())
    variance = float(gap[positive].var(ddof=1) / m + gap[~positive].var(ddof=1) / n)
    return _result(estimate, math.sqrt(variance), math.inf, confidence)


@dataclass(frozen=True)
class McNemar:
    """Cases that only the first and only the second got right, with exact and mid p-values."""

    only_first: int
    only_second: int
    exact: float
    mid: float


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> McNemar:
    """Test whether two classifiers have the same accuracy on the same cases.

    Given b + c discordant cases, b is Binomial(b + c, 1/2) under equality. Exact: twice the smaller
    tail, at most 1. Mid-p: the exact one less the probability of the observed table (Fagerland,
    Lydersen and Laake 2013), closer to the nominal level.

    Args:
        first_right: (N,) bool.
        second_right: (N,) bool.
    """
    first, second = np.asarray(first_right, bool), np.asarray(second_right, bool)
    if first.shape != second.shape:
        raise DataError(f"McNemar needs the same cases, got {first.shape} and {second.shape}")
    b, c = int((first & ~second).sum()), int((~first & second).sum())
    if b + c == 0:
        return McNemar(0, 0, 1.0, 1.0)
    low = min(b, c)
    tail = 2 * float(binom.cdf(low, b + c, 0.5))
    return McNemar(b, c, min(tail, 1.0), min(tail - float(binom.pmf(low, b + c, 0.5)), 1.0))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p-values for their number by Holm's step-down rule (Holm 1979).

    Sorted p_(1) <= ... <= p_(m): adjusted p_(i) = max over j <= i of min(1, (m - j + 1) p_(j)).
    Rejecting adjusted values below alpha keeps the chance of any false rejection below alpha,
    whatever their dependence.
    """
    adjusted: dict[str, float] = {}
    highest = 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests: p-values against either bound, the larger of them, the 1 - 2 alpha interval."""

    p_lower: float
    p_upper: float
    p_value: float
    low: float
    high: float
    equivalent: bool


def tost(
    estimate: float, standard_error: float, margin: float, *, degrees: float = math.inf, alpha: float = 0.05
) -> Equivalence:
    """Two one-sided tests of |effect| >= margin (Schuirmann 1987).

    Equivalence is declared at level alpha where both one-sided tests reject, which is where the
    1 - 2 alpha interval lies within (-margin, margin). The verdict asks more: its 95 % interval
    within the margin is this test at alpha = 0.025.

    Args:
        estimate: the difference.
        standard_error: of the estimate, >= 0.
        margin: > 0.
        degrees: of freedom of Student's t, infinite for the normal law.
        alpha: level of each one-sided test.

    Raises:
        DataError: if the margin is not above 0 or the standard error is negative.
    """
    if not margin > 0 or standard_error < 0:
        raise DataError(f"equivalence needs margin > 0 and error >= 0, got {margin} and {standard_error}")
    if standard_error == 0:
        lower, upper = float(estimate <= -margin), float(estimate >= margin)
        return Equivalence(lower, upper, max(lower, upper), estimate, estimate, abs(estimate) < margin)
    lower = below(degrees, -(estimate + margin) / standard_error)
    upper = below(degrees, (estimate - margin) / standard_error)
    half = quantile(degrees, 1 - alpha) * standard_error
    worst = max(lower, upper)
    return Equivalence(lower, upper, worst, estimate - half, estimate + half, worst < alpha)
