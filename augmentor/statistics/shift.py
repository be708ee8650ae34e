"""Whether validation and test part look like one population, judged by how well one arm does on both.

Everything is chosen on the validation part. Where the test part is of another kind (another hospital, another
year), what was best there need not be best here, and no rule that looks at validation alone can know. It can
be seen afterwards: the same classifiers then do better or worse on the test part than chance explains.
"""

from __future__ import annotations

import math

from augmentor.statistics.evidence import Evidence
from augmentor.statistics.student import below

LEVEL = 0.01
"""Two-sided chance of a false alarm."""


def shift_note(held: Evidence, tested: Evidence, arm: str, name: str) -> str | None:
    """Return a sentence where an arm's scores on the two parts differ by more than chance, else None.

    Welch's test of two means, with variances and degrees of freedom of
    :func:`augmentor.statistics.score.score_of`. That the same seeds are scored on both parts makes it a
    little too cautious, and so do the cases that are lent.

    Args:
        held: of the validation part.
        tested: of the test part, the same models.
        arm: which of them.
        name: what the sentence calls it.
    """
    scores = [part.score(arm) for part in (held, tested)]
    variance = sum(one.variance for one in scores)
    freedom = variance**2 / sum(one.variance**2 / one.degrees for one in scores)
    before, after = (one.mean for one in scores)
    chance = 2 * below(freedom, -abs(after - before) / math.sqrt(variance))
    if chance >= LEVEL:
        return None
    return (
        f"{name} scores {100 * before:.1f} % on the validation part and {100 * after:.1f} % on "
        "the test part, more apart than chance explains: the two are of different populations. Arm, share, "
        "baseline and advice were chosen for the validation part and may not suit the test part."
    )
