"""The membership attack: finds a memorising generator, finds nothing where there is nothing."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from augmentor.core.errors import DataError
from augmentor.metrics.estimate import NotEstimable
from augmentor.metrics.membership import membership_attack, true_positive_rate, two_sample_auroc


def parts(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(200, 4)), rng.normal(size=(300, 4)), rng


def test_auroc_is_scikit_learns_with_ties():
    rng = np.random.default_rng(0)
    positive, negative = rng.integers(0, 9, 70) + 1.0, rng.integers(0, 9, 50) * 1.0
    y = np.r_[np.ones(70), np.zeros(50)]
    assert two_sample_auroc(positive, negative) == pytest.approx(roc_auc_score(y, np.r_[positive, negative]))
    with pytest.raises(DataError, match="both sides"):
        two_sample_auroc(positive, negative[:0])


def test_true_positive_rate_is_scikit_learns():
    rng = np.random.default_rng(0)
    positive, negative = rng.normal(1, 1, 400), rng.normal(0, 1, 300)
    fpr, tpr, _ = roc_curve(
        np.r_[np.ones(400), np.zeros(300)], np.r_[positive, negative], drop_intermediate=False
    )
    assert true_positive_rate(positive, negative, 0.01) == pytest.approx(tpr[fpr <= 0.01].max())


def test_a_memorising_generator_is_found_and_an_honest_one_is_not():
    members, others, rng = parts()
    copied = membership_attack(members, others, members + 0.01 * rng.normal(size=members.shape))
    assert copied.auroc > 0.99
    assert copied.tpr > 0.95
    honest = membership_attack(members, others, rng.normal(size=(200, 4)))
    low, high = honest.control
    assert low < honest.auroc < high
    assert honest.tpr < 0.06


def test_members_and_others_are_not_exchangeable():
    """A generator that copied the others gives an AUROC below one half."""
    members, others, _ = parts()
    assert membership_attack(members, others, others).auroc < 0.05


def test_the_control_finds_nothing_even_where_the_attack_succeeds():
    members, others, rng = parts()
    low, high = membership_attack(members, others, members + 0.01 * rng.normal(size=members.shape)).control
    assert low < 0.5 < high


def test_membership_attack_on_gaussians_has_its_closed_form():
    """Members m, others o and one synthetic row at 0 on a line: the score is -|x|.

    With members N(0, 1) and others N(0, s²) the AUROC is P(|m| < |o|) = P(|m / (o / s)| < s), the ratio
    of two standard normals being Cauchy: 2 arctan(s) / pi. For s = 3: 0.795. The standard error
    at 4,000 rows a side is below 0.006.
    """
    rng = np.random.default_rng(0)
    members, others = rng.normal(size=(4000, 1)), 3 * rng.normal(size=(4000, 1))
    found = membership_attack(members, others, np.zeros((1, 1)), repeats=5)
    assert found.auroc == pytest.approx(2 * np.arctan(3) / np.pi, abs=0.02)
    assert membership_attack(others, members, np.zeros((1, 1)), repeats=5).auroc == pytest.approx(
        1 - 2 * np.arctan(3) / np.pi, abs=0.02
    )


def test_the_control_is_the_attack_on_members_alone():
    """By the public function: members dealt to two sides, the same draws, the same percentiles."""
    members, others, rng = parts()
    made = rng.normal(size=(50, 4))
    near = -np.sqrt(((members[:, None] - made) ** 2).sum(-1)).min(axis=1)
    dealt = np.random.default_rng(7)
    draws = [
        two_sample_auroc(order[100:], order[:100]) for order in (dealt.permutation(near) for _ in range(40))
    ]
    found = membership_attack(members, others, made, repeats=40, seed=7)
    assert found.control == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), abs=1e-12)


def test_too_few_rows_are_reported():
    members, others, rng = parts()
    made = rng.normal(size=(10, 4))
    assert isinstance(membership_attack(members, others[:99], made).tpr, NotEstimable)
    assert isinstance(membership_attack(members[:3], others, made).control, NotEstimable)
    assert isinstance(membership_attack(members, others, made[:0]).auroc, NotEstimable)
