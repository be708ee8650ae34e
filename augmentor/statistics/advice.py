"""Whether to train with synthetic rows at all, said before the test part is opened.

Two questions are apart. The verdict says what the best synthetic arm does on the test part. The
recommendation says what a user should do, and may only use the validation part: the arm is recommended where
its mean gain there exceeds the gain's standard error, over seeds and cases. Where synthesis is useless that
happens in about one study of six, and then the arm is one that did no visible harm; in all others the gain
of following the recommendation is exactly zero. A stricter rule would give up small gains that are there, and
a rule at zero would take half of all useless arms.
"""

from __future__ import annotations

from dataclasses import dataclass

from augmentor.statistics.evidence import Evidence
from augmentor.statistics.variance import components
from augmentor.statistics.words import Named, points


@dataclass(frozen=True)
class Recommendation:
    """What to train with.

    Attributes:
        use: whether to add synthetic rows.
        arm: what to train: the synthetic arm, or the baseline where synthesis is not recommended.
        gain: mean validation gain of the synthetic arm over the baseline, in units of the metric.
        standard_error: of that gain, over seeds and validation cases; None where no class has two cases.
        sentence: the same in plain words.
    """

    use: bool
    arm: str
    gain: float
    standard_error: float | None
    sentence: str


def recommend(held: Evidence, named: Named, *, tested: bool = True) -> Recommendation:
    """Recommend the synthetic arm, or the baseline, by the one-standard-error rule (Breiman 1984, 3.4.3).

    Args:
        held: of the validation part, with both arms.
        named: the two arms, and what is compared.
        tested: whether any synthetic row took part in the arm; one without cannot be recommended.
    """
    arm, baseline = named.arm, named.baseline
    change = held.tables[arm] - held.tables[baseline]
    gain = held.mean(change)
    error = components(change, held.design, held.unseen).standard_error if held.shows_spread else None
    use = tested and error is not None and gain > error
    spread = "not known" if error is None else points(error, sign=False)
    grounds = (
        f"on the validation part the arm {arm} changes {named.metric} by {points(gain)} points over "
        f"{baseline} (standard error {spread})"
    )
    if not tested:
        said = "Leave synthetic data out: no synthetic sample passed the filters."
    elif error is None:
        said = (
            f"Leave synthetic data out: {grounds}; a validation part of one case per class cannot tell more."
        )
    elif use:
        said = f"{named.subject.advice}, as the arm {arm} does: {grounds}."
    else:
        said = f"Leave synthetic data out: {grounds}, which is not more than chance would give."
    return Recommendation(use, arm if use else baseline, gain, error, said)
