"""Fréchet distance between Gaussians fitted to two sets of rows.

Dowson and Landau, "The Fréchet distance between multivariate normal distributions", 1982; with
network features it is the distance of Heusel et al. 2017, equation 6. Its estimate is too large for
few rows (Chong and Forsyth 2020), so it comes with a caution and no decision depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augmentor.metrics.estimate import Array, Estimate, NotEstimable, pair

ROWS_A_FEATURE = 10
"""With fewer rows than this times the features there is a caution."""


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
    if n < a.shape[1]:
        total, cross = _by_rows(a, b)
        return FrechetDistance(max(0.0, float(mean @ mean) + total - 2 * cross), _caution(n, a.shape[1]))
    first, second = _covariance(a), _covariance(b)
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ second @ root)
    cross = np.sqrt(np.maximum(inner, 0.0)).sum()
    value = float(mean @ mean + np.trace(first) + np.trace(second) - 2 * cross)
    return FrechetDistance(max(0.0, value), _caution(n, a.shape[1]))


def _caution(n: int, width: int) -> str:
    if n >= ROWS_A_FEATURE * width:
        return ""
    return f"too large: {n} rows for {width} features; compare only with the real-to-real value"


def _by_rows(a: Array, b: Array) -> tuple[float, float]:
    """Return tr C₁ + tr C₂ and tr (C₁ C₂)^½ without a (D, D) matrix.

    With centred rows A, B divided by the roots of N - 1 and M - 1, C₁ = AᵀA and C₂ = BᵀB; the eigenvalues
    of C₁ C₂ are the squared singular values of A Bᵀ, an (N, M) matrix: far smaller where rows are few.
    """
    first, second = (((x - x.mean(axis=0)) / np.sqrt(len(x) - 1)) for x in (a, b))
    cross = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    return float((first**2).sum() + (second**2).sum()), float(cross)


def _covariance(x: Array) -> Array:
    centred = x - x.mean(axis=0)
    return np.asarray(centred.T @ centred / (len(x) - 1), dtype=np.float64)
