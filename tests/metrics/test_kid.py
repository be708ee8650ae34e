"""MMD and KID: closed forms, torchmetrics, unbiasedness."""

import numpy as np
import pytest
import torch
from torchmetrics.image.kid import poly_mmd

from augmentor.metrics.estimate import NotEstimable
from augmentor.metrics.kid import kid, mmd2


def sets(n=80, m=60, d=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(0.4, 1.3, size=(m, d))


def test_agrees_with_torchmetrics():
    """Its poly_mmd is the same estimate for sets of one size, in float64 here."""
    real, fake = sets(m=80)
    kernels = [
        (torch.from_numpy(a) @ torch.from_numpy(b).T / 6 + 1) ** 3
        for a, b in ((real, real), (real, fake), (fake, fake))
    ]
    from torchmetrics.image.kid import maximum_mean_discrepancy

    theirs = maximum_mean_discrepancy(*kernels)
    assert mmd2(real, fake) == pytest.approx(float(theirs), rel=1e-10)
    assert kid(real, fake).value == mmd2(real, fake)
    assert poly_mmd(torch.from_numpy(real), torch.from_numpy(fake)).item() == pytest.approx(
        mmd2(real, fake), rel=1e-10
    )


def test_linear_kernel_is_the_corrected_distance_between_means():
    """With k(x, y) = x·y the mean over pairs i != j is (|Σx|² - Σ|x|²) / (n (n - 1)), so

    MMD² = |m_x - m_y|² - tr(S_x) / n - tr(S_y) / m, with S the unbiased covariances: the plain
    squared distance between means less what their noise adds to it.
    """
    real, fake = sets()
    means = ((real.mean(0) - fake.mean(0)) ** 2).sum()
    noise = real.var(0, ddof=1).sum() / len(real) + fake.var(0, ddof=1).sum() / len(fake)
    assert mmd2(real, fake, degree=1, gamma=1.0, shift=0.0) == pytest.approx(means - noise, rel=1e-10)


def test_blocks_do_not_change_the_number(monkeypatch):
    real, fake = sets()
    whole = mmd2(real, fake)
    monkeypatch.setattr("augmentor.metrics.kid.BLOCK", 500)
    assert mmd2(real, fake) == pytest.approx(whole, rel=1e-12)


def test_equal_distributions_give_zero_on_average_and_the_error_covers_it():
    """Unbiased: the mean over 200 draws lies within 4 of its standard errors of zero."""
    rng = np.random.default_rng(0)
    draws = [kid(rng.normal(size=(40, 3)), rng.normal(size=(60, 3)), seed=i) for i in range(200)]
    values = np.array([d.value for d in draws])
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(200)
    assert (values < 0).any()
    errors = np.array([d.standard_error for d in draws])
    # The blocks' error is that of a worse estimate: no smaller than the true spread.
    assert np.sqrt((errors**2).mean()) > values.std()


def test_symmetric_and_blind_to_order():
    real, fake = sets(m=80)
    rng = np.random.default_rng(1)
    assert mmd2(real, fake) == pytest.approx(mmd2(fake, real), rel=1e-10)
    assert mmd2(rng.permutation(real), fake) == pytest.approx(mmd2(real, fake), rel=1e-10)


def test_it_grows_with_the_shift():
    rng = np.random.default_rng(2)
    real, fake = rng.normal(size=(200, 4)), rng.normal(size=(200, 4))
    values = [mmd2(real, fake + shift) for shift in (0.0, 0.5, 1.0, 2.0)]
    assert values == sorted(values)


def test_too_few_rows_are_reported():
    real, fake = sets()
    assert isinstance(mmd2(real[:1], fake), NotEstimable)
    small = kid(real[:19], fake)
    assert isinstance(small.value, float)
    assert isinstance(small.standard_error, NotEstimable)


def test_cubic_kernel_on_gaussians_is_a_sum_over_their_moments():
    """(x y + 1)³ = Σ C(3, j) x^j y^j, so MMD² = Σ C(3, j) (E x^j - E y^j)². For N(0, 1) and N(1, 1) the
    moments are 0, 1, 0 and 1, 2, 4: 3 · 1 + 3 · 1 + 1 · 16 = 22. The mean of 60 unbiased draws of 400
    rows lies within four of its standard errors, which are below 1.
    """
    rng = np.random.default_rng(0)
    draws = [mmd2(rng.normal(size=(400, 1)), rng.normal(1, 1, size=(400, 1))) for _ in range(60)]
    error = np.std(draws) / np.sqrt(60)
    assert error < 1
    assert abs(np.mean(draws) - 22) < 4 * error
