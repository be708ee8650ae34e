"""Contract tests over every architecture, conditioning and number of dimensions."""

from typing import get_args

import pytest
import torch

from augmentor.core.errors import ConfigError
from augmentor.nets.architectures import ARCHITECTURES, networks, sized
from augmentor.nets.conditioning import CONDITIONINGS
from augmentor.nets.layers import memory_format
from augmentor.nets.spec import ArchitectureName, ConditioningName, NetworkSpec

CASES = [(a, c) for a in ARCHITECTURES for c in CONDITIONINGS]
SHAPES = [(3, 9), (1, 8, 8), (2, 4, 5, 8)]


def pair(architecture, conditioning, shape, **changes):
    torch.manual_seed(0)
    spec = NetworkSpec(architecture=architecture, conditioning=conditioning, width=8, latent=6, **changes)
    return networks(spec, shape, 3)


def draw(shape, rows=8):
    generator = torch.Generator().manual_seed(1)
    y = torch.arange(rows) // 4
    return torch.randn(rows, 6, generator=generator), torch.randn(rows, *shape, generator=generator), y


def test_the_names_of_the_spec_are_the_tables():
    assert set(get_args(ArchitectureName)) == set(ARCHITECTURES)
    assert set(get_args(ConditioningName)) == set(CONDITIONINGS)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("architecture", "conditioning"), CASES)
def test_shapes_ranges_and_every_parameter_learns(architecture, conditioning, shape):
    generator, critic = pair(architecture, conditioning, shape)
    z, x, y = draw(shape)
    # Noise inside a generator has a strength that learns.
    made = generator(z, y, draws=torch.Generator().manual_seed(2))
    assert made.shape == (8, *shape)
    assert made.dtype == torch.float32
    assert made.abs().max() <= 1
    # The tanh starts where it has a slope.
    assert made.std() < 0.7
    logits = critic(x, y)
    assert logits.shape == (8,)
    # A non-linear loss: the sum of logits would leave constant terms without a gradient.
    (critic(made, y).square().sum() + logits.square().sum()).backward()
    for network, part in ((generator, "body"), (critic, "trunk")):
        # A grown network keeps the layers through which its lower stages met samples.
        idle = {f"{part}.{name}" for name in getattr(network.get_submodule(part), "idle_parameters", ())}
        for name, parameter in network.named_parameters():
            assert (parameter.grad is None) == (name in idle), name
            assert name in idle or parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("size", [4, 8, 28, 32, 33])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_any_size_comes_out_exactly(architecture, size):
    generator, critic = pair(architecture, "projection", (1, size, size))
    z, _, y = draw((1,), rows=4)
    made = generator(z, y)
    assert made.shape == (4, 1, size, size)
    assert critic(made, y).shape == (4,)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_at_strength_0_labels_are_ignored_and_at_1_they_count(architecture):
    shape = (1, 8, 8)
    generator, critic = pair(architecture, "projection", shape)
    z, x, y = draw(shape)
    other = (y + 1) % 3
    assert torch.equal(generator(z, y, 0.0), generator(z, other, 0.0))
    assert torch.equal(critic(x, y, 0.0), critic(x, other, 0.0))
    assert not torch.allclose(generator(z, y), generator(z, other))
    assert not torch.allclose(critic(x, y), critic(x, other))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_without_conditioning_labels_never_count(architecture):
    generator, critic = pair(architecture, "none", (1, 8, 8))
    z, x, y = draw((1, 8, 8))
    assert torch.equal(generator(z, y), generator(z, y + 1))
    assert torch.equal(critic(x, y), critic(x, y + 1))


def test_the_projection_head_in_closed_form():
    head = CONDITIONINGS["projection"].head(4, 2)
    with torch.no_grad():
        head.unconditional.weight.fill_(1.0)
        head.unconditional.bias.fill_(0.5)
        head.rows.weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 2, 0, 0]]))
    h = torch.tensor([[1.0, 2, 3, 4], [1, 2, 3, 4]])
    # psi = 10 + 0.5; the inner products 1 and 4, over sqrt(4), half weighted.
    assert head(h, torch.tensor([0, 1]), 0.5).tolist() == [10.75, 11.5]


@pytest.mark.parametrize("group", [0, 2, 4])
def test_the_minibatch_statistic_ties_rows_of_a_group_only(group):
    _, critic = pair("residual", "projection", (1, 8, 8), minibatch_group=group)
    _, x, y = draw((1, 8, 8))
    changed = x.clone()
    changed[0] += 1
    moved = (critic(x, y) != critic(changed, y)).nonzero().flatten().tolist()
    assert moved == list(range(max(group, 1)))


def test_the_critic_is_twice_differentiable():
    _, critic = pair("residual", "projection", (1, 8, 8))
    _, x, y = draw((1, 8, 8))
    x.requires_grad_()
    (slope,) = torch.autograd.grad(critic(x, y).sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert critic.first.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("shape", SHAPES)
def test_the_fast_layout_gives_the_same_numbers(shape):
    generator, critic = pair("residual", "projection", shape)
    z, _, y = draw(shape)
    plain = generator(z, y)
    logits = critic(plain, y)
    layout = memory_format(len(shape) - 1)
    generator.to(memory_format=layout)
    critic.to(memory_format=layout)
    torch.testing.assert_close(generator(z, y), plain, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        critic(plain.contiguous(memory_format=layout), y), logits, atol=1e-4, rtol=1e-4
    )


def test_sizes_are_resolved_only_where_they_are_auto():
    assert sized(NetworkSpec(), (1, 8, 8), 340).width == 24
    assert sized(NetworkSpec(width=40), (1, 8, 8), 340).width == 40
    with pytest.raises(ValueError, match="'auto'"):
        networks(NetworkSpec(), (1, 8, 8), 2)


@pytest.mark.parametrize("shape", [(8,), (1, 2, 2), (1, 4, 4, 4, 4), (0, 8, 8)])
def test_shapes_without_a_network_are_refused(shape):
    with pytest.raises(ConfigError, match=r"shape \(C, \*spatial\)"):
        networks(NetworkSpec(width=8), shape, 2)
