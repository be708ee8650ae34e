"""The evidence bound against torch's distributions and against numeric integration."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from augmentor.objectives.variational import negative_elbo


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(2, 5), (1, 3, 4), (1, 2, 3, 2)])
def test_the_divergence_is_that_of_torchs_gaussians(shape):
    mean, log_variance = normal(6, 7), normal(6, 7, seed=1)
    x = normal(6, *shape, seed=2)
    _, divergence = negative_elbo(x, x, mean, log_variance)
    posterior, prior = Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)
    expected = kl_divergence(posterior, prior).sum(1).mean() / math.prod(shape)
    torch.testing.assert_close(divergence, expected)
    swapped = kl_divergence(Normal(torch.zeros_like(mean), 1.0), posterior).sum(1).mean()
    assert not torch.allclose(divergence * math.prod(shape), swapped, rtol=0.1)


@pytest.mark.parametrize(("mean", "log_variance"), [(0.0, 0.0), (1.3, -0.8), (-0.4, 0.9)])
def test_the_divergence_by_numeric_integration(mean, log_variance):
    points = np.linspace(-15, 15, 20_001)
    deviation = math.exp(0.5 * log_variance)
    q = np.exp(-0.5 * ((points - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
    log_q = -0.5 * ((points - mean) / deviation) ** 2 - math.log(deviation)
    expected = np.trapezoid(q * (log_q + 0.5 * points**2), points)
    x = torch.zeros(1, 1, 1, dtype=torch.float64)
    numbers = (torch.tensor([[value]], dtype=torch.float64) for value in (mean, log_variance))
    _, divergence = negative_elbo(x, x, *numbers)
    assert divergence.item() == pytest.approx(expected, abs=1e-7)


def test_the_reconstruction_is_the_likelihood_at_the_best_variance():
    """-log N(x; y, s²) per value is 0.5 log(2 pi s²) + e / (2 s²); its least over s² is at s² = e.

    There it is 0.5 log(e) + 0.5 (1 + log(2 pi)): the loss and the constant that it leaves out.
    """
    real, rebuilt = normal(5, 2, 6), normal(5, 2, 6, seed=1)
    error = (real - rebuilt).square().mean()
    scales = (error * torch.linspace(0.5, 2.0, 1501, dtype=torch.float64)).sqrt()
    likelihood = torch.stack([-Normal(rebuilt, scale).log_prob(real).mean() for scale in scales])
    reconstruction, _ = negative_elbo(rebuilt, real, torch.zeros(5, 3), torch.zeros(5, 3))
    constant = 0.5 * (1 + math.log(2 * math.pi))
    assert reconstruction.item() == pytest.approx(likelihood.min().item() - constant, abs=1e-5)
    assert scales[likelihood.argmin()].square().item() == pytest.approx(error.item(), rel=2e-3)


def test_both_terms_are_per_value_of_a_sample():
    """Twice as many values of the same error: reconstruction stays, the posterior's share halves."""
    real, rebuilt = normal(4, 1, 6), normal(4, 1, 6, seed=1)
    mean, log_variance = normal(4, 3, seed=2), normal(4, 3, seed=3)
    one = negative_elbo(rebuilt, real, mean, log_variance)
    two = negative_elbo(rebuilt.repeat(1, 2, 1), real.repeat(1, 2, 1), mean, log_variance)
    torch.testing.assert_close(two[0], one[0])
    torch.testing.assert_close(two[1], one[1] / 2)


def test_convention_mean_comes_before_log_variance():
    x = torch.zeros(2, 1, 3)
    mean, log_variance = torch.full((2, 4), 2.0), torch.full((2, 4), -1.0)
    # 0.5 (4 + exp(-1) - 1 + 1) over 4 latents and 3 values, against 0.5 (1 + exp(2) - 1 - 2).
    _, right = negative_elbo(x, x, mean, log_variance)
    _, wrong = negative_elbo(x, x, log_variance, mean)
    assert right.item() == pytest.approx(4 / 3 * 0.5 * (4 + math.exp(-1)), rel=1e-6)
    assert wrong.item() == pytest.approx(4 / 3 * 0.5 * (math.exp(2) - 2), rel=1e-6)


def test_gradients_and_the_perfect_reconstruction():
    real, rebuilt = normal(3, 1, 4), normal(3, 1, 4, seed=1).requires_grad_()
    mean, log_variance = normal(3, 2, seed=2).requires_grad_(), normal(3, 2, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda r, m, v: negative_elbo(r, real, m, v), (rebuilt, mean, log_variance)
    )
    perfect = real.clone().requires_grad_()
    reconstruction, divergence = negative_elbo(perfect, real, torch.zeros(3, 2), torch.zeros(3, 2))
    reconstruction.backward()
    # 0.5 log(1e-6): the floor stands in for an infinite likelihood.
    assert reconstruction.item() == pytest.approx(0.5 * math.log(1e-6))
    assert perfect.grad.abs().max() == 0
    assert divergence == 0


def test_half_precision_is_lifted_and_unequal_pairs_are_refused():
    half = torch.ones(2, 1, 4, dtype=torch.bfloat16)
    terms = negative_elbo(half, half + 0.5, torch.zeros(2, 3), torch.zeros(2, 3).bfloat16())
    assert [term.dtype for term in terms] == [torch.float32] * 2
    assert terms[0].item() == pytest.approx(math.log(0.5), abs=1e-5)
    with pytest.raises(ValueError, match=r"samples \(2, 1, 4\) and \(2, 1, 5\)"):
        negative_elbo(torch.zeros(2, 1, 4), torch.zeros(2, 1, 5), *torch.zeros(2, 2, 3))
    with pytest.raises(ValueError, match=r"posterior \(2, 3\) and \(2, 4\)"):
        negative_elbo(torch.zeros(2, 1, 4), torch.zeros(2, 1, 4), torch.zeros(2, 3), torch.zeros(2, 4))
