"""Rectified flow's regression: straight paths, and the known best velocity between two Gaussians."""

import pytest
import torch

from augmentor.objectives.flow import draw_times, interpolate, velocity_loss

MEAN, SPREAD, ROWS = 0.7, 0.4, 200_000


def ends():
    draws = torch.Generator().manual_seed(0)
    noise, real = torch.randn(2, ROWS, 1, 1, generator=draws, dtype=torch.float64)
    return noise, MEAN + SPREAD * real


def best(x, t):
    """E[x1 - x0 | x_t] for x0 ~ N(0, 1) and x1 ~ N(m, s^2).

    x_t has mean t m and variance (1 - t)^2 + t^2 s^2, its covariance with x1 - x0 is t s^2 - (1 - t), and
    the conditional mean of Gaussians is linear.
    """
    slope = (t * SPREAD**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * SPREAD**2)
    return MEAN + slope * (x - t * MEAN)


def test_a_path_starts_in_noise_and_ends_in_data():
    """Convention: swapped ends fail here."""
    noise, real = torch.zeros(3, 1, 2), torch.ones(3, 1, 2)
    found = interpolate(noise, real, torch.tensor([0.0, 0.25, 1.0]))
    assert found[:, 0, 0].tolist() == [0.0, 0.25, 1.0]


@pytest.mark.parametrize("time", [0.2, 0.5, 0.9])
def test_the_loss_of_the_best_velocity_is_the_conditional_variance(time):
    """Var[x1 - x0 | x_t] = 1 + s^2 - cov^2 / var; sampling error over 200,000 rows is under 1 %."""
    noise, real = ends()
    t = torch.full((ROWS,), time, dtype=torch.float64)
    x = interpolate(noise, real, t)
    loss = velocity_loss(best(x, time), noise, real).mean().item()
    covariance = time * SPREAD**2 - (1 - time)
    expected = 1 + SPREAD**2 - covariance**2 / ((1 - time) ** 2 + time**2 * SPREAD**2)
    assert loss == pytest.approx(expected, rel=0.015)
    # Nothing near it does better, and the way from data to noise does far worse.
    for worse in (best(x, time) + 0.05, 1.05 * best(x, time)):
        assert velocity_loss(worse, noise, real).mean().item() > loss
    assert velocity_loss(best(x, time), real, noise).mean().item() > loss + 1


def test_the_loss_is_one_number_a_row_and_zero_for_the_straight_way():
    noise, real = torch.zeros(2, 1, 4), torch.ones(2, 1, 4)
    assert velocity_loss(real - noise, noise, real).tolist() == [0, 0]
    assert velocity_loss(noise, noise, real).tolist() == [1, 1]
    with pytest.raises(ValueError, match=r"received \(2, 1, 3\)"):
        velocity_loss(torch.zeros(2, 1, 3), noise, real)


def test_times_are_uniform_or_have_a_standard_normal_logit():
    uniform = draw_times(50_000, "uniform", torch.Generator().manual_seed(0))
    assert uniform.mean().item() == pytest.approx(1 / 2, abs=0.01)
    assert uniform.var().item() == pytest.approx(1 / 12, abs=0.002)
    logit = torch.logit(draw_times(50_000, "logit_normal", torch.Generator().manual_seed(0)))
    assert logit.mean().item() == pytest.approx(0, abs=0.02)
    assert logit.std().item() == pytest.approx(1, abs=0.02)
