"""Intervals for means over seeds and test cases: the paired hierarchical bootstrap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentor.core.errors import DataError
from augmentor.core.seeds import generator
from augmentor.statistics.design import Design
from augmentor.statistics.variance import Components, components, quantile

Floats = NDArray[np.float64]

# Replicates computed together are limited so that their case weights fit in about 32 MiB.
WEIGHT_CELLS = 4_000_000


@dataclass(frozen=True)
class Interval:
    """An estimate with its two-sided interval.

    ``degrees`` are the degrees of freedom behind ``standard_error`` and ``components`` where its
    variance comes from.
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    confidence: float
    degrees: float
    components: Components

    @property
    def minimum_detectable(self) -> float:
        """The smallest true effect that 80 % of studies of this size would find."""
        return self.components.detectable(self.confidence)


def intervals(
    tables: NDArray[np.float64],
    targets: NDArray[np.float64],
    design: Design,
    *,
    confidence: float | Sequence[float] = 0.95,
    unseen: float | Sequence[float] = 0.0,
    replicates: int = 2000,
    seed: int = 0,
) -> list[Interval]:
    """Interval of every target from one set of paired replicates over seeds and cases.

    A target is a sum over tables and classes, theta = mean_s sum_{a,k} targets[t, a, k]
    mean_{n in k} tables[a, s, n]: an arm's own score has 1 for its table, a difference has +1 and
    -1, the recall of a class has 1 at that class of the table of hits. Arms share seeds and cases,
    so every replicate draws the same seeds and the same cases for all of them (paired).

    A replicate draws S seeds with replacement and, apart from that, units with replacement within
    strata (the pigeonhole bootstrap of Owen 2007). Its spread is wrong at few seeds: the seed part
    comes out (S-1)/S times too small, and the interaction up to three times too large, as Owen
    shows. So the replicates give the shape and the variance components give the width:

        estimate +- SE (t_nu / z) q,  q the ``confidence`` quantile of |theta* - mean| / sd

    with SE and nu from :func:`augmentor.statistics.variance.components`. The symmetric form (Hall
    1988) was chosen over percentile, BCa and a shifted one by measured coverage: docs/concepts/verdict.md.

    Args:
        tables: (A, S, N).
        targets: (T, A, K) with K the number of classes present in ``design``.
        design: which cases are drawn together.
        confidence: two-sided, one number or T of them.
        unseen: see :func:`augmentor.statistics.variance.components`, one number or T of them.
        replicates: B.
        seed: of the bootstrap draws.

    Returns:
        T intervals.

    Raises:
        DataError: if shapes do not fit or the cases show no spread (one case per class).
    """
    tables = np.asarray(tables, dtype=np.float64)
    targets = np.asarray(targets, dtype=np.float64)
    if tables.ndim != 3 or targets.ndim != 3 or tables.shape[2] != design.y.size:
        raise DataError(f"tables must be (A, S, {design.y.size}), got {tables.shape}")
    if targets.shape[1:] != (tables.shape[0], design.present.size):
        raise DataError(f"targets must be (T, {tables.shape[0]}, {design.present.size}), got {targets.shape}")
    levels = np.broadcast_to(np.asarray(confidence, dtype=np.float64), (len(targets),))
    lent = np.broadcast_to(np.asarray(unseen, dtype=np.float64), (len(targets),))
    drawn = replicate(tables, targets, design, replicates=replicates, seed=seed)
    found = []
    for target, level, more, values in zip(targets, levels, lent, drawn.T, strict=True):
        contribution = np.zeros(tables.shape[1:])
        for table, weight in zip(tables, target, strict=True):
            if weight.any():
                contribution += table * weight[design.y]
        parts = components(contribution, design, float(more))
        estimate = float(design.class_means(contribution).sum(axis=1).mean())
        found.append(_calibrated(estimate, values, parts, float(level)))
    return found


def replicate(
    tables: NDArray[np.float64],
    targets: NDArray[np.float64],
    design: Design,
    *,
    replicates: int,
    seed: int,
) -> Floats:
    """Draw the replicates of every target: (B, T). Arguments as in :func:`intervals`."""
    n_tables, n_seeds, _ = tables.shape
    n_classes = design.present.size
    rng = generator(seed, "bootstrap")
    flat = tables.reshape(n_tables * n_seeds, -1)
    sums = [unit_sums.T for unit_sums in design.class_units(flat)]
    drawn = np.empty((replicates, targets.shape[0]))
    step = max(1, WEIGHT_CELLS // design.stratum.size)
    for start in range(0, replicates, step):
        size = min(step, replicates - start)
        weights = design.draw(rng, size)
        means = np.empty((size, n_tables, n_seeds, n_classes))
        for k, (_, units, counts) in enumerate(design.blocks):
            here = weights[:, units]
            mean = (here @ sums[k]) / (here @ counts)[:, None]
            means[..., k] = mean.reshape(size, n_tables, n_seeds)
        seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=size) / n_seeds
        averaged = np.einsum("bs,bask->bak", seeds, means)
        drawn[start : start + size] = averaged.reshape(size, -1) @ targets.reshape(len(targets), -1).T
    return drawn


def _calibrated(estimate: float, values: Floats, parts: Components, confidence: float) -> Interval:
    error = parts.standard_error
    spread = float(values.std(ddof=1))
    half = 0.0
    if error > 0 and spread > 0:
        upper = (1 + confidence) / 2
        width = float(np.quantile(np.abs(values - values.mean()), confidence)) / spread
        half = error * width * quantile(parts.degrees, upper) / quantile(math.inf, upper)
    return Interval(estimate, estimate - half, estimate + half, error, confidence, parts.degrees, parts)


def difference(
    arm: NDArray[Any],
    baseline: NDArray[Any],
    y: NDArray[Any],
    groups: Sequence[Any] | NDArray[Any] | None = None,
    *,
    confidence: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
) -> Interval:
    """Interval of the difference of a metric between two arms with the same seeds and cases.

    Args:
        arm: (S, N) contributions of the arm, see ``scores.contributions``.
        baseline: (S, N) contributions of the other.
        y: (N,) labels.
        groups: (N,) or None.
        confidence: two-sided.
        replicates: B.
        seed: of the bootstrap draws.
    """
    design = Design.of(y, groups)
    return intervals(
        np.asarray(arm - baseline)[None],
        np.ones((1, 1, design.present.size)),
        design,
        confidence=confidence,
        replicates=replicates,
        seed=seed,
    )[0]
