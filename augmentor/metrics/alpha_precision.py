"""Alpha-precision, beta-recall and authenticity.

Alaa et al., "How Faithful is your Synthetic Data? Sample-level Metrics for Evaluating and Auditing
Generative Models", ICML 2022, sections 3 and 4. The alpha-support of a set is here the ball around its
mean that holds a share alpha of its rows, in the features as given (the paper learns a one-class
embedding first; a second learnt space on a few hundred rows would add noise, not truth).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augmentor.metrics.distances import nearest_other, neighbour_radius, squared_blocks
from augmentor.metrics.estimate import Array, Estimate, NotEstimable, pair

STEPS = 101
"""Levels of alpha and beta between 0 and 1."""


@dataclass(frozen=True)
class AlphaPrecision:
    """Integrated alpha-precision and beta-recall, and authenticity; each in [0, 1], 1 the best.

    The first two are 1 where the share of rows inside every support equals its level: a set that is
    too tight loses as much as one that is too wide. Authenticity is the share of fake rows that are
    farther from their nearest real row than that row is from its own nearest other; about one half for
    equally many new rows of the same distribution; compare it with that of held-out rows.
    """

    alpha_precision: Estimate
    beta_recall: Estimate
    authenticity: Estimate


def alpha_precision(real: npt.ArrayLike, fake: npt.ArrayLike, k: int = 5) -> AlphaPrecision:
    """Return the three numbers of ``fake`` (M, D) against ``real`` (N, D), both of more than k rows.

    Args:
        real: (N, D).
        fake: (M, D).
        k: a real row is recalled by fake rows not farther than its k-th nearest other real row.
    """
    a, b = pair(real, fake)
    if len(a) <= k or len(b) <= k:
        few = NotEstimable(f"it needs more than {k} rows per side, got {len(a)} real and {len(b)} fake")
        return AlphaPrecision(few, few, few)
    levels = np.linspace(0, 1, STEPS)
    real_depth = np.linalg.norm(a - a.mean(axis=0), axis=1)
    to_real = np.linalg.norm(b - a.mean(axis=0), axis=1)
    fake_depth = np.linalg.norm(b - b.mean(axis=0), axis=1)
    radius = neighbour_radius(a, k) ** 2
    # For every real row the depth of the innermost fake row in its ball: it is recalled from the
    # level on at which that row belongs to the support.
    depth = np.full(len(a), np.inf)
    closest = np.full(len(b), np.inf)
    owner = np.zeros(len(b), dtype=np.int64)
    for part, block in squared_blocks(a, b):
        depth[part] = np.where(block <= radius[part, None], fake_depth[None, :], np.inf).min(axis=1)
        row = block.argmin(axis=0)
        distance = block[row, np.arange(len(b))]
        better = distance < closest
        closest[better], owner[better] = distance[better], row[better] + part.start
    own, _ = nearest_other(a)
    return AlphaPrecision(
        alpha_precision=_integrated(levels, to_real, np.quantile(real_depth, levels)),
        beta_recall=_integrated(levels, depth, np.quantile(fake_depth, levels)),
        authenticity=float((closest > own[owner] ** 2).mean()),
    )


def _integrated(levels: Array, depth: Array, radii: Array) -> float:
    """Return 1 - 2 ∫ |share of ``depth`` within the radius of a level - level|."""
    share = (depth[None, :] <= radii[:, None]).mean(axis=1)
    return float(1 - 2 * np.trapezoid(np.abs(share - levels), levels))
