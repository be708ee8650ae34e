"""Do the probabilities mean what they say: reliability bins, ECE and the Brier score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True)
class ReliabilityBin:
    """Cases whose top probability lies in (low, high]: how many, how sure, how often right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def reliability(
    probabilities: NDArray[np.float64], y: NDArray[np.int64], bins: int = BINS
) -> list[ReliabilityBin]:
    """Bin the cases by their top probability, for a reliability diagram.

    Args:
        probabilities: (N, K).
        y: (N,).
        bins: number of bins of equal width over (0, 1]; empty bins are left out.

    Returns:
        The bins that hold cases, lowest first.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == y
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    found = []
    for index in np.unique(place):
        here = place == index
        found.append(
            ReliabilityBin(
                low=float(edges[index]),
                high=float(edges[index + 1]),
                count=int(here.sum()),
                confidence=float(confidence[here].mean()),
                accuracy=float(right[here].mean()),
            )
        )
    return found


def expected_calibration_error(
    probabilities: NDArray[np.float64], y: NDArray[np.int64], bins: int = BINS
) -> float:
    """Return the ECE of the top label, in [0, 1] (Naeini et al. 2015; Guo et al. 2017).

    Bins have equal width, the form that published numbers use. It is biased upwards on few
    cases, so it is read against another arm on the same cases, not against zero.
    """
    gaps = [abs(b.accuracy - b.confidence) * b.count for b in reliability(probabilities, y, bins)]
    return float(sum(gaps) / y.size)


def brier(probabilities: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """Return the mean over cases of the squared distance to the one-hot truth, summed over classes.

    Brier (1950), in [0, 2]; for two classes it is twice the common one-probability form.
    """
    truth = np.eye(probabilities.shape[1])[y]
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())
