"""The codes' surprise against torch's distributions and by hand."""

import math

import pytest
import torch
from torch.distributions import Categorical, Normal

from augmentor.nets.spec import CodesSpec
from augmentor.objectives.infogan import code_loss


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("categorical", "continuous"), [(4, 2), (3, 0), (0, 3), (0, 0)])
def test_it_is_minus_the_log_likelihood_of_torchs_distributions(categorical, continuous):
    codes = CodesSpec(categorical=categorical, continuous=continuous)
    said, latents = normal(6, categorical + continuous), normal(6, 9, seed=1)
    expected = torch.zeros(6)
    if categorical:
        place = latents[:, :categorical].argmax(1)
        expected = expected - Categorical(logits=said[:, :categorical]).log_prob(place)
    if continuous:
        wanted = latents[:, categorical : categorical + continuous]
        likelihood = Normal(said[:, categorical:], 1.0).log_prob(wanted).sum(1)
        # The constant of a Gaussian of variance 1, left out so that a perfect reading costs nothing.
        expected = expected - likelihood - continuous * 0.5 * math.log(2 * math.pi)
    surprise = code_loss(said, latents, codes)
    assert surprise.shape == (6,)
    assert (surprise >= 0).all()
    torch.testing.assert_close(surprise, expected)


def test_by_hand():
    codes = CodesSpec(categorical=2, continuous=1)
    # The code is place 1 (2 > -1), the continuous one 0.5; what follows in the latent is no code.
    latents = torch.tensor([[-1.0, 2.0, 0.5, 7.0]])
    # Even logits: log 2; a mean of 2.5: half of 2 squared.
    surprise = code_loss(torch.tensor([[3.0, 3.0, 2.5]]), latents, codes)
    assert surprise.item() == pytest.approx(math.log(2) + 2.0)
    # A sure and right reading costs nothing.
    assert code_loss(torch.tensor([[-50.0, 50.0, 0.5]]), latents, codes).item() == pytest.approx(0)


def test_convention_the_reading_comes_first():
    codes = CodesSpec(continuous=2)
    said, latents = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 2.0, 9.0]])
    assert code_loss(said, latents, codes).item() == 0
    with pytest.raises(RuntimeError):
        code_loss(latents, said, codes)


def test_the_bound_of_the_mutual_information_is_tight_for_the_posterior():
    """Chen 2016, equation 4: E[log Q] + H(c) <= I(c; x), equal where Q is p(c | x).

    x is c, a uniform code of 3 values, told wrongly in one case of ten (to each other value alike).
    """
    wrong = 0.1
    p = torch.full((3, 3), wrong / 2).fill_diagonal_(1 - wrong)
    information = math.log(3) + (p[0] * p[0].log()).sum().item()
    # Latents of the three codes, each with the three samples it can lead to.
    latents = torch.eye(3).repeat_interleave(3, 0)
    share = p.flatten() / 3
    x = torch.arange(3).repeat(3)
    codes = CodesSpec(categorical=3)
    tight = math.log(3) - (share * code_loss(p.log()[x], latents, codes)).sum().item()
    loose = math.log(3) - (share * code_loss(torch.eye(3)[x], latents, codes)).sum().item()
    assert tight == pytest.approx(information, abs=1e-6)
    assert loose < information - 0.01


def test_gradients_and_half_precision():
    codes = CodesSpec(categorical=3, continuous=1)
    said = normal(4, 4).requires_grad_()
    (gradient,) = torch.autograd.grad(code_loss(said, normal(4, 6, seed=1), codes).sum(), said)
    # Softmax minus one-hot sums to 0; the mean's slope is its distance to the code.
    torch.testing.assert_close(gradient[:, :3].sum(1), torch.zeros(4), atol=1e-6, rtol=0)
    torch.testing.assert_close(gradient[:, 3], (said[:, 3] - normal(4, 6, seed=1)[:, 3]).detach())
    assert code_loss(said.bfloat16(), normal(4, 6, seed=1), codes).dtype == torch.float32
