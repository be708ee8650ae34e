"""What every case is worth to a metric of classification."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentor.core.case_values import CaseValues
from augmentor.core.errors import ConfigError, DataError
from augmentor.metrics.auroc import estimable, placements

Floats = NDArray[np.float64]

PRIMARY_METRICS = ("balanced_accuracy", "macro_auroc", "accuracy")
"""What choices and the verdict may be made by, the usual one first."""
UNSEEN_PLACEMENT = 0.5
"""How much the placement of a case of a kind not met may change: one that lands anywhere among the cases of
the other side loses half of them on average."""


def case_values(metric: str, probabilities: NDArray[Any], y: NDArray[Any]) -> CaseValues:
    """Return what each case is worth.

    With hits h: balanced accuracy has weights 1 / K and accuracy n_k / N. The macro AUROC is a mean of
    two-sample U-statistics; a case of class j enters that of its own class as a positive and those of the
    others as a negative, with the placements V of :func:`augmentor.metrics.auroc.placements`:

        w_j = (1 + sum over k != j of n_j / (N - n_k)) / K,
        value = (V_j + sum over k != j of n_j / (N - n_k) V_k) / (K w_j),

    so that half the weighted sum of class means is the macro AUROC, and deviations from class means are its
    first-order (Hajek) projection, which DeLong's variance is made of.

    What has learnt nothing has the balanced accuracy 1 / K, the AUROC 1/2, and at most the accuracy of always
    saying the largest class.

    Args:
        metric: one of :data:`PRIMARY_METRICS`.
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
        return CaseValues(hits, weights, chance=1 / present.size if even else float(weights.max()))
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
    return CaseValues(total / worth, weights, 0.5, UNSEEN_PLACEMENT, chance=0.5)
