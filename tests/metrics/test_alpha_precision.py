"""Alpha-precision, beta-recall, authenticity: by brute force, and the right way round."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from augmentor.metrics.alpha_precision import STEPS, alpha_precision
from augmentor.metrics.estimate import NotEstimable


def brute(real, fake, k):
    """The definitions row by row, with scipy's distances."""
    levels = np.linspace(0, 1, STEPS)
    centre, core = real.mean(0), fake.mean(0)
    between = cdist(real, fake)
    own = np.sort(cdist(real, real), axis=1)
    precision, recall = [], []
    for level in levels:
        radius = np.quantile([np.linalg.norm(x - centre) for x in real], level)
        precision.append(np.mean([np.linalg.norm(y - centre) <= radius for y in fake]))
        depth = [np.linalg.norm(y - core) for y in fake]
        inside = np.array(depth) <= np.quantile(depth, level)
        hit = [inside.any() and between[i, inside].min() <= own[i, k] for i in range(len(real))]
        recall.append(np.mean(hit))
    authentic = [between[:, j].min() > own[between[:, j].argmin(), 1] for j in range(len(fake))]
    gap = [1 - 2 * np.trapezoid(np.abs(np.array(v) - levels), levels) for v in (precision, recall)]
    return [*gap, np.mean(authentic)]


@pytest.mark.parametrize("block", [10_000, 150])
def test_agrees_with_brute_force(block, monkeypatch):
    monkeypatch.setattr("augmentor.metrics.distances.BLOCK", block)
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(60, 3)), rng.normal(0.3, 0.8, size=(45, 3))
    ours = alpha_precision(real, fake, k=3)
    expected = brute(real, fake, 3)
    assert [ours.alpha_precision, ours.beta_recall, ours.authenticity] == pytest.approx(expected, abs=1e-9)


def test_a_collapsed_generator_and_one_too_wide():
    """One point at the centre: every alpha-ball from the first row on holds it, so the share is 1
    at every level and 1 - 2 ∫ (1 - a) da = 0. Far away: the share is 0 at every level, also 0.
    Fails when the arguments are swapped: a wide fake set recalls a tight real one and no more."""
    rng = np.random.default_rng(0)
    real = rng.normal(size=(500, 2))
    tight = alpha_precision(real, 1e-3 * rng.normal(size=(500, 2)))
    assert tight.alpha_precision == pytest.approx(0, abs=0.05)
    assert tight.beta_recall < 0.3
    assert tight.authenticity < 0.1  # all beside the one real row at the centre
    wide = alpha_precision(real, 50 + rng.normal(size=(500, 2)))
    assert wide.alpha_precision == pytest.approx(0, abs=0.03)
    assert wide.beta_recall == pytest.approx(0, abs=0.03)
    swapped = alpha_precision(1e-3 * rng.normal(size=(500, 2)), real)
    assert swapped.authenticity > 0.9


def test_honest_rows_are_about_half_authentic_and_copies_not_at_all():
    rng = np.random.default_rng(1)
    real = rng.normal(size=(1500, 2))
    honest = alpha_precision(real, rng.normal(size=(1500, 2)))
    # Not one half exactly: a row that many fake rows are nearest to is itself farther from others.
    assert 0.35 < honest.authenticity < 0.65
    assert honest.alpha_precision > 0.95
    assert alpha_precision(real, real[:700] + 1e-9).authenticity == 0.0


def test_too_few_rows_are_reported():
    x = np.random.default_rng(0).normal(size=(20, 2))
    assert isinstance(alpha_precision(x, x[:5]).authenticity, NotEstimable)


@pytest.mark.parametrize(("spread", "expected"), [(1.0, 1.0), (2.0, 0.4), (0.5, 0.4), (1.5, 0.61538)])
def test_alpha_precision_of_round_gaussians_has_its_closed_form(spread, expected):
    """Real N(0, I), fake N(0, s² I) in the plane. The squared depth is exponential, so the ball that holds
    alpha of the real rows holds 1 - (1 - alpha)^k of the fake ones, k = 1 / s², and
    1 - 2 ∫ |1 - (1 - a)^k - a| da = 1 - 2 |1/2 - 1/(k + 1)|. With 4,000 rows the error is below 0.02.
    """
    k = 1 / spread**2
    assert expected == pytest.approx(1 - 2 * abs(0.5 - 1 / (k + 1)), abs=1e-4)
    rng = np.random.default_rng(3)
    found = alpha_precision(rng.normal(size=(4000, 2)), spread * rng.normal(size=(4000, 2)))
    assert found.alpha_precision == pytest.approx(expected, abs=0.03)
