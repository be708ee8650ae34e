"""Variance components and bootstrap intervals: closed forms, metamorphic tests, coverage."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from augmentor.core.errors import DataError
from augmentor.downstream.scores import contributions
from augmentor.statistics.design import Design
from augmentor.statistics.intervals import difference, intervals, replicate
from augmentor.statistics.variance import Components, components, needed

LABELS = np.repeat([0, 1], [40, 20])


def hits(seed, seeds=5, y=LABELS, accuracy=0.8):
    return (np.random.default_rng(seed).random((seeds, y.size)) < accuracy) / np.unique(y).size


def test_one_seed_variance_is_the_binomial_one():
    # Balanced accuracy of one classifier: (p1 (1-p1) / (n1-1) + p2 (1-p2) / (n2-1)) / 4, as the
    # sample variance of n hits with share p is n p (1-p) / (n-1).
    h = hits(0, seeds=1)
    p1, p2 = 2 * h[0, :40].mean(), 2 * h[0, 40:].mean()
    found = components(h, Design.of(LABELS))
    assert found.variance == pytest.approx((p1 * (1 - p1) / 39 + p2 * (1 - p2) / 19) / 4, rel=1e-12)
    assert found.seed == found.interaction == 0


def test_one_seed_difference_is_the_paired_binomial_one():
    # Var of a mean of D in {-1, 0, 1}: (b + c - (b - c)^2 / n) / (n (n - 1)) for b, c discordant.
    a, b = hits(1, seeds=1), hits(2, seeds=1)
    found = difference(a, b, LABELS, replicates=200)
    expected = 0.0
    for k, n in ((0, 40), (1, 20)):
        d = 2 * (a - b)[0, k == LABELS]
        plus, minus = (d > 0).sum(), (d < 0).sum()
        expected += (plus + minus - (plus - minus) ** 2 / n) / (n * (n - 1)) / 4
    assert found.standard_error**2 == pytest.approx(expected, rel=1e-12)


def test_components_are_unbiased_for_a_two_way_model():
    # x = a_s + b_n + e_sn, variances 1, 1, 0.5; 4 seeds, 30 cases of one class:
    # Var mean = a/4 + b/30 + e/120. Seeds this loud are hardly ever raised to the interaction.
    rng = np.random.default_rng(0)
    design = Design.of(np.zeros(30, int))
    found = []
    for _ in range(3000):
        x = rng.normal(0, 1, (4, 1)) + rng.normal(0, 1, 30) + rng.normal(0, sqrt(0.5), (4, 30))
        found.append(components(x, design))
    assert np.mean([f.interaction for f in found]) == pytest.approx(0.5 / 120, rel=0.02)
    assert np.mean([f.case for f in found]) == pytest.approx(1 / 30, rel=0.03)
    assert np.mean([f.seed for f in found]) == pytest.approx(1 / 4 + 0.5 / 120, rel=0.06)


def test_quiet_seeds_are_raised_to_the_interaction():
    # Seed means exactly alike: V_S = 0, yet the noise of each (seed, case) is there.
    x = np.random.default_rng(2).normal(size=(4, 30))
    x -= x.mean(axis=1, keepdims=True)
    found = components(x, Design.of(np.zeros(30, int)))
    assert found.seed == found.interaction > 0


def test_components_agree_with_two_way_anova():
    # Mean squares of the crossed design without replication, by statsmodels.
    pd = pytest.importorskip("pandas")
    ols = pytest.importorskip("statsmodels.formula.api").ols
    anova = pytest.importorskip("statsmodels.stats.anova").anova_lm
    x = np.random.default_rng(1).normal(size=(4, 9)) + np.arange(9) + 2 * np.arange(4)[:, None]
    s, n = np.indices(x.shape)
    frame = pd.DataFrame({"x": x.ravel(), "s": s.ravel(), "n": n.ravel()})
    squares = anova(ols("x ~ C(s) + C(n)", frame).fit())["mean_sq"]
    found = components(x, Design.of(np.zeros(9, int)))
    assert found.seed == pytest.approx(squares["C(s)"] / 36, rel=1e-9)
    assert found.interaction == pytest.approx(squares["Residual"] / 36, rel=1e-9)
    assert found.case == pytest.approx((squares["C(n)"] - squares["Residual"]) / 36, rel=1e-9)


def test_groups_of_one_case_change_nothing():
    a, b = hits(3), hits(4)
    plain = components(a - b, Design.of(LABELS))
    names = np.array([f"p{i}" for i in range(60)])
    grouped = components(a - b, Design.of(LABELS, names))
    assert grouped.variance == pytest.approx(plain.variance, rel=1e-12)
    first, second = (difference(a, b, LABELS, g, replicates=4000) for g in (None, names))
    assert second.high - second.low == pytest.approx(first.high - first.low, rel=0.05)


def test_copied_cases_in_groups_are_worth_one_case():
    # Every case there five times, grouped: the same variance as without the copies, up to the
    # factor G/(G-1); without the groups it would be five times too small.
    a, b = hits(5, seeds=1), hits(6, seeds=1)
    plain = components(a - b, Design.of(LABELS))
    five = np.repeat(a - b, 5, axis=1)
    y, groups = np.repeat(LABELS, 5), np.repeat(np.arange(60), 5)
    assert components(five, Design.of(y, groups)).variance == pytest.approx(plain.variance, rel=1e-9)
    assert components(five, Design.of(y)).variance < plain.variance / 4.5


def test_groups_are_drawn_within_their_kind():
    y = np.array([0, 0, 0, 1, 0, 1, 0, 0, 1, 0])
    design = Design.of(y, np.array(["a", "a", "b", "b", "c", "c", "d", "e", "f", "f"]))
    assert design.stratum.tolist() == [0, 1, 1, 0, 0, 1]
    drawn = design.draw(np.random.default_rng(0), 50)
    assert (drawn[:, [0, 3, 4]].sum(axis=1) == 3).all()
    assert (drawn[:, [1, 2, 5]].sum(axis=1) == 3).all()


def test_a_draw_that_misses_a_class_is_drawn_again():
    # One mixed group: all groups are one stratum, and class 1 lies in group 2 alone.
    y = np.array([0, 0, 0, 1, 0])
    design = Design.of(y, np.array([0, 1, 2, 2, 3]))
    assert not design.stratum.any()
    drawn = design.draw(np.random.default_rng(0), 400)
    assert (drawn.sum(axis=1) == 4).all()
    assert (drawn[:, 2] > 0).all()


@pytest.mark.parametrize("groups", [None, np.arange(60) // 4])
def test_replicates_by_brute_force(groups):
    # The matrix products give what recomputing the statistic on the drawn cases and seeds gives.
    a = hits(7, seeds=3)
    design = Design.of(LABELS, groups)
    got = replicate(a[None], np.ones((1, 1, 2)), design, replicates=20, seed=9)[:, 0]
    from augmentor.core.seeds import generator

    rng = generator(9, "bootstrap")
    weights = design.draw(rng, 20)
    picks = rng.multinomial(3, [1 / 3] * 3, size=20)
    for b in range(20):
        cases = np.repeat(np.arange(60), weights[b, design.unit].astype(int))
        seeds = np.repeat(np.arange(3), picks[b])
        table = a[np.ix_(seeds, cases)]
        expected = sum(table[:, LABELS[cases] == k].mean() for k in (0, 1))
        assert got[b] == pytest.approx(expected, abs=1e-12)


def test_replicate_spread_has_the_known_expectation():
    # Cases alone (one seed): variance sum_k s_k^2 (n_k - 1) / n_k^2 of a stratified bootstrap.
    h = hits(8, seeds=1)
    got = replicate(h[None], np.ones((1, 1, 2)), Design.of(LABELS), replicates=8000, seed=0)
    expected = sum(h[0, k == LABELS].var() / (k == LABELS).sum() for k in (0, 1))
    assert got.var() == pytest.approx(expected, rel=0.06)  # 4 standard errors sqrt(2/8000)


def test_result_does_not_depend_on_the_chunk(monkeypatch):
    a, b = hits(0), hits(1)
    monkeypatch.setattr("augmentor.statistics.intervals.WEIGHT_CELLS", 60 * 37)
    small = difference(a, b, LABELS, replicates=4000, seed=3)
    monkeypatch.setattr("augmentor.statistics.intervals.WEIGHT_CELLS", 10**9)
    large = difference(a, b, LABELS, replicates=4000, seed=3)
    assert small.estimate == large.estimate
    assert small.high - small.low == pytest.approx(large.high - large.low, rel=0.05)


@pytest.mark.parametrize("groups", [None, np.arange(60) // 3])
def test_swapping_the_arms_flips_the_sign_exactly(groups):
    a, b = hits(10, accuracy=0.9), hits(11)
    there, back = difference(a, b, LABELS, groups), difference(b, a, LABELS, groups)
    assert there.estimate > 0
    assert (back.estimate, back.low, back.high) == (-there.estimate, -there.high, -there.low)
    assert back.standard_error == there.standard_error


def test_order_of_cases_and_names_of_groups_do_not_matter():
    a, b = hits(12), hits(13)
    groups = np.arange(60) // 2
    order = np.random.default_rng(0).permutation(60)
    plain = difference(a, b, LABELS, groups, replicates=400)
    mixed = difference(a[:, order], b[:, order], LABELS[order], 99 - groups[order], replicates=400)
    assert mixed.estimate == pytest.approx(plain.estimate, abs=1e-12)
    assert mixed.standard_error == pytest.approx(plain.standard_error, rel=1e-9)


def test_identical_arms_have_a_point_interval():
    a = hits(14)
    got = difference(a, a.copy(), LABELS)
    assert (got.estimate, got.low, got.high, got.standard_error) == (0, 0, 0, 0)
    assert got.minimum_detectable == 0.0


def test_pairing_is_used():
    # The same classifier with a few hits added: the paired interval is much narrower than the
    # one of two unrelated arms of the same accuracy.
    base = hits(15, seeds=4)
    base[:] = base[0]
    better = base.copy()
    better[:, :2] = 0.5
    assert (
        difference(better, base, LABELS).standard_error
        < 0.5 * difference(better, hits(16, 4), LABELS).standard_error
    )


def test_a_class_of_one_case_takes_its_spread_from_the_others():
    y = np.array([0] * 20 + [1])
    h = hits(17, seeds=4, y=y)
    h[:, -1] = 0.5
    found = components(h, Design.of(y))
    first = components(h[:, :20], Design.of(y[:20]))
    assert found.case == pytest.approx(first.case * 21, rel=1e-9)
    with pytest.raises(DataError, match="two test cases"):
        components(h[:, [0, 20]], Design.of(y[[0, 20]]))


def test_minimum_detectable_has_the_textbook_form():
    many = Components(seed=0.0, case=4e-4, interaction=0.0, seeds=10, units=10**6, case_degrees=1e9)
    assert many.detectable() == pytest.approx((norm.ppf(0.975) + norm.ppf(0.8)) * 0.02, rel=1e-6)
    few = Components(seed=4e-4, case=0.0, interaction=0.0, seeds=3, units=60, case_degrees=58)
    assert few.degrees == pytest.approx(2)
    assert few.detectable() == pytest.approx((student.ppf(0.975, 2) + student.ppf(0.8, 2)) * 0.02)
    assert replace(many, case=0.0).detectable() == 0.0


def test_needed_follows_the_square_law():
    # Cases only: four times the cases for half the effect, up to the normal limit.
    found = Components(seed=0.0, case=1e-4, interaction=0.0, seeds=10, units=10_000, case_degrees=1e9)
    effect = found.detectable() / 2
    got = needed(found, effect)
    assert got.cases == pytest.approx(40_000, rel=1e-3)
    assert got.seeds is None  # no number of seeds makes the part of the cases smaller
    assert found.at(seeds=10, units=got.cases).detectable() <= effect
    assert found.at(seeds=10, units=got.cases - 1).detectable() > effect


def test_needed_seeds_where_seeds_are_the_trouble():
    found = Components(seed=1e-4, case=1e-8, interaction=0.0, seeds=5, units=500, case_degrees=490)
    got = needed(found, found.detectable() / 3)
    assert got.cases is None
    assert 5 < got.seeds < 5 * 9 + 1
    assert needed(found, 2 * found.detectable()).seeds < 5


def test_intervals_refuse_shapes_that_do_not_fit():
    design = Design.of(LABELS)
    with pytest.raises(DataError, match="tables"):
        intervals(np.zeros((2, 3, 59)), np.zeros((1, 2, 2)), design)
    with pytest.raises(DataError, match="targets"):
        intervals(np.zeros((2, 3, 60)), np.zeros((1, 2, 3)), design)
    with pytest.raises(DataError, match="groups"):
        Design.of(LABELS, np.arange(59))


def world(rng, y, seeds, gain, quality=0.1, threshold=0.3):
    """Latent scores of two arms: case difficulty, arm by case, seed quality and threshold, noise."""
    sign = np.where(y == 1, 1.0, -1.0)
    latent = np.array([1.5 + gain, 1.5])[:, None, None] + rng.normal(0, 1, y.size)
    latent = latent + rng.normal(0, 0.3, (2, 1, y.size)) + rng.normal(0, quality, (2, seeds, 1))
    latent = latent + sign * rng.normal(0, threshold, (2, seeds, 1)) + rng.normal(0, 0.5, (2, seeds, y.size))
    p = 1 / (1 + np.exp(-sign * latent))
    return np.stack([1 - p, p], axis=-1)


@pytest.mark.parametrize(
    ("metric", "seeds"), [("balanced_accuracy", 3), ("balanced_accuracy", 10), ("macro_auroc", 5)]
)
def test_coverage_and_false_alarms(metric, seeds):
    # True difference 0 by symmetry. 400 trials of 95 %: 3 standard errors below is 91.7 %. "helps"
    # in 2.5 % of 400 is at most 19 with chance 0.997. The big table is in docs/concepts/verdict.md.
    y = np.repeat([0, 1], [120, 40])
    inside, above = 0, 0
    for trial in range(400):
        rng = np.random.default_rng([trial, seeds])
        c = contributions(metric, world(rng, y, seeds, 0.0), y)
        got = difference(c[0], c[1], y, replicates=200, seed=trial)
        inside += got.low <= 0 <= got.high
        above += got.low > 0
    assert 0.917 <= inside / 400 < 1.0
    assert above <= 19


def test_a_planted_effect_is_seen():
    y = np.repeat([0, 1], [300, 100])
    seen = []
    for trial in range(30):
        c = contributions("balanced_accuracy", world(np.random.default_rng(trial), y, 6, 0.6), y)
        seen.append(difference(c[0], c[1], y, replicates=200).low > 0)
    assert np.mean(seen) > 0.8


def test_an_unseen_unit_widens_by_its_closed_form_and_only_where_something_varies():
    """K = 2, classes of 4 and 10: (u / 4)^2 + (u / 10)^2 is lent, 2 u / K being u."""
    rng = np.random.default_rng(0)
    design = Design.of(np.repeat([0, 1], [4, 10]))
    table = rng.normal(size=(1, 14))
    plain, lent = components(table, design), components(table, design, 0.1)
    assert lent.variance - plain.variance == pytest.approx(0.1**2 * (1 / 16 + 1 / 100))
    constant = components(np.zeros((3, 14)), design, 0.1)
    assert constant.variance == 0
    three = Design.of(np.repeat([0, 1, 2], [4, 10, 5]))
    table = rng.normal(size=(1, 19))
    more = components(table, three, 0.3).variance - components(table, three).variance
    assert more == pytest.approx((2 * 0.3 / 3) ** 2 * (1 / 16 + 1 / 100 + 1 / 25))


def test_targets_are_lent_an_unseen_unit_one_by_one():
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1], [5, 9])
    table = rng.normal(size=(1, 3, 14))
    one = np.ones((2, 1, 2))
    plain, lent = intervals(table, one, Design.of(y), unseen=[0.0, 0.2], replicates=200)
    assert plain.estimate == lent.estimate
    assert lent.standard_error**2 - plain.standard_error**2 == pytest.approx(0.04 * (1 / 25 + 1 / 81))
    assert lent.low < plain.low < plain.high < lent.high
    assert lent.degrees == plain.degrees
    many = lent.components.at(seeds=3, units=28)
    assert many.unseen == pytest.approx(0.01 * (1 / 25 + 1 / 81))
