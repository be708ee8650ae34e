"""What every test case is worth to a metric: the values that a paired comparison subtracts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CaseValues:
    """Values of cases and how they make the metric.

    The metric at seed s is ``share * sum over present classes k of weights[k] * mean of table[s] over the
    cases of k``, and ``share * sum of weights`` is 1.

    Attributes:
        table: (S, N) in [0, 1]: whether the case was right, its mean placement, its overlap.
        weights: (K,) of the present classes, in order of their codes: 1 / K for balanced accuracy, n_k / N
            for accuracy.
        share: 1, or 1/2 for the AUROC, where each pair of cases is seen from both sides.
        unseen: how much the value of one case of a kind not met may change, in (0, 1]: 1 for hits, 1/2 for
            placements.
        chance: the metric of a model that has learnt nothing.
    """

    table: Floats
    weights: Floats
    share: float = 1.0
    unseen: float = 1.0
    chance: float = 0.0
