"""Significance tests against scipy, statsmodels, brute force and closed forms."""

from itertools import combinations
from math import comb, sqrt

import numpy as np
import pytest
from scipy import stats

from augmentor.core.errors import DataError
from augmentor.statistics.significance import delong, holm, mcnemar, nadeau_bengio, tost


def test_nadeau_bengio_closed_form():
    d = np.array([0.01, 0.03, 0.02, 0.04, 0.00])
    got = nadeau_bengio(d, n_train=900, n_test=100)
    # mean 0.02, s^2 = 0.00025; (1/5 + 1/9) s^2
    assert got.standard_error == pytest.approx(sqrt((1 / 5 + 1 / 9) * 0.00025), rel=1e-12)
    t = 0.02 / got.standard_error
    assert got.p_value == pytest.approx(2 * stats.t.sf(t, 4), rel=1e-12)
    assert got.high - got.estimate == pytest.approx(stats.t.ppf(0.975, 4) * got.standard_error)


def test_nadeau_bengio_without_a_test_part_is_the_paired_t_test():
    # As n_test / n_train goes to 0 the correction vanishes.
    d = np.random.default_rng(0).normal(0.3, 1, 12)
    other = stats.ttest_1samp(d, 0)
    got = nadeau_bengio(d, n_train=10**12, n_test=1)
    assert got.p_value == pytest.approx(other.pvalue, rel=1e-6)
    assert (got.low, got.high) == pytest.approx(tuple(other.confidence_interval()), rel=1e-6)


def test_nadeau_bengio_convention_and_refusals():
    d = np.array([0.1, 0.2, 0.4])
    assert (
        nadeau_bengio(d, n_train=100, n_test=900).p_value > nadeau_bengio(d, n_train=900, n_test=100).p_value
    )
    for bad in (np.array([0.1]), np.zeros((2, 2))):
        with pytest.raises(DataError):
            nadeau_bengio(bad, n_train=5, n_test=5)
    with pytest.raises(DataError):
        nadeau_bengio(d, n_train=0, n_test=5)


def test_nadeau_bengio_holds_its_level_where_the_plain_t_does_not():
    # Scores of J splits with correlation rho = n_test / (n_test + n_train), the paper's assumption.
    rng = np.random.default_rng(1)
    J, rho, trials = 15, 0.1 / 1.0, 2000
    shared = rng.normal(size=(trials, 1)) * sqrt(rho)
    d = shared + rng.normal(size=(trials, J)) * sqrt(1 - rho)
    ours = np.mean([nadeau_bengio(row, n_train=900, n_test=100).p_value < 0.05 for row in d])
    plain = np.mean(stats.ttest_1samp(d, 0, axis=1).pvalue < 0.05)
    assert 0.035 < ours < 0.065  # 0.05 +- 3 binomial standard errors (0.0049)
    assert plain > 0.2


def brute_delong(a, b, positive):
    """Variance of the AUROC difference from all pairs, without ranks."""
    i, j = np.flatnonzero(positive), np.flatnonzero(~positive)
    psi = [np.sign(s[i][:, None] - s[j]) / 2 + 0.5 for s in (a, b)]
    gap = psi[0] - psi[1]
    variance = np.var(gap.mean(axis=1), ddof=1) / len(i) + np.var(gap.mean(axis=0), ddof=1) / len(j)
    return gap.mean(), sqrt(variance)


@pytest.mark.parametrize("ties", [False, True])
def test_delong_by_brute_force(ties):
    rng = np.random.default_rng(2)
    y = rng.random(80) < 0.3
    a, b = rng.normal(size=80) + y, rng.normal(size=80) + 0.5 * y
    if ties:
        a, b = a.round(), b.round()
    got = delong(a, b, y)
    estimate, error = brute_delong(a, b, y)
    assert got.estimate == pytest.approx(estimate, abs=1e-12)
    assert got.standard_error == pytest.approx(error, rel=1e-10)
    assert got.p_value == pytest.approx(2 * stats.norm.sf(abs(estimate) / error), rel=1e-9)
    back = delong(b, a, y)
    assert (back.estimate, back.low, back.high) == pytest.approx((-got.estimate, -got.high, -got.low))


