"""Calibration: reliability bins, expected calibration error, Brier score and temperature scaling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

BINS = 15
TEMPERATURES = (0.05, 20.0)
"""Range of the temperature: where every case is right (or none), the best one lies at infinity (or 0)."""
SMALLEST = 1e-12
"""Smaller probabilities count as this: a forest predicts 0, which no temperature could correct."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Cases whose top probability is in (low, high]: count, mean confidence, accuracy."""

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


def apply_temperature(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return softmax(log p / T), rows adding to one: T above 1 makes a classifier less confident.

    The order of the classes stays, so accuracy does too (Guo 2017, equation 9; log p differ from the
    logits by a constant per row, which softmax ignores).
    """
    logits = np.log(np.maximum(probabilities, SMALLEST)) / temperature
    result: NDArray[np.float64] = softmax(logits, axis=1)
    return result


def fit_temperature(probabilities: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """Return the temperature with the least negative log-likelihood (Guo 2017, section 4.2).

    The likelihood is convex in 1 / T, so there is one minimum.

    Args:
        probabilities: (M, K) on cases that are held out of training and are not test cases.
        y: (M,) labels.

    Returns:
        T inside :data:`TEMPERATURES`.
    """
    logs = np.log(np.maximum(probabilities, SMALLEST))
    rows = np.arange(len(y))

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(logs / math.exp(log_temperature), axis=1)[rows, y].mean())

    low, high = (math.log(edge) for edge in TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return float(math.exp(found.x))


def calibration_rows(
    arm: str,
    validation: NDArray[np.float64],
    y_validation: NDArray[np.int64],
    test: NDArray[np.float64],
    y_test: NDArray[np.int64],
) -> list[dict[str, Any]]:
    """Return how well an arm's probabilities are calibrated before and after temperature scaling.

    Each seed's temperature is fitted on the validation part only. ``ece_scaled`` and ``brier_scaled``
    stand beside the ``ece`` and ``brier`` of the plain scores. The bins of the reliability diagram hold
    the cases of all seeds: ``reliability_count``, ``reliability_confidence`` and ``reliability_accuracy``,
    and the same with ``_scaled``, with the number of the bin as setting.

    Args:
        arm: its name.
        validation: (S, M, K) probabilities of S seeds.
        y_validation: (M,).
        test: (S, N, K) of the same seeds.
        y_test: (N,).
    """
    rows: list[dict[str, Any]] = []

    def add(
        metric: str,
        value: float,
        seed: int | None = None,
        better: bool | None = None,
        setting: dict[str, int] | None = None,
    ) -> None:
        rows.append(
            {"arm": arm, "setting": setting, "seed": seed, "split": "test", "metric": metric}
            | {"value": value, "greater_is_better": better}
        )

    scaled = []
    for seed, (held, one) in enumerate(zip(validation, test, strict=True)):
        temperature = fit_temperature(held, y_validation)
        scaled.append(apply_temperature(one, temperature))
        add("temperature", temperature, seed)
        add("ece_scaled", expected_calibration_error(scaled[-1], y_test), seed, better=False)
        add("brier_scaled", brier(scaled[-1], y_test), seed, better=False)
    for suffix, probabilities in (("", test), ("_scaled", scaled)):
        for number, count, confidence, accuracy in _pooled(probabilities, y_test):
            add(f"reliability_count{suffix}", count, setting={"bin": number})
            add(f"reliability_confidence{suffix}", confidence, setting={"bin": number})
            add(f"reliability_accuracy{suffix}", accuracy, setting={"bin": number})
    return rows


def _pooled(
    probabilities: Sequence[NDArray[np.float64]] | NDArray[np.float64], y: NDArray[np.int64]
) -> list[tuple[int, float, float, float]]:
    everything = np.concatenate(list(probabilities))
    found = reliability(everything, np.tile(y, len(probabilities)))
    return [(round(b.low * BINS), float(b.count), b.confidence, b.accuracy) for b in found]
