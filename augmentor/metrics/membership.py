"""A membership-inference attack: do distances to synthetic rows reveal the training rows?

The attacker has the synthetic set and guesses that candidates near to it were trained on (Chen et
al., "GAN-Leaks", CCS 2020, section 5.2: the full black-box attack). The control divides the members
at random into two sides and attacks again: its AUROC shows the noise at these sample sizes.
A weak attack that fails proves nothing: this is no privacy guarantee.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from augmentor.core.errors import DataError
from augmentor.metrics.distances import nearest
from augmentor.metrics.estimate import Array, Estimate, NotEstimable, features

FALSE_POSITIVES = 0.01


@dataclass(frozen=True)
class MembershipAttack:
    """The result of the attack.

    Attributes:
        auroc: in [0, 1]; 0.5 is guessing.
        tpr: true positive rate at a false positive rate of 1 %.
        control: 2.5th and 97.5th percentile of ``auroc`` where both sides are members.
    """

    auroc: Estimate
    tpr: Estimate
    control: tuple[float, float] | NotEstimable


def membership_attack(
    members: npt.ArrayLike,
    others: npt.ArrayLike,
    synthetic: npt.ArrayLike,
    *,
    repeats: int = 200,
    seed: int = 0,
) -> MembershipAttack:
    """Attack with the distance to the nearest synthetic row.

    Args:
        members: (N, D) training rows.
        others: (M, D) real rows of the same distribution that were not trained on.
        synthetic: (S, D) rows of the generator.
        repeats: random divisions of the members for the control.
        seed: of the divisions.
    """
    known, unknown = features(members, "member"), features(others, "other")
    fake = features(synthetic, "synthetic")
    if not len(known) or not len(unknown) or not len(fake):
        none = NotEstimable(
            f"it needs rows, got {len(known)} members, {len(unknown)} others, {len(fake)} fakes"
        )
        return MembershipAttack(none, none, none)
    near, far = -nearest(known, fake)[0], -nearest(unknown, fake)[0]
    rng = np.random.default_rng(seed)
    side = min(len(unknown), len(known) // 2)
    control: tuple[float, float] | NotEstimable
    if side < 2:
        control = NotEstimable(f"two sides need four members, got {len(known)}")
    else:
        # Both sides together are all members, so their ranks are found once.
        ranks = rankdata(near)
        draws = [_from_ranks(rng.permutation(ranks)[side:], side) for _ in range(repeats)]
        low, high = np.quantile(draws, [0.025, 0.975])
        control = (float(low), float(high))
    rate: Estimate = true_positive_rate(near, far, FALSE_POSITIVES)
    if len(far) < 1 / FALSE_POSITIVES:
        rate = NotEstimable(f"a rate of 1 % needs 100 rows that were not trained on, got {len(far)}")
    return MembershipAttack(two_sample_auroc(near, far), rate, control)


def two_sample_auroc(positive: Array, negative: Array) -> float:
    """Return the probability that a positive score exceeds a negative one, ties counting half."""
    if not len(positive) or not len(negative):
        raise DataError("an AUROC needs scores on both sides")
    return _from_ranks(rankdata(np.concatenate([positive, negative]))[: len(positive)], len(negative))


def _from_ranks(ranks: Array, negatives: int) -> float:
    """Return the AUROC of positives with these ranks among all."""
    n = len(ranks)
    return float((ranks.sum() - n * (n + 1) / 2) / (n * negatives))


def true_positive_rate(positive: Array, negative: Array, false_positives: float) -> float:
    """Return the share of positive scores above a threshold that at most this share of negatives exceed."""
    allowed = int(np.floor(false_positives * len(negative)))
    threshold = np.sort(negative)[::-1][allowed]
    return float((positive > threshold).mean())
