"""The area under the ROC curve by midranks, and the placement value of every case."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]


def placements(scores: NDArray[Any], positive: NDArray[np.bool_]) -> Floats:
    """Return the placement value of every case among the cases of the other side.

    A positive case gets the share of negatives scored below it, a negative case the share of
    positives scored above it, ties counting half. The mean over the positives equals the mean
    over the negatives and is the AUROC (the structural components V10 and V01 of DeLong, DeLong
    and Clarke-Pearson 1988), found from midranks in O(N log N) (Sun and Xu
    2014).

    Args:
        scores: (..., N), higher meaning more positive.
        positive: (N,), with at least one positive and one negative.

    Returns:
        (..., N) in [0, 1].
    """
    scores = np.asarray(scores, dtype=np.float64)
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    overall = rankdata(scores, axis=-1)
    values = np.empty(scores.shape)
    values[..., positive] = (overall[..., positive] - rankdata(scores[..., positive], axis=-1)) / n_negative
    values[..., ~positive] = (
        1.0 - (overall[..., ~positive] - rankdata(scores[..., ~positive], axis=-1)) / n_positive
    )
    return values


def auroc(scores: NDArray[Any], positive: NDArray[np.bool_]) -> Floats:
    """Return the AUROC, the chance that a positive is scored above a negative, ties half.

    Args:
        scores: (..., N), higher meaning more positive.
        positive: (N,), with at least one positive and one negative.

    Returns:
        (...,) in [0, 1].
    """
    result: Floats = placements(scores, positive)[..., positive].mean(axis=-1)
    return result


def estimable(y: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Return the classes whose one-vs-rest AUROC exists: some cases in it and some outside."""
    counts = np.bincount(y, minlength=n_classes)
    return np.flatnonzero((counts > 0) & (counts < y.size)).astype(np.int64)
