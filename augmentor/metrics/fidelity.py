"""Precision, recall, density and coverage from balls around nearest neighbours.

Precision and recall follow Kynkäänniemi et al., "Improved Precision and Recall Metric for
Assessing Generative Models", NeurIPS 2019, equations 1 and 2. Density and coverage follow Naeem
et al., "Reliable Fidelity and Diversity Metrics for Generative Models", ICML 2020, equations 5
and 6. A ball around a row reaches to its k-th nearest other row of the same set.

Precision and density measure whether fake rows are among the real ones (fidelity); recall and
coverage whether the fake rows reach the real ones (diversity). Swapping
the arguments swaps precision with recall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augmentor.metrics.distances import neighbour_radius, squared_blocks
from augmentor.metrics.estimate import Array, Estimate, NotEstimable, pair

NEIGHBOURS = 5
"""k of Naeem 2020, section 4: an expected coverage of 0.97 for equal distributions."""


@dataclass(frozen=True)
class Neighbourhood:
    """Precision, recall and coverage in [0, 1]; density from 0 up, 1 expected for equal distributions."""

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


def neighbourhood(real: npt.ArrayLike, fake: npt.ArrayLike, k: int = NEIGHBOURS) -> Neighbourhood:
    """Return precision, recall, density and coverage of ``fake`` (M, D) against ``real`` (N, D).

    What needs more than k rows of a set that has fewer is not estimable: real rows for precision,
    density and coverage, fake rows for recall.

    Raises:
        DataError: if the features are no matrices of finite numbers and one width.
    """
    a, b = pair(real, fake)
    too_few = NotEstimable(f"{k} neighbours need more than {k} real and fake rows, got {len(a)} and {len(b)}")
    real_radius = neighbour_radius(a, k) ** 2 if len(a) > k and len(b) else None
    fake_radius = neighbour_radius(b, k) ** 2 if len(b) > k and len(a) else None
    if real_radius is None and fake_radius is None:
        return Neighbourhood(too_few, too_few, too_few, too_few)
    inside = np.zeros(len(b), dtype=np.int64)
    covered = np.zeros(len(a), dtype=np.bool_)
    recalled = np.zeros(len(a), dtype=np.bool_)
    for part, block in squared_blocks(a, b):
        if real_radius is not None:
            within = block <= real_radius[part, None]
            inside += within.sum(axis=0)
            covered[part] = within.any(axis=1)
        if fake_radius is not None:
            recalled[part] = (block <= fake_radius[None, :]).any(axis=1)
    no_real = real_radius is None
    return Neighbourhood(
        precision=too_few if no_real else float((inside > 0).mean()),
        recall=too_few if fake_radius is None else float(recalled.mean()),
        density=too_few if no_real else float(inside.sum() / (k * len(b))),
        coverage=too_few if no_real else float(covered.mean()),
    )


def coverage_with_pool(real: Array, pool: Array, fake: Array, k: int = NEIGHBOURS) -> Estimate:
    """Return the coverage of few ``real`` rows, their balls reaching to neighbours in ``pool`` too.

    With fewer than k + 1 real rows a ball has no k-th neighbour. Held-out rows of a rare class are
    that few; the training rows of the class then give the scale, while only the held-out rows
    have to be reached, so that repeating training rows earns nothing.

    Args:
        real: (N, D) rows to reach, at least one.
        pool: (P, D) rows that only give the scale.
        fake: (M, D).
        k: neighbours wanted; fewer are used where there are fewer.
    """
    k = min(k, len(real) + len(pool) - 1)
    if not len(real) or not len(fake) or k < 1:
        return NotEstimable(f"there are {len(real)} real, {len(pool)} other and {len(fake)} fake rows")
    radius = neighbour_radius(real, k, pool) ** 2
    reached = [(block <= radius[part, None]).any(axis=1) for part, block in squared_blocks(real, fake)]
    return float(np.concatenate(reached).mean())
