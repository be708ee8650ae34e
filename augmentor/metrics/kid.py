"""Maximum mean discrepancy and kernel inception distance (KID) of two sets of rows.

The unbiased estimate of Gretton et al., "A Kernel Two-Sample Test", JMLR 2012, equation 3, with the
polynomial kernel of Bińkowski et al., "Demystifying MMD GANs", ICLR 2018, section 4 (KID). Unbiased
means that it may be below zero, and that sets of different sizes can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augmentor.metrics.distances import BLOCK
from augmentor.metrics.estimate import Array, Estimate, NotEstimable, pair

MAX_BLOCKS = 10
BLOCK_ROWS = 10
"""The standard error comes from up to ten blocks of at least ten rows per side."""


@dataclass(frozen=True)
class KernelDistance:
    """An unbiased squared discrepancy with its standard error."""

    value: Estimate
    standard_error: Estimate


def mmd2(
    real: npt.ArrayLike,
    fake: npt.ArrayLike,
    *,
    degree: int = 3,
    gamma: float | None = None,
    shift: float = 1.0,
) -> Estimate:
    """Return the unbiased squared maximum mean discrepancy between (N, D) and (M, D) rows.

    The kernel is (gamma x·y + shift)^degree. With degree 1 the estimate is gamma times the squared
    distance between the means, corrected for their noise.

    Args:
        real: (N, D), at least two rows.
        fake: (M, D), at least two rows.
        degree: of the polynomial.
        gamma: None for 1 / D.
        shift: added before the power.
    """
    a, b = pair(real, fake)
    if len(a) < 2 or len(b) < 2:
        return NotEstimable(f"it needs two rows per side, got {len(a)} real and {len(b)} fake")
    scale = 1.0 / a.shape[1] if gamma is None else gamma
    within = _mean(a, a, degree, scale, shift) + _mean(b, b, degree, scale, shift)
    return within - 2 * _mean(a, b, degree, scale, shift)


def kid(real: npt.ArrayLike, fake: npt.ArrayLike, *, seed: int = 0) -> KernelDistance:
    """Return the KID of Bińkowski 2018 (cubic kernel) with a standard error.

    The value uses all rows. The error is the spread of the estimates on disjoint random blocks,
    divided by the root of their number: the error of the mean of the blocks, which is at least
    that of the whole.

    Args:
        real: (N, D).
        fake: (M, D).
        seed: assigns the rows to blocks.
    """
    a, b = pair(real, fake)
    value = mmd2(a, b)
    count = min(MAX_BLOCKS, min(len(a), len(b)) // BLOCK_ROWS)
    if count < 2:
        few = f"two blocks of {BLOCK_ROWS} rows per side are needed, got {len(a)} and {len(b)} rows"
        return KernelDistance(value, NotEstimable(few))
    rng = np.random.default_rng(seed)
    parts = zip(
        np.array_split(rng.permutation(len(a)), count),
        np.array_split(rng.permutation(len(b)), count),
        strict=True,
    )
    blocks = [mmd2(a[rows], b[others]) for rows, others in parts]
    spread = np.std([value for value in blocks if not isinstance(value, NotEstimable)], ddof=1)
    return KernelDistance(value, float(spread / np.sqrt(count)))


def _mean(a: Array, b: Array, degree: int, gamma: float, shift: float) -> float:
    """Return the mean of the kernel over all pairs, of different rows where both sets are one."""
    same = a is b
    rows = max(1, BLOCK // len(b))
    total = 0.0
    for start in range(0, len(a), rows):
        # The kernel is symmetric: of one set each pair is computed once, from this block's rows on.
        block = a[start : start + rows] @ (b[start:] if same else b).T
        block *= gamma
        block += shift
        kernel = block if degree == 1 else block * block
        for _ in range(degree - 2):
            kernel *= block
        if same:
            n = len(block)
            total += float(kernel[:, :n].sum() - np.trace(kernel[:, :n])) + 2 * float(kernel[:, n:].sum())
        else:
            total += float(kernel.sum())
    return total / (len(a) * (len(a) - 1) if same else len(a) * len(b))
