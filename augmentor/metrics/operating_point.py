"""Sensitivity where the specificity is fixed: what a screening test is bought by."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def threshold_at(negatives: NDArray[Any], specificity: float) -> float:
    """Return the lowest threshold t that at least ``specificity`` of the negatives do not exceed.

    A case is called positive where its score is above t.

    Example:
        >>> threshold_at(np.array([0.1, 0.2, 0.3, 0.4]), 0.75)
        0.3

    Args:
        negatives: (N,) scores of cases that are not of the class, N > 0.
        specificity: from 0 to 1, both excluded.
    """
    scores = np.sort(negatives)
    return float(scores[math.ceil(specificity * scores.size - 1e-9) - 1])


def at_specificity(
    held: NDArray[Any], held_y: NDArray[Any], tested: NDArray[Any], y: NDArray[Any], specificity: float
) -> dict[int, tuple[float, float]]:
    """Return by class the sensitivity and the specificity on a test part, one class against the rest.

    The threshold of each class is found on the validation part, as it would be in practice, so that the
    specificity that is reached on the test part differs a little from the one asked for.

    Args:
        held: (M, K) probabilities of the validation part.
        held_y: (M,) its labels.
        tested: (N, K) probabilities of the test part.
        y: (N,) its labels.
        specificity: asked for.

    Returns:
        For each class with test cases and others on both parts.
    """
    found = {}
    for k in np.unique(y):
        others, positive = held_y != k, y == k
        if not others.any() or positive.all():
            continue
        above = tested[:, k] > threshold_at(held[others, k], specificity)
        found[int(k)] = (float(above[positive].mean()), float(1 - above[~positive].mean()))
    return found
