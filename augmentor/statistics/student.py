"""Quantiles of Student's t, which is the normal where degrees of freedom are infinite."""

from __future__ import annotations

import math

from scipy.special import ndtr, ndtri, stdtr, stdtrit

POWER = 0.8
"""Share of studies that are to find an effect which is called detectable."""


def quantile(degrees: float, probability: float) -> float:
    """Return the quantile of Student's t, or of the normal where ``degrees`` are infinite."""
    return float(ndtri(probability) if math.isinf(degrees) else stdtrit(degrees, probability))


def below(degrees: float, value: float) -> float:
    """Return the chance of a smaller value under Student's t, or the normal."""
    return float(ndtr(value) if math.isinf(degrees) else stdtr(degrees, value))
