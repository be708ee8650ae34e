"""Does the generator memorise its training data? A verdict from copies and a membership attack."""

from __future__ import annotations

from scipy.stats import beta

from augmentor.core.facts.quality import Memorisation
from augmentor.core.kinds import Kind
from augmentor.metrics.estimate import NotEstimable, is_number
from augmentor.metrics.membership import MembershipAttack

CONFIDENCE = 0.95


def assess_memorisation(
    copies: int, made: int, alarms: int, held_out: int, found: MembershipAttack, kind: Kind
) -> Memorisation:
    """Return whether the generator memorises.

    "memorises": the exact (Clopper and Pearson 1934) 95 % interval of the share of samples that are
    copies lies entirely above that of the share of held-out real images that are below the same
    distance. Two intervals that do not overlap are a stricter sign than a test at 5 %: the rate of false
    positives is well under 1 %.
    "recognisable": otherwise, the attack's AUROC is above the 97.5th percentile of its members-only
    control, which happens in 2.5 % of cases without memorisation.

    Args:
        copies: samples that are exact or near copies of a training image.
        made: samples, kept or not.
        alarms: held-out real images that are copies by the same threshold.
        held_out: held-out real images.
        found: the membership attack.
        kind: what one sample is called in the sentence.
    """
    if not made or not held_out:
        reason = f"there are {made} samples and {held_out} held-out real {kind.plural}"
        return Memorisation(
            word="not estimable",
            sentence=f"Whether the generator memorises is not estimable, because {reason}.",
        )
    low, high = exact_interval(copies, made)
    _, most = exact_interval(alarms, held_out)
    shares = (
        f"{copies:,} of {made:,} samples ({copies / made:.1%}, 95 % interval {low:.1%} to {high:.1%}) are "
        f"copies of training {kind.plural} by the measure that takes {alarms:,} of {held_out:,} held-out "
        f"real {kind.plural} for copies (at most {most:.1%})"
    )
    attacked, above = _attacked(found, kind)
    if low > most:
        return Memorisation(
            word="memorises",
            sentence=f"The generator memorises: {shares}. {attacked}",
        )
    if above:
        return Memorisation(
            word="recognisable",
            sentence=f"Who was in the training data can be guessed. {attacked} {shares}.",
        )
    return Memorisation(
        word="no sign",
        sentence=f"No sign of memorising: {shares}. {attacked} This is no privacy guarantee.",
    )


def exact_interval(count: int, total: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share (Clopper and Pearson 1934), ``total`` above 0."""
    tail = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(tail, count, total - count + 1)) if count else 0.0
    high = float(beta.isf(tail, count + 1, total - count)) if count < total else 1.0
    return low, high


def _attacked(found: MembershipAttack, kind: Kind) -> tuple[str, bool]:
    if not is_number(found.auroc) or isinstance(found.control, NotEstimable):
        return "A membership attack was not possible.", False
    low, high = found.control
    above = found.auroc > high
    return (
        f"A membership attack {'tells' if above else 'does not tell'} training from held-out "
        f"{kind.plural} (AUROC {found.auroc:.2f}; {low:.2f} to {high:.2f} where there is nothing to tell).",
        above,
    )
