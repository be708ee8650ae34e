import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from augmentor.nets.equalised import ACTIVATION_GAIN, EqualisedConv, EqualisedLinear, EqualisedTop, pixel_norm
from augmentor.nets.layers import activate
from augmentor.nets.spec import NetworkSpec


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("rate", [1.0, 0.01])
@pytest.mark.parametrize("inputs", [4, 64, 1024])
def test_a_dense_layer_gives_unit_variance_whatever_its_fan_in(inputs, rate):
    # Each output is gain / sqrt(n) times a sum of n products of standard normals: variance gain².
    # Over 4000 weight rows and 16 input rows the sample variance lies within a few per cent.
    layer = EqualisedLinear(inputs, 4000, gain=1.5, rate=rate)
    made = layer(torch.randn(16, inputs))
    assert made.square().mean().item() == pytest.approx(1.5**2, rel=0.25 if inputs == 4 else 0.1)
    # The weights themselves are standard normal numbers over the rate.
    assert layer.weight.std().item() * rate == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_a_convolution_against_its_definition(ndim):
    layer = EqualisedConv(ndim, 5, 7, 3, gain=2.0)
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(2, 5, *[6] * ndim)
    convolve = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}[ndim]
    expected = convolve(x, layer.weight * (2.0 / math.sqrt(5 * 3**ndim)), layer.bias, padding=1)
    torch.testing.assert_close(layer(x), expected)


def test_the_gain_keeps_the_second_moment_through_the_activation():
    x = torch.randn(200_000, dtype=torch.float64)
    # E[leaky(x)²] = (1 + slope²) / 2 for symmetric x; four standard errors are about 0.02.
    assert activate(ACTIVATION_GAIN * x).square().mean().item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("rate", [1.0, 0.01])
@pytest.mark.parametrize("inputs", [4, 400])
def test_adam_moves_effective_weights_by_the_same_share_whatever_the_fan_in(inputs, rate):
    layer = EqualisedLinear(inputs, 8, gain=1.0, rate=rate, bias=0.5)
    assert torch.allclose(layer(torch.zeros(1, inputs)), torch.tensor(0.5))
    before, bias = layer.weight.detach() * layer.scale, layer.bias.detach() * rate
    # Adam's first step is the learning rate times the gradient's sign, for a plain tensor.
    optimiser = torch.optim.Adam(layer.parameters(), lr=1e-3, eps=0)
    layer(torch.randn(3, inputs)).square().sum().backward()
    optimiser.step()
    moved = (layer.weight.detach() * layer.scale - before).abs()
    spread = 1 / math.sqrt(inputs)
    # float32 weights of size 1 / rate carry steps of 1e-3 to within 2e-7 / rate / 1e-3 of themselves.
    torch.testing.assert_close(moved, torch.full_like(moved, 1e-3 * rate * spread), rtol=0.05, atol=0)
    moved = (layer.bias.detach() * rate - bias).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 1e-3 * rate), rtol=0.05, atol=0)


@pytest.mark.parametrize("grid", [(), (3,), (2, 3), (2, 2, 2)])
def test_pixel_norm_against_its_definition(grid):
    x = torch.randn(2, 5, *grid)
    values = x.double().numpy()
    expected = values / np.sqrt((values**2).mean(1, keepdims=True) + 1e-8)
    np.testing.assert_allclose(pixel_norm(x).numpy(), expected, rtol=1e-5)
    # Every cell's channels have mean square 1, not every channel's cells.
    np.testing.assert_allclose((pixel_norm(x).numpy() ** 2).mean(1), 1, rtol=1e-5)


def test_the_equalised_top_sees_its_groups():
    top = EqualisedTop(NetworkSpec(width=8), 3, 4, 6)
    x = torch.randn(8, 3, 2, 2)
    changed = x.clone()
    changed[0] += 1
    moved = (top(x) != top(changed)).any(1).nonzero().flatten().tolist()
    assert moved == [0, 1, 2, 3]
    weight = top.layer.weight * (ACTIVATION_GAIN / math.sqrt((3 + 1) * 4))
    spread = (x.view(2, 4, 12).var(1, correction=0) + 1e-8).sqrt().mean(1)
    rows = torch.cat([x.flatten(1), spread.repeat_interleave(4)[:, None].expand(8, 4)], 1)
    torch.testing.assert_close(top(x), activate(rows @ weight.T + top.layer.bias))


def test_the_layers_are_twice_differentiable():
    layer = EqualisedConv(1, 2, 3, 3).double()
    x = torch.randn(2, 2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda value: pixel_norm(layer(value)), [x])
