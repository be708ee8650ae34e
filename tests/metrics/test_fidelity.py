"""Precision, recall, density, coverage: against prdc, by construction, and the right way round."""

import warnings

import numpy as np
import pytest

from augmentor.core.errors import DataError
from augmentor.metrics.estimate import NotEstimable
from augmentor.metrics.fidelity import coverage_with_pool, neighbourhood

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from prdc import compute_prdc


def sets(seed=0, n=300, m=200, d=8):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(0.5, 0.8, size=(m, d))


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_agrees_with_prdc(k, offset, capsys):
    """The reference of the papers' authors. All four are counts over N or M: equal to the last row."""
    real, fake = sets()
    theirs = compute_prdc(real, fake, nearest_k=k)
    ours = neighbourhood(real + offset, fake + offset, k)
    for name, value in theirs.items():
        assert getattr(ours, name) == pytest.approx(value, abs=1e-12), name


def test_blocks_do_not_change_the_numbers(monkeypatch):
    real, fake = sets()
    whole = neighbourhood(real, fake)
    monkeypatch.setattr("augmentor.metrics.distances.BLOCK", 700)
    assert neighbourhood(real, fake) == whole


def test_by_hand():
    """Real rows 0, 1, 2, 10 on a line with k = 1 have the radii 1, 1, 1, 8.

    Fake 0.5 lies in the balls of 0 and 1; fake 3.5 in that of 10 alone (|3.5 - 10| = 6.5 <= 8);
    fake 30 in none. Density = 3 hits / (1 * 3), precision = 2 / 3, coverage = 3 / 4 (not row 2:
    |0.5 - 2| > 1). Fake radii are 3, 3 and 26.5: 0.5 reaches 0, 1, 2; 30 reaches 10: recall 1.
    """
    real = np.array([[0.0], [1.0], [2.0], [10.0]])
    fake = np.array([[0.5], [3.5], [30.0]])
    ours = neighbourhood(real, fake, k=1)
    assert ours.precision == pytest.approx(2 / 3)
    assert ours.density == pytest.approx(1.0)
    assert ours.coverage == pytest.approx(3 / 4)
    assert ours.recall == 1.0


def test_a_collapsed_generator_is_precise_and_recalls_nothing():
    """Fails when real and fake are swapped: then precision and recall swap too."""
    rng = np.random.default_rng(0)
    real = rng.normal(size=(400, 4))
    fake = 0.01 * rng.normal(size=(400, 4))
    ours = neighbourhood(real, fake)
    assert ours.precision == 1.0
    assert ours.recall < 0.05
    assert ours.coverage < 0.2
    swapped = neighbourhood(fake, real)
    assert swapped.precision < 0.05
    assert swapped.recall == 1.0


def test_equal_distributions_have_density_one_and_the_expected_coverage():
    """Coverage of n real by n fake rows of one distribution is 0.97 for k = 5.

    All 2n - 1 other rows are exchangeable around a real row; the ball holds no fake row when its
    k nearest are all real: product over i < k of (n - 1 - i) / (2n - 1 - i). For n = 1000, k = 5
    this is 0.0309. Over 10 draws of 1000 rows the standard error is below 0.003.
    """
    rng = np.random.default_rng(1)
    draws = [neighbourhood(rng.normal(size=(1000, 6)), rng.normal(size=(1000, 6))) for _ in range(10)]
    missed = np.prod([(999 - i) / (1999 - i) for i in range(5)])
    assert np.mean([d.coverage for d in draws]) == pytest.approx(1 - missed, abs=0.008)
    assert np.mean([d.density for d in draws]) == pytest.approx(1.0, abs=0.04)


def test_order_and_rotation_do_not_matter():
    real, fake = sets()
    rng = np.random.default_rng(2)
    turn, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    moved = neighbourhood(rng.permutation(real) @ turn * 3 + 1, rng.permutation(fake) @ turn * 3 + 1)
    ours = neighbourhood(real, fake)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(moved, name) == pytest.approx(getattr(ours, name), abs=1e-9)


def test_too_few_rows_are_reported():
    real, fake = sets(n=4, m=50)
    ours = neighbourhood(real, fake)
    assert isinstance(ours.precision, NotEstimable)
    assert "more than 5 real and fake rows, got 4 and 50" in str(ours.coverage)
    assert isinstance(ours.recall, float)
    assert isinstance(neighbourhood(real, fake[:3]).recall, NotEstimable)
    assert isinstance(neighbourhood(real, fake[:0]).recall, NotEstimable)


def test_what_is_no_feature_matrix_is_refused():
    real, fake = sets()
    with pytest.raises(DataError, match="one width"):
        neighbourhood(real, fake[:, :3])
    with pytest.raises(DataError, match="not finite"):
        neighbourhood(real, np.full_like(fake, np.nan))
    with pytest.raises(DataError, match=r"\(N, D\)"):
        neighbourhood(real[0], fake)


def test_few_held_out_rows_take_their_scale_from_the_pool():
    """Held-out 0 with training rows 3 and 5, k = 2: radius 5. A copy of a training row at 5 reaches
    it, one at 5.1 does not; held-out rows alone would have no second neighbour."""
    held, pool = np.array([[0.0]]), np.array([[3.0], [5.0]])
    assert coverage_with_pool(held, pool, np.array([[-4.9]]), k=2) == 1.0
    assert coverage_with_pool(held, pool, np.array([[5.1]]), k=2) == 0.0
    assert isinstance(coverage_with_pool(held, pool[:0], np.array([[1.0]])), NotEstimable)
    real, fake = sets()
    assert coverage_with_pool(real, real[:0], fake) == neighbourhood(real, fake).coverage
