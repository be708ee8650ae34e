"""Fréchet distance: closed forms, scipy's general matrix root, singular covariances."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.image.fid import FrechetInceptionDistance

from augmentor.metrics.estimate import NotEstimable
from augmentor.metrics.frechet import frechet_distance


def exactly(mean, std, n=50, d=1, seed=0):
    """Rows whose sample mean and sample deviation (n - 1) are exactly these."""
    x = np.random.default_rng(seed).normal(size=(n, d))
    x -= x.mean(0)
    if d > 1:
        x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    else:
        x /= x.std(0, ddof=1)
    return x * np.asarray(std) + np.asarray(mean)


def test_two_gaussians_on_a_line():
    """N(0, 1) and N(m, s²): m² + 1 + s² - 2 s = m² + (s - 1)²."""
    value = frechet_distance(exactly(0, 1), exactly(3, 2.5, seed=1)).value
    assert value == pytest.approx(3**2 + (2.5 - 1) ** 2, rel=1e-10)


def test_commuting_covariances():
    """Diagonal covariances: |m|² + Σ (a_i - b_i)²."""
    a, b = np.array([1.0, 2.0, 0.5]), np.array([3.0, 0.1, 0.5])
    value = frechet_distance(exactly(0, a, d=3), exactly([1, 0, 2], b, d=3, seed=1)).value
    assert value == pytest.approx(5 + ((a - b) ** 2).sum(), rel=1e-8)


def test_agrees_with_the_general_matrix_root():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5))
    b = rng.normal(size=(150, 5)) @ rng.normal(size=(5, 5)) + 1
    ca, cb = np.cov(a.T), np.cov(b.T)
    theirs = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca + cb - 2 * sqrtm(ca @ cb).real)
    assert frechet_distance(a, b).value == pytest.approx(theirs, rel=1e-8)


class Flat(torch.nn.Module):
    """Stands for a feature network in torchmetrics: pixels as they are."""

    num_features = 12

    def forward(self, x):
        return x.flatten(1)


def test_agrees_with_torchmetrics_on_our_features():
    """torchmetrics adds up sums and products in float64: 1e-8 leaves room for the order of adding."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(90, 12)), rng.normal(0.3, 1.4, size=(70, 12))
    metric = FrechetInceptionDistance(feature=Flat()).set_dtype(torch.float64)
    for rows, real in ((a, True), (b, False)):
        metric.update(torch.from_numpy(rows).reshape(-1, 3, 2, 2), real=real)
    assert frechet_distance(a, b).value == pytest.approx(float(metric.compute()), rel=1e-8)


def test_fewer_rows_than_features_stay_finite_and_carry_the_caution():
    rng = np.random.default_rng(0)
    small = frechet_distance(rng.normal(size=(10, 40)), rng.normal(size=(12, 40)))
    assert np.isfinite(small.value)
    assert "10 rows for 40 features" in small.caution
    enough = frechet_distance(rng.normal(size=(50, 5)), rng.normal(size=(60, 5)))
    assert enough.caution == ""


def test_the_bias_the_caution_speaks_of():
    """Equal distributions: too large for few rows, smaller for more."""
    rng = np.random.default_rng(0)
    few = frechet_distance(rng.normal(size=(30, 16)), rng.normal(size=(30, 16))).value
    many = frechet_distance(rng.normal(size=(3000, 16)), rng.normal(size=(3000, 16))).value
    assert few > 20 * many > 0


def test_identity_symmetry_rotation():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(80, 6)), rng.normal(size=(70, 6)) * 2
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    value = frechet_distance(a, b).value
    assert frechet_distance(a, a).value == pytest.approx(0, abs=1e-10)
    assert frechet_distance(b, a).value == pytest.approx(value, rel=1e-9)
    assert frechet_distance(a @ turn + 5, b @ turn + 5).value == pytest.approx(value, rel=1e-9)


def test_one_row_has_no_covariance():
    assert isinstance(frechet_distance(np.zeros((1, 2)), np.zeros((5, 2))).value, NotEstimable)


@pytest.mark.parametrize(("n", "m"), [(12, 12), (39, 7), (5, 200)])
def test_few_rows_take_another_way_to_the_same_number(n, m):
    """Against the matrix root of scipy: below as many rows as features the covariances are singular."""
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=(n, 40)), rng.normal(0.3, 1.5, size=(m, 40))
    first, second = np.cov(a.T), np.cov(b.T)
    values = np.linalg.eigvals(first @ second)
    cross = np.sqrt(np.maximum(values.real, 0)).sum()
    mean = a.mean(0) - b.mean(0)
    expected = mean @ mean + np.trace(first) + np.trace(second) - 2 * cross
    assert frechet_distance(a, b).value == pytest.approx(expected, rel=1e-5)
    assert "too large" in frechet_distance(a, b).caution
