"""The interval that holds at few cases: closed forms, independent references, symmetries."""

from dataclasses import replace
from math import inf, sqrt

import numpy as np
import pytest
from scipy.stats import permutation_test
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

from augmentor.core.errors import DataError
from augmentor.downstream.case_values import case_values
from augmentor.statistics.design import Design
from augmentor.statistics.exact import sign_flip_p
from augmentor.statistics.small_samples import Changes, small_interval

HALVES = np.array([0.5, 0.5])


def labels(rare=9, common=81):
    return np.repeat([0, 1], [rare, common])


def table(rare=9, common=81, better=0, worse=0, seeds=10):
    """Return changes (S, N) with so many rare cases changed for better and worse at every seed."""
    found = np.zeros((seeds, rare + common))
    found[:, :better] = 1
    found[:, better : better + worse] = -1
    return found


def interval(changes, y=None, weights=HALVES, **options):
    y = labels() if y is None else y
    return small_interval(Changes(changes, weights), Design.of(y), **options)


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (1, 0), (3, 1), (0, 4)])
def test_changed_at_every_seed_is_the_laplace_adjusted_interval(better, worse):
    # Bonett and Price (2012) by counts: P = (b + 1) / (n + 2), Q = (c + 1) / (n + 2), here with Student's t.
    found = interval(table(better=better, worse=worse))
    p, q, n = (better + 1) / 11, (worse + 1) / 11, 11
    half = student.ppf(0.975, 10) * sqrt((p + q - (p - q) ** 2) / n) / 2
    assert found.degrees == pytest.approx(10)
    assert found.low == pytest.approx((p - q) / 2 - half, rel=1e-12)
    assert found.high == pytest.approx((p - q) / 2 + half, rel=1e-12)
    assert found.gain == pytest.approx((better - worse) / 18)


def test_a_table_without_a_change_reaches_as_far_as_any_honest_interval_must():
    # A share q of changed cases stays unseen with (1 - q)^n: 93 % coverage needs q up to 1 - 0.07^(1/n).
    for rare in (1, 2, 5, 9, 20, 40, 200):
        found = interval(table(rare, 9 * rare), labels(rare, 9 * rare))
        assert 2 * found.high >= 0.95 * (1 - 0.07 ** (1 / rare))
        assert found.low == -found.high


def test_many_cases_agree_with_the_paired_wald_interval():
    rng = np.random.default_rng(0)
    y = labels(4000, 6000)
    d = rng.choice([-1.0, 0, 1], p=[0.1, 0.75, 0.15], size=y.size)
    found = interval(d[None], y)
    error = sqrt(sum(d[y == k].var(ddof=1) / (y == k).sum() for k in (0, 1)) / 4)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.01)
    assert found.gain == pytest.approx((d[y == 0].mean() + d[y == 1].mean()) / 2)


def test_swapped_arms_flip_the_sign():
    rng = np.random.default_rng(1)
    d = rng.choice([-1.0, 0, 1], p=[0.1, 0.7, 0.2], size=(5, 90))
    one, other = interval(d), interval(-d)
    assert (other.gain, other.low, other.high) == pytest.approx((-one.gain, -one.high, -one.low))


def test_order_of_cases_and_seeds_does_not_matter():
    rng = np.random.default_rng(2)
    y, d = labels(), rng.choice([-1.0, 0, 1], size=(5, 90))
    order = rng.permutation(90)
    one, other = interval(d, y), interval(d[::-1][:, order], y[order])
    assert (other.low, other.high) == pytest.approx((one.low, one.high))


def test_only_the_class_whose_cases_weigh_most_is_lent_to():
    y = np.repeat(np.arange(10), 9)
    found = interval(np.zeros((3, 90)), y, np.full(10, 0.1))
    assert sum(part.lent for part in found.classes) == 1
    assert found.variance == pytest.approx(2 * (0.1 / 11) ** 2)


def test_classes_of_one_case_are_each_lent_to():
    found = interval(np.zeros((3, 5)), np.arange(5), np.full(5, 0.2))
    assert all(part.lent for part in found.classes)
    assert found.high > 0.3


def test_the_unseen_case_is_as_large_as_those_seen():
    # One case changed at 2 of 10 seeds: m = (1 + 0.2^2) / (1 + 0.2).
    d = table()
    d[:2, 0] = 1
    assert interval(d).classes[0].size == pytest.approx(1.04 / 1.2)
    assert interval(table(better=3)).classes[0].size == 1


def test_seeds_that_disagree_widen_the_interval():
    rng = np.random.default_rng(3)
    d = np.broadcast_to((rng.random(90) < 0.1).astype(float), (10, 90))
    loud = d.copy()
    loud[::2, rng.random(90) < 0.3] = 1  # at every other seed many more change
    assert interval(d).seed == 0
    assert interval(loud).seed > 0.01**2
    assert interval(loud).variance > interval(d).variance


