"""Whether to train with synthetic rows at all, said before the test part is opened.

Two questions are apart. The verdict says what the best synthetic arm does on the test part. The
recommendation says what a user should do, and may only use the validation part: the arm is recommended where
its mean gain there exceeds the gain's standard error, over seeds and cases, which counts an unseen case each
way (:mod:`augmentor.statistics.small_samples`); from fewer than five rare validation cases nothing is
recommended. In all other studies the gain of following the recommendation is exactly zero. A stricter rule
would give up small gains that are there, and a rule at zero would take half of all useless arms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from augmentor.core.points import in_points
from augmentor.statistics.paired_verdict import FEWEST, Names, Word, plural
from augmentor.statistics.small_samples import SmallInterval

AFTERWARDS = {
    ("helps", False): "The test part, opened afterwards, shows a gain that the validation part, with its "
    "fewer or other cases, could not promise.",
    (
        "hurts",
        True,
    ): "The test part, opened afterwards, shows a loss that the validation part did not: do not "
    "follow this advice.",
    (
        "equivalent",
        True,
    ): "The test part, opened afterwards, shows that the difference is too small to matter: "
    "nothing is lost either way.",
    ("inconclusive", True): "The test part, opened afterwards, neither confirms nor refutes that.",
}
"""What is added where verdict and advice do not say the same; by the word, and whether to use the arm."""


@dataclass(frozen=True)
class Recommendation:
    """What to train with.

    Attributes:
        use: whether to add synthetic rows.
        arm: what to train: the synthetic arm, or the baseline where synthesis is not recommended.
        gain: mean validation gain of the synthetic arm over the baseline, in units of the metric.
        standard_error: of that gain, over seeds and validation cases.
        sentence: the same in plain words.
    """

    use: bool
    arm: str
    gain: float
    standard_error: float
    sentence: str

    def beside(self, word: Word) -> Recommendation:
        """Return the recommendation with the reason, where it and the verdict's ``word`` differ."""
        more = AFTERWARDS.get((word, self.use))
        return replace(self, sentence=f"{self.sentence} {more}") if more else self


def exceeds_error(found: SmallInterval) -> bool:
    """Return whether a gain is above its standard error: the rule of Breiman 1984, section 3.4.3.

    Never on fewer than :data:`augmentor.statistics.paired_verdict.FEWEST` cases of the rarest class.
    """
    return found.rarest >= FEWEST and found.gain > math.sqrt(found.variance)


def recommend(
    found: SmallInterval, arm: str, baseline: str, names: Names, *, tested: bool = True
) -> Recommendation:
    """Recommend the synthetic arm, or the baseline, by :func:`exceeds_error`.

    Args:
        found: gain of the arm over the baseline on the validation part.
        arm: the synthetic arm's name.
        baseline: the other's.
        names: what the sentence calls them.
        tested: whether any synthetic row took part in the arm; one without cannot be recommended.
    """
    error = math.sqrt(found.variance)
    use = tested and exceeds_error(found)
    grounds = (
        f"on the validation part {names.new} changes {names.metric} by {in_points(found.gain)} points over "
        f"{names.old} (standard error {in_points(error, sign=False)}, "
        f"{plural(round(found.rarest), names.unit)} of the rarest class)"
    )
    if not tested:
        said = "Leave synthetic data out: no synthetic sample passed the filters."
    elif found.rarest < FEWEST:
        said = f"Leave synthetic data out: {grounds}; fewer than {FEWEST} cannot tell."
    elif use:
        said = f"{names.advice}, as {names.new} does: {grounds}."
    else:
        said = f"Leave synthetic data out: {grounds}, which is not more than chance would give."
    return Recommendation(use, arm if use else baseline, found.gain, error, said)