def test_delong_variance_matches_the_spread_over_repeated_samples():
    rng = np.random.default_rng(3)
    y = np.arange(120) < 40
    estimates, errors = [], []
    for _ in range(1500):
        base = rng.normal(size=120)
        got = delong(base + rng.normal(size=120) + y, base + rng.normal(size=120) + y, y)
        estimates.append(got.estimate)
        errors.append(got.standard_error)
    # sd of a standard deviation over 1500 draws is 1.8 %; 8 % is four of them
    assert np.std(estimates) == pytest.approx(sqrt(np.mean(np.square(errors))), rel=0.08)


def test_delong_same_scores_and_refusals():
    rng = np.random.default_rng(4)
    s, y = rng.normal(size=10), np.arange(10) < 4
    got = delong(s, s, y)
    assert (got.estimate, got.low, got.high, got.p_value) == (0, 0, 0, 1)
    with pytest.raises(DataError):
        delong(s, s, np.arange(10) < 1)
    with pytest.raises(DataError):
        delong(s, s[:9], y)


@pytest.mark.parametrize(("b", "c"), [(0, 5), (3, 9), (10, 10), (25, 7), (1, 0)])
def test_mcnemar(b, c):
    statsmodels = pytest.importorskip("statsmodels.stats.contingency_tables")
    first = np.array([True] * b + [False] * c + [True] * 4 + [False] * 2)
    second = np.array([False] * b + [True] * c + [True] * 4 + [False] * 2)
    got = mcnemar(first, second)
    assert (got.only_first, got.only_second) == (b, c)
    assert got.exact == pytest.approx(statsmodels.mcnemar([[4, b], [c, 2]], exact=True).pvalue, rel=1e-10)
    # Mid-p by its definition: P(more extreme) + half of P(as extreme), both tails, by counting.
    n, low = b + c, min(b, c)
    below = sum(comb(n, i) for i in range(low))
    mid = min(1.0, 2 * (below + 0.5 * comb(n, low)) / 2**n)
    assert got.mid == pytest.approx(mid, rel=1e-10)


def test_mcnemar_without_disagreement():
    same = np.array([True, False, True])
    assert mcnemar(same, same).exact == mcnemar(same, same).mid == 1.0
    with pytest.raises(DataError):
        mcnemar(same, same[:2])


@pytest.mark.parametrize("seed", range(5))
def test_holm_agrees_with_statsmodels_and_with_closed_testing(seed):
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    p = np.random.default_rng(seed).random(5) ** 3
    got = np.array(list(holm({str(i): v for i, v in enumerate(p)}).values()))
    np.testing.assert_allclose(got, multipletests(p, method="holm")[1], rtol=1e-12)
    # Closed testing with Bonferroni for every intersection is Holm.
    for i in range(5):
        worst = max(
            min(1.0, len(s) * min(p[list(s)]))
            for r in range(1, 6)
            for s in combinations(range(5), r)
            if i in s
        )
        assert got[i] == pytest.approx(worst, rel=1e-12)


def test_holm_keeps_names_and_order():
    got = holm({"b": 0.04, "a": 0.01})
    assert list(got) == ["b", "a"]
    assert got == {"b": 0.04, "a": 0.02}
    assert holm({}) == {}


def test_tost_agrees_with_statsmodels_and_with_its_interval():
    weightstats = pytest.importorskip("statsmodels.stats.weightstats")
    d = np.random.default_rng(5).normal(0.02, 0.1, 40)
    error = d.std(ddof=1) / sqrt(40)
    for margin in (0.02, 0.05, 0.08):
        got = tost(d.mean(), error, margin, degrees=39)
        p, lower, upper = weightstats.DescrStatsW(d).ttost_mean(-margin, margin)
        assert got.p_value == pytest.approx(p, rel=1e-9)
        assert (got.p_lower, got.p_upper) == pytest.approx((lower[1], upper[1]), rel=1e-9)
        assert got.equivalent == (-margin < got.low and got.high < margin)


def test_tost_edges():
    assert tost(0.0, 0.0, 0.01).equivalent
    assert not tost(0.02, 0.0, 0.01).equivalent
    assert tost(-0.02, 0.01, 0.05).p_lower > tost(-0.02, 0.01, 0.05).p_upper
    for error, margin in ((0.1, 0.0), (-0.1, 0.1)):
        with pytest.raises(DataError):
            tost(0.0, error, margin)
