"""Fréchet distance between Gaussians fitted to two sets of rows.

Dowson and Landau, "The Fréchet distance between multivariate normal distributions", 1982; with
network features it is the distance of Heusel et al. 2017, equation 6. Its estimate is too large for
few rows (Chong and Forsyth 2020), which is why it carries a caution and never decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augmentor.metrics.estimate import Array, Estimate, NotEstimable, pair

ROWS_A_FEATURE = 10
"""Fewer rows than this times the features carry the caution."""


@dataclass(frozen=True)
class FrechetDistance:
    """The squared distance, from 0 up, and a caution in words ("" where there is none)."""

    value: Estimate
    caution: str


def frechet_distance(real: npt.ArrayLike, fake: npt.ArrayLike) -> FrechetDistance:
    """Return |m₁ - m₂|² + tr(C₁ + C₂ - 2 (C₁ C₂)^½) of (N, D) and (M, D) rows, in float64.

    The trace of the root is that of (C₁^½ C₂ C₁^½)^½, which is symmetric: its eigenvalues are real
    and stable also for singular covariances, where a general matrix root gives complex numbers.
    """
    a, b = pair(real, fake)
    n = min(len(a), len(b))
    if n < 2:
        return FrechetDistance(NotEstimable(f"a covariance needs two rows, got {len(a)} and {len(b)}"), "")
    mean = a.mean(axis=0) - b.mean(axis=0)
    first, second = _covariance(a), _covariance(b)
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ second @ root)
    cross = np.sqrt(np.maximum(inner, 0.0)).sum()
    value = float(mean @ mean + np.trace(first) + np.trace(second) - 2 * cross)
    caution = ""
    if n < ROWS_A_FEATURE * a.shape[1]:
        caution = f"too large: {n} rows for {a.shape[1]} features; compare only with the real-to-real value"
    return FrechetDistance(max(0.0, value), caution)


def _covariance(x: Array) -> Array:
    centred = x - x.mean(axis=0)
    return np.asarray(centred.T @ centred / (len(x) - 1), dtype=np.float64)
