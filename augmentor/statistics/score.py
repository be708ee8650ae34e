"""The interval of a score itself: the rule of gains, applied to right less wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from augmentor.core.case_values import CaseValues
from augmentor.statistics.design import Design
from augmentor.statistics.small_samples import Changes, small_interval


@dataclass(frozen=True)
class Score:
    """A mean score over seeds with its two-sided interval, in [0, 1].

    Attributes:
        mean: over seeds.
        low: lower end of the interval.
        high: upper end.
        variance: of the mean.
        degrees: of freedom of that.
    """

    mean: float
    low: float
    high: float
    variance: float
    degrees: float

    @property
    def standard_error(self) -> float:
        """The square root of the variance."""
        return math.sqrt(self.variance)


def score_of(
    values: CaseValues, design: Design, *, folds: NDArray[Any] | None = None, confidence: float = 0.95
) -> Score:
    """Return a model's score with an interval that holds where cases are few.

    With a value v of a case, 2 v - 1 lies in [-1, 1], and its metric is twice the score less one. The two
    unseen cases that :func:`augmentor.statistics.small_samples.small_interval` lends, +1 and -1, are then one
    case more that is right and one that is wrong: in one class, (k + 1) / (n + 2) in the middle (Agresti and
    Coull 1998, Am. Stat. 52:119).

    Args:
        values: of one model on one part.
        design: which cases belong to which class and unit.
        folds: as in ``small_interval``.
        confidence: two-sided.
    """
    sides = Changes(2 * values.table - 1, values.weights, values.share, values.unseen)
    found = small_interval(sides, design, folds=folds, confidence=confidence)
    middle, low, high = ((one + 1) / 2 for one in (found.gain, found.low, found.high))
    return Score(middle, low, high, found.variance / 4, found.degrees)
