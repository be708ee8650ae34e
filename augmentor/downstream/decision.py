"""Which class is chosen from probabilities: the most probable one after a shift of the class frequencies.

A classifier that learnt at class frequencies pi and is judged at others is right to say p_k w_k,
renormalised, where w_k is the ratio of the two (Saerens 2002, equation 2.4); for the balanced accuracy, which
weighs classes alike, w_k = 1 / pi_k (Menon 2021, equation 9). Networks overfit few rows of a rare class and
say it too seldom even when trained on balanced batches, so how far to go is a number to be fitted:
w_k = pi_k ** -strength, one parameter for all classes. Of two classes that is any threshold; of more it is
the direction in which few rare cases can tell anything.

Areas under the curve and calibration are measured on the probabilities as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

FEWEST: Final = 5
"""Cases of the rarest class that a strength is fitted on at least.

Simulated (benchmarks/decision_rule.md): from 5 on fitting is better than the fixed rule wherever a quarter of
the full shift is missing, and loses about a point at most where nothing is.
"""
STEPS: Final = np.round(np.arange(-1.0, 1.5001, 0.05), 2)
"""Strengths that are tried, counted from the fixed one."""
LEAST = 1e-12
"""Stands for a probability of zero, whose logarithm is asked for."""


@dataclass(frozen=True)
class DecisionRule:
    """How a class is chosen from the probabilities of one arm.

    Attributes:
        strength: exponent of the class frequencies; 0 leaves the most probable class.
        how: "fitted" on the validation part, or "fixed".
        offsets: (K,) what is added to the logarithm of each class's probability.
    """

    strength: float
    how: Literal["fitted", "fixed"]
    offsets: tuple[float, ...]

    def applied(self, probabilities: Floats) -> Floats:
        """Return the shifted probabilities (..., K), whose rows add to one."""
        return shifted(probabilities, np.array(self.offsets))


def log_frequencies(counts: Index) -> Floats:
    """Return log(n_k / N) (K,) of class counts; a class without a row counts as half of one."""
    some = np.maximum(counts, 0.5)
    return np.asarray(np.log(some / some.sum()), np.float64)


def shifted(probabilities: Floats, offsets: Floats) -> Floats:
    """Return probabilities (..., K) times exp(offsets) (K,), renormalised.

    Example:
        >>> shifted(np.array([0.8, 0.2]), -np.log([0.8, 0.2])).round(3).tolist()
        [0.5, 0.5]
    """
    logs = np.log(np.maximum(probabilities, LEAST)) + offsets
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def decided(stored: Mapping[str, NDArray[Any]], arm: str, part: str = "test") -> Floats:
    """Return what an arm chooses classes by, from the file of predictions of a run.

    These are its probabilities (S, N, K), shifted by its decision rule where it has one.

    Args:
        stored: ``predictions.npz``, as ``numpy.load`` returns it.
        arm: its name.
        part: "test"; the rule of the validation part is another in each of its folds.

    Example:
        >>> stored = {"test/a": np.array([[[0.8, 0.2]]]), "offsets/a": np.array([0.0, 2.0])}
        >>> decided(stored, "a").round(2).tolist()
        [[[0.35, 0.65]]]
    """
    p, name = np.asarray(stored[f"{part}/{arm}"], np.float64), f"offsets/{arm}"
    return shifted(p, stored[name]) if name in stored else p


def fixed_strength(metric: str, *, balanced: bool) -> float:
    """Return the strength by theory: what turns the frequencies an arm learnt at into those of the metric.

    Args:
        metric: "balanced_accuracy", which weighs classes alike, or "accuracy", which weighs cases.
        balanced: whether the arm's batches or its loss weigh classes alike.
    """
    if metric == "balanced_accuracy":
        return 0.0 if balanced else 1.0
    return -1.0 if balanced else 0.0


def hits_at(probabilities: Floats, y: Index, offsets: Sequence[Floats]) -> Floats:
    """Return for each of T offsets (K,) how often each case is right (T, M), a mean over the S seeds.

    Args:
        probabilities: (S, M, K).
        y: (M,) labels.
        offsets: T of them.
    """
    logs = np.log(np.maximum(probabilities, LEAST))
    return np.stack([((logs + one).argmax(axis=-1) == y).mean(axis=0) for one in offsets])


def best_strength(hits: Floats, y: Index, metric: str, strengths: Floats, fixed: float) -> float:
    """Return the strength with the best metric, of equals the one nearest to the fixed one.

    Args:
        hits: (T, M) from :func:`hits_at`.
        y: (M,) labels.
        metric: "balanced_accuracy" or "accuracy".
        strengths: (T,).
        fixed: the strength to stay at where others are no better.
    """
    if metric == "balanced_accuracy":
        values = np.mean([hits[:, y == k].mean(axis=1) for k in np.unique(y)], axis=0)
    else:
        values = hits.mean(axis=1)
    best = np.flatnonzero(values >= values.max() - 1e-9)
    return float(strengths[min(best, key=lambda i: (abs(strengths[i] - fixed), strengths[i]))])
