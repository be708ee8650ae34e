"""What every test case is worth to a metric: the values that a paired comparison subtracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentor.core.errors import ConfigError, DataError
from augmentor.downstream.scores import PRIMARY_METRICS
from augmentor.metrics.auroc import estimable, placements

Floats = NDArray[np.float64]

UNSEEN_PLACEMENT = 0.5
"""How much the placement of a case of a kind not met may change: one that lands anywhere among the cases of
the other side loses half of them on average."""


@dataclass(frozen=True, eq=False)
class CaseValues:
    """Values of cases and how they make the metric.

    The metric at seed s is ``share * sum over present classes k of weights[k] * mean of table[s] over the
    cases of k``.

    Attributes:
        table: (..., N) in [0, 1]: whether the case was right, or its mean placement.
        weights: (K,) of the present classes, in order of their codes.
        share: 1, or 1/2 for the AUROC, where each pair of cases is seen from both sides.
        unseen: the largest change that one case of a kind not met may bring, in units of ``table``.
    """

    table: Floats
    weights: Floats
    share: float
    unseen: float


def case_values(metric: str, probabilities: NDArray[Any], y: NDArray[Any]) -> CaseValues:
    """Return what each case is worth.

    With hits h: balanced accuracy has weights 1 / K and accuracy n_k / N. The macro AUROC is a mean of
    two-sample U-statistics; a case of class j enters that of its own class as a positive and those of the
    others as a negative, with the placements V of :func:`augmentor.metrics.auroc.placements`:

        w_j = (1 + sum over k != j of n_j / (N - n_k)) / K,
        value = (V_j + sum over k != j of n_j / (N - n_k) V_k) / (K w_j),

    so that half the weighted sum of class means is the macro AUROC, and deviations from class means are its
    first-order (Hajek) projection, which DeLong's variance is made of.

    Args:
        metric: one of :data:`augmentor.downstream.scores.PRIMARY_METRICS`.
        probabilities: (..., N, K).
        y: (N,) labels, 0 to K - 1.

    Raises:
        ConfigError: if the metric is not known.
        DataError: if the AUROC is asked of one class only.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    y = np.asarray(y, dtype=np.int64)
    counts = np.bincount(y, minlength=p.shape[-1]).astype(np.float64)
    present = np.flatnonzero(counts)
    if metric in ("balanced_accuracy", "accuracy"):
        hits = (p.argmax(axis=-1) == y).astype(np.float64)
        even = metric == "balanced_accuracy"
        weights = np.full(present.size, 1 / present.size) if even else counts[present] / y.size
        return CaseValues(hits, weights, 1.0, 1.0)
    if metric != "macro_auroc":
        raise ConfigError(f"the metric is one of {', '.join(PRIMARY_METRICS)}, got {metric!r}")
    able = estimable(y, p.shape[-1])
    if not able.size:
        raise DataError("macro_auroc needs at least two classes among the cases, got one")
    total = np.zeros(p.shape[:-1])
    worth = np.zeros(y.size)
    for k in able:
        positive = y == k
        part = np.where(positive, 1.0, counts[y] / (y.size - counts[k])) / able.size
        total += part * placements(p[..., k], positive)
        worth += part
    weights = np.array([worth[y == k][0] for k in present])
    return CaseValues(total / worth, weights, 0.5, UNSEEN_PLACEMENT)
