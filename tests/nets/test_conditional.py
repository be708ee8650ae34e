"""What all networks share, in closed form: codes, label planes, heads, the spectral norm."""

import math

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrize

from augmentor.nets.architectures import adversarial_networks
from augmentor.nets.conditional import LabelPlane, code_latents
from augmentor.nets.conditioning import CONDITIONINGS
from augmentor.nets.spec import CodesSpec, NetworkSpec


def critic_of(architecture="mlp", shape=(1, 4, 4), **changes):
    torch.manual_seed(0)
    fields = {"architecture": architecture, "width": 4, "critic_norm": "none", "minibatch_group": 0}
    return adversarial_networks(NetworkSpec(**fields | changes), shape, 3)[1]


def test_the_projection_head_in_closed_form():
    head = CONDITIONINGS["projection"].head(4, 2)
    with torch.no_grad():
        head.unconditional.weight.fill_(1.0)
        head.unconditional.bias.fill_(0.5)
        head.rows.weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 2, 0, 0]]))
    h = torch.tensor([[1.0, 2, 3, 4], [1, 2, 3, 4]])
    # psi = 10 + 0.5; the inner products 1 and 4, over sqrt(4), half weighted.
    assert head(h, torch.tensor([0, 1]), 0.5).tolist() == [10.75, 11.5]


@pytest.mark.parametrize("spatial", [(4,), (2, 3), (2, 1, 2)])
def test_a_label_plane_is_its_classes_row_times_the_strength(spatial):
    plane = LabelPlane(spatial, 3)
    rows = torch.arange(3.0 * math.prod(spatial)).view(3, -1)
    plane.rows.weight.data.copy_(rows)
    made = plane(torch.tensor([2, 0]), 0.5)
    assert made.shape == (2, 1, *spatial)
    # Row-major: the last side runs fastest.
    assert made[0].flatten().tolist() == (rows[2] / 2).tolist()
    assert made[1].flatten().tolist() == (rows[0] / 2).tolist()


def test_codes_are_a_one_hot_of_the_length_it_replaces_then_numbers_as_they_are():
    z = torch.tensor([[0.1, 0.9, -2.0, 0.3, 1.5, -0.7], [5.0, -1.0, 4.0, 0.0, 0.0, 2.0]])
    made = code_latents(z, CodesSpec(categorical=4, continuous=1))
    # sqrt(4): the mean square of four standard normal numbers is 4 in all.
    assert made.tolist() == [[0, 2, 0, 0, *z[0, 4:].tolist()], [2, 0, 0, 0, *z[1, 4:].tolist()]]
    assert code_latents(z, CodesSpec(continuous=3)) is z


def test_every_value_of_the_categorical_code_is_as_likely():
    z = torch.randn(6000, 8, generator=torch.Generator().manual_seed(0))
    counts = (code_latents(z, CodesSpec(categorical=6))[:, :6] > 0).sum(0)
    assert counts.sum() == 6000
    # Chi-square of 5 degrees of freedom: 20.5 is passed once in a thousand.
    assert ((counts - 1000.0).square() / 1000).sum() < 20.5


def test_a_generator_uses_the_codes_values_and_not_their_raw_numbers():
    spec = NetworkSpec(width=4, latent=6, codes={"categorical": 3, "continuous": 1})
    generator, _ = adversarial_networks(spec, (1, 4, 4), 2)
    y = torch.tensor([0])
    z = torch.tensor([[0.1, 2.0, 0.3, 0.4, 0.5, 0.6]])
    same, other, moved = z.clone(), z.clone(), z.clone()
    same[0, :3] = torch.tensor([-5.0, 0.2, 0.1])
    other[0, :3] = torch.tensor([3.0, 2.0, 0.1])
    moved[0, 3] = 1.4
    assert torch.equal(generator(z, y), generator(same, y))
    assert not torch.allclose(generator(z, y), generator(other, y))
    assert not torch.allclose(generator(z, y), generator(moved, y))


@pytest.mark.parametrize("shape", [(3, 9), (1, 8, 8), (2, 4, 5, 8)])
@pytest.mark.parametrize("architecture", ["residual", "mlp", "dcgan", "r3gan"])
def test_the_spectral_norm_makes_the_largest_singular_value_1(architecture, shape):
    critic = critic_of(architecture, shape, spectral_norm=True)
    x, y = torch.randn(4, *shape), torch.tensor([0, 1, 2, 0])
    with torch.no_grad():
        for _ in range(60):
            critic(x, y)
    critic.eval()
    normed = {name: m for name, m in critic.named_modules() if parametrize.is_parametrized(m)}
    weights = {name for name, p in critic.named_parameters() if p.ndim > 1}
    assert {f"{name}.parametrizations.weight.original" for name in normed} == weights
    for name, module in normed.items():
        original = module.parametrizations.weight.original.detach().flatten(1).numpy()
        # Miyato 2018, equation 8: W / sigma(W), sigma the largest singular value.
        expected = original / np.linalg.svd(original, compute_uv=False)[0]
        np.testing.assert_allclose(
            module.weight.detach().flatten(1).numpy(), expected, rtol=2e-2, atol=1e-4, err_msg=name
        )


def test_the_spectral_norm_bounds_the_slope_of_a_perceptron():
    """Each layer and each leaky rectifier stretches by at most 1; so does the sum psi + <V_y, h> by 2."""
    slopes = {}
    for conditioning in ("none", "projection", "concat"):
        critic = critic_of(conditioning=conditioning, spectral_norm=True)
        with torch.no_grad():
            for _ in range(60):
                critic(torch.zeros(4, 1, 4, 4), torch.zeros(4, dtype=torch.int64))
        x = torch.randn(64, 1, 4, 4, requires_grad=True)
        (slope,) = torch.autograd.grad(critic(x, torch.arange(64) % 3).sum(), x)
        slopes[conditioning] = slope.flatten(1).norm(dim=1).max().item()
    assert slopes["none"] <= 1.001
    assert slopes["concat"] <= 1.001
    assert slopes["projection"] <= 2.001
    x = torch.randn(64, 1, 4, 4, requires_grad=True)
    (slope,) = torch.autograd.grad(critic_of()(x, torch.zeros(64, dtype=torch.int64)).sum(), x)
    assert slope.flatten(1).norm(dim=1).max() > 1


def test_the_spectral_norm_leaves_alone_what_is_no_part_of_the_slope():
    for conditioning, free in (("concat", "plane.rows"), ("auxiliary", "classifier")):
        critic = critic_of(conditioning=conditioning, spectral_norm=True, codes={"continuous": 2})
        bound = {name for name, m in critic.named_modules() if parametrize.is_parametrized(m)}
        assert bound
        assert all(name.startswith(("trunk.", "head.")) for name in bound)
        assert {free, "reader"} <= {name for name, _ in critic.named_modules()}
