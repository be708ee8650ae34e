"""Whether validation and test part look like one population, judged by how well one arm does on both.

Everything is chosen on the validation part. Where the test part is of another kind (another hospital, another
year), what was best there need not be best here, and no rule that looks at validation alone can know. It can
be seen afterwards: the same classifiers then do better or worse on the test part than chance explains.
"""

from __future__ import annotations

import math

from augmentor.statistics.evidence import Evidence
from augmentor.statistics.variance import below, components

LEVEL = 0.01
"""Two-sided chance of a false alarm."""


def shift_note(held: Evidence, tested: Evidence, arm: str) -> str | None:
    """Return a sentence where an arm's scores on the two parts differ by more than chance, else None.

    Welch's test of two means: seeds and cases of each part as in
    :func:`augmentor.statistics.variance.components`. That the same seeds are scored on both parts makes it
    a little too cautious.

    Args:
        held: of the validation part.
        tested: of the test part, the same models.
        arm: which of them.
    """
    means, errors, degrees = [], [], []
    for part in (held, tested):
        if not part.shows_spread:
            return None
        table = part.tables[arm]
        found = components(table, part.design, part.unseen)
        means.append(part.mean(table))
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