def test_groups_of_one_case_are_no_groups_and_larger_ones_widen():
    rng = np.random.default_rng(4)
    y, d = labels(20, 80), np.tile(np.repeat(rng.choice([-1.0, 0, 1], size=50), 2), (4, 1))
    plain = interval(d, y)
    alone = small_interval(Changes(d, HALVES), Design.of(y, np.arange(100)))
    pairs = small_interval(Changes(d, HALVES), Design.of(y, np.arange(100) // 2))
    assert (alone.low, alone.high) == pytest.approx((plain.low, plain.high))
    assert pairs.high - pairs.low > 1.2 * (plain.high - plain.low)
    assert pairs.rarest == 10


def test_groups_of_several_classes_add_what_their_classes_share():
    rng = np.random.default_rng(5)
    groups = np.tile(np.arange(30), 2)
    y = np.repeat([0, 1], 30)
    d = np.tile(rng.choice([-1.0, 0, 1], size=(6, 30)), 2)  # both cases of a group change alike
    found = small_interval(Changes(d, HALVES), Design.of(y, groups))
    apart = small_interval(Changes(d, HALVES), Design.of(y))
    assert found.variance > 1.7 * (apart.variance - apart.seed)


def test_a_fold_whose_models_differ_widens_the_interval():
    rng = np.random.default_rng(6)
    y, folds = labels(30, 270), np.arange(300) % 5
    d = (rng.random((5, 300)) < 0.1).astype(float)
    same = interval(d, y, folds=folds)
    d[:, folds == 0] = np.clip(d[:, folds == 0] - (rng.random((5, 60)) < 0.6), -1, 1)
    apart = interval(d, y, folds=folds)
    assert apart.other[0][0] > 10 * max(same.other[0][0], 1e-6)
    assert apart.other[0][1] == 4


def test_fold_variance_is_that_of_fold_means_less_that_of_cases():
    # Whole folds change alike, in proportion: the variance beyond the cases' is that of the fold means.
    y, folds = np.zeros(100, int), np.arange(100) % 5
    effects = np.array([0.3, -0.2, 0.1, 0.0, 0.4])
    d = effects[folds][None]
    found = small_interval(Changes(d, np.ones(1)), Design.of(y), folds=folds)
    between = effects.var(ddof=1) / 5
    case = d.var(ddof=1) / 100
    assert found.other == (pytest.approx((between - case, 4.0)),)


def test_repeated_partitions_count_their_folds():
    rng = np.random.default_rng(7)
    y = labels(30, 270)
    folds = np.stack([rng.permutation(300) % 5 for _ in range(3)])
    d = rng.choice([-1.0, 0, 1], p=[0.1, 0.8, 0.1], size=(3, 300))
    assert interval(d, y, folds=folds).other[0][1] == 12


def test_detectable_gain_needs_most_of_few_rare_cases():
    assert 0.25 < interval(table()).detectable < 0.4
    assert interval(table(2, 18), labels(2, 18)).detectable == inf
    many = interval(table(400, 3600), labels(400, 3600)).detectable
    assert many < 0.02


def test_more_units_of_the_kind_detect_less():
    found = interval(table(better=2, worse=1))
    assert found.times(4).detectable < found.times(2).detectable < found.detectable


def test_placements_make_the_auroc():
    rng = np.random.default_rng(8)
    y = rng.integers(0, 3, 60)
    p = rng.dirichlet(np.ones(3), size=(2, 60)) + 0.3 * np.eye(3)[y]
    p /= p.sum(axis=-1, keepdims=True)
    values = case_values("macro_auroc", p, y)
    means = Design.of(y).class_means(values.table)
    for seed in range(2):
        expected = np.mean([roc_auc_score(y == k, p[seed, :, k]) for k in range(3)])
        assert values.share * means[seed] @ values.weights == pytest.approx(expected)
    assert values.table.min() >= 0
    assert values.table.max() <= 1


def test_auroc_variance_without_the_loan_is_delongs():
    # DeLong by its definition: covariances of the two-sample structural components, pair by pair.
    rng = np.random.default_rng(9)
    y = np.repeat([0, 1], [25, 40])
    scores = rng.normal(size=(2, 65)) + 1.2 * y
    p = 1 / (1 + np.exp(-np.stack([-scores, scores], axis=-1)))
    values = case_values("macro_auroc", p, y)
    new, old = (replace(values, table=values.table[[arm]]) for arm in range(2))
    found = small_interval(Changes.between(new, old), Design.of(y))
    plain = replace(found, classes=tuple(replace(part, lent=False) for part in found.classes))
    order = (scores[:, y == 1][:, :, None] > scores[:, y == 0][:, None, :]).astype(float)
    gap = order[0] - order[1]
    expected = gap.mean(axis=1).var(ddof=1) / 40 + gap.mean(axis=0).var(ddof=1) / 25
    assert plain.variance == pytest.approx(expected)
    assert found.gain == pytest.approx(gap.mean())


@pytest.mark.parametrize(("better", "worse", "expected"), [(4, 0, 0.0625), (5, 0, 0.03125), (0, 0, 1.0)])
def test_sign_flips_of_equal_size_are_mid_p_mcnemar(better, worse, expected):
    assert sign_flip_p(np.repeat([0.1, -0.1, 0.0], [better, worse, 5])) == pytest.approx(expected)


def test_sign_flips_agree_with_scipys_permutation_test():
    rng = np.random.default_rng(10)
    changes = rng.normal(0.3, 1, 9)  # all sums differ, so that only +-t is as far out
    exact = permutation_test(
        (changes,),
        np.sum,
        permutation_type="samples",
        n_resamples=inf,
        alternative="two-sided",
        vectorized=False,
    ).pvalue
    assert sign_flip_p(changes) == pytest.approx(exact - 1 / 2**9)


def test_many_changed_cases_need_no_enumeration():
    assert sign_flip_p(np.full(15, 0.1)) is None


@pytest.mark.parametrize(
    ("changes", "weights", "options", "says"),
    [
        (np.zeros((2, 5)), HALVES, {}, "changes must be"),
        (np.zeros((2, 90)), np.ones(3), {}, "weights must be"),
        (np.full((2, 90), 1.5), HALVES, {}, "between -1 and 1"),
        (np.zeros((2, 90)), HALVES, {"folds": np.zeros(90, int)}, "two or more folds"),
        (np.zeros((2, 90)), HALVES, {"folds": np.zeros(5, int)}, "folds must be"),
    ],
)
def test_what_does_not_fit_is_refused(changes, weights, options, says):
    with pytest.raises(DataError, match=says):
        interval(changes, weights=weights, **options)
