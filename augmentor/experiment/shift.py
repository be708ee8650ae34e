"""Whether validation and test part look like one population, judged by how well one arm does on both.

Everything is chosen on the validation part. Where the test part is of another kind (another hospital, another
year), what was best there need not be best here, and no rule that looks at validation alone can know. It can
be seen afterwards: the same classifiers then do better or worse on the test part than chance explains.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentor.downstream.scores import contributions
from augmentor.statistics.design import Design
from augmentor.statistics.intervals import UNSEEN
from augmentor.statistics.variance import below, components

LEVEL = 0.01
"""Two-sided chance of a false alarm."""


def shift_note(
    validation: NDArray[np.float64],
    test: NDArray[np.float64],
    y_validation: NDArray[np.int64],
    y_test: NDArray[np.int64],
    *,
    validation_groups: NDArray[Any] | None,
    groups: NDArray[Any] | None,
    metric: str,
    arm: str,
) -> str | None:
    """Return a sentence where an arm's scores on the two parts differ by more than chance, else None.

    Welch's test of two means: seeds and cases of each part as in
    :func:`augmentor.statistics.variance.components`. That the same seeds are scored on both parts makes it
    a little too cautious.

    Args:
        validation: probabilities (S, M, K).
        test: probabilities (S, N, K) of the same classifiers.
        y_validation: (M,) labels.
        y_test: (N,) labels.
        validation_groups: (M,) groups, or None.
        groups: (N,) groups, or None.
        metric: the primary metric.
        arm: its name, for the sentence.
    """
    means, errors, degrees = [], [], []
    for p, y, grouped in ((validation, y_validation, validation_groups), (test, y_test, groups)):
        design = Design.of(y, grouped)
        if all(units.size < 2 for _, units, _ in design.blocks):
            return None
        table = contributions(metric, p, y)
        found = components(table, design, UNSEEN.get(metric, 0.0))
        means.append(float(design.class_means(table).sum(axis=1).mean()))
        errors.append(found.variance)
        degrees.append(found.degrees)
    variance = sum(errors)
    if variance <= 0:
        return None
    freedom = variance**2 / sum(error**2 / nu for error, nu in zip(errors, degrees, strict=True))
    chance = 2 * below(freedom, -abs(means[1] - means[0]) / math.sqrt(variance))
    if chance >= LEVEL:
        return None
    return (
        f"The arm {arm} scores {100 * means[0]:.1f} % on the validation part and {100 * means[1]:.1f} % on "
        "the test part, more apart than chance explains: the two are of different populations. Arm, share, "
        "baseline and advice were chosen for the validation part and may not suit the test part."
    )
