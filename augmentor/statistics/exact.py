"""An exact test for gains that few cases decide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST = 14
"""Up to so many changed units every pattern of signs is looked at, 16,384 of them; beyond, intervals
serve."""


def sign_flip_p(changes: Floats) -> float | None:
    """Return the two-sided mid-P value of changes by units, or None where more than ``MOST`` units changed.

    Where both classifiers are equally good on every unit, a change could as well have gone the other way.
    Given the sizes, the sum T of the signed changes has 2^m equally likely values, and

        p = P(|T| > |t|) + P(|T| = |t|) / 2.

    With changes of one size this is the mid-P McNemar test (Fagerland, Lydersen and Laake 2013: close to its
    level, where the exact one is far below); with unequal ones, of several classes, the exact conditional
    test of Fisher and Pitman with mid-P. Four units all one way give 0.0625, five 0.031: so at the 5 % level
    no gain rests on fewer than five changed units.

    Args:
        changes: (G,) change of each unit in units of the metric, means over seeds.

    Returns:
        From 0 to 1; 1 where nothing changed.
    """
    sizes = np.abs(changes[np.abs(changes) > 1e-12])
    if sizes.size > MOST:
        return None
    if not sizes.size:
        return 1.0
    signs = 1 - 2 * ((np.arange(2**sizes.size)[:, None] >> np.arange(sizes.size)) & 1)
    sums = np.abs(signs @ sizes)
    seen = abs(float(changes.sum()))
    close = 1e-9 * float(sizes.sum())
    return float((sums > seen + close).mean() + (np.abs(sums - seen) <= close).mean() / 2)
