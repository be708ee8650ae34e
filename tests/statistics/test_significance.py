"""Significance tests against scipy, statsmodels, brute force and closed forms."""

from math import sqrt

import numpy as np
import pytest
from scipy import stats

from augmentor.core.errors import DataError
from augmentor.statistics.significance import nadeau_bengio


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
