"""The strided networks' layers: exact grids, even coverage, variances, and no idle bias."""

import math

import pytest
import torch

from augmentor.nets.layers import SLOPE
from augmentor.nets.sizing import resolutions
from augmentor.nets.spec import NetworkSpec
from augmentor.nets.strided import StridedBody, StridedTrunk, _strided, _transposed


def spec(**changes):
    return NetworkSpec(**{"architecture": "dcgan", "width": 4, **changes})


@pytest.mark.parametrize("before", [1, 4, 5, 7, 14, 65])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_transposed_convolutions_reach_2s_2s_minus_1_and_s(ndim, before):
    for after in {before, 2 * before - 1, 2 * before}:
        grid = (before, *[2] * (ndim - 1))
        wanted = (after, *[4] * (ndim - 1))
        up = _transposed(ndim, 2, 3, grid, wanted, bias=True)
        assert up(torch.zeros(1, 2, *grid)).shape == (1, 3, *wanted)
        down = _strided(ndim, 3, 2, wanted, grid, bias=True)
        assert down(torch.zeros(1, 3, *wanted)).shape == (1, 2, *grid)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_doubling_covers_every_output_alike(ndim):
    """A kernel of 4 and a stride of 2: two cells of the input meet each output along a side."""
    up = _transposed(ndim, 3, 1, (4,) * ndim, (8,) * ndim, bias=True)
    torch.nn.init.ones_(up.weight)
    made = up(torch.ones(1, 3, *[4] * ndim))[0, 0]
    inner = made[(slice(1, -1),) * ndim]
    assert torch.equal(inner, torch.full_like(inner, 3 * 2.0**ndim))


@pytest.mark.parametrize("ndim", [1, 2])
def test_a_transposed_convolution_keeps_the_second_moment_for_the_rectifier_after_it(ndim):
    torch.manual_seed(0)
    up = _transposed(ndim, 64, 64, (16,) * ndim, (32,) * ndim, bias=True)
    with torch.no_grad():
        made = up(torch.randn(8, 64, *[16] * ndim))[(..., *[slice(1, -1)] * ndim)]
    # He 2015, equation 15: variance 2 / (1 + slope²), of which leaky ReLU leaves a second moment of 1.
    assert made.var().item() == pytest.approx(2 / (1 + SLOPE**2), rel=0.05)


@pytest.mark.parametrize("spatial", [(129,), (33, 20), (28, 7), (9, 5, 12)])
def test_every_stage_stands_on_the_grid_of_its_resolution(spatial):
    body, trunk = StridedBody(spec(), 6, (1, *spatial)), StridedTrunk(spec(), (1, *spatial))
    seen = []
    for layer in (*body.ups, *trunk.downs):
        layer.register_forward_hook(lambda _, __, made: seen.append(tuple(made.shape[2:])))
    trunk(body(torch.randn(4, 6)))
    grids = resolutions(spatial)
    assert seen == [*grids[1:], *grids[-2::-1]]


def test_batch_normalisation_is_where_radford_puts_it_and_takes_the_biases_place():
    normed = StridedBody(spec(), 6, (1, 16, 16))
    assert [type(norm).__name__ for norm in normed.norms] == ["BatchNorm2d"] * 3
    assert normed.last.bias is not None
    plain = StridedBody(spec(generator_norm="none"), 6, (1, 16, 16))
    for body, biased in ((normed, False), (plain, True)):
        assert all((up.bias is not None) == biased for up in body.ups)
    trunks = {norm: StridedTrunk(spec(critic_norm=norm), (1, 16, 16)) for norm in ("batch", "layer", "none")}
    for norm, trunk in trunks.items():
        # Not on the first layer.
        assert trunk.first.bias is not None
        assert len(trunk.norms) == len(trunk.downs) == 2
        assert all((down.bias is None) == (norm == "batch") for down in trunk.downs)


def test_layer_normalisation_is_over_all_channels_and_cells_of_one_row():
    norm = StridedTrunk(spec(critic_norm="layer"), (1, 8, 8)).norms[0]
    x = torch.randn(2, norm.num_channels, 4, 4) * torch.tensor([1.0, 50.0]).view(2, 1, 1, 1)
    flat = x.flatten(1)
    deviation = (flat.var(1, unbiased=False) + norm.eps).sqrt()
    expected = (flat - flat.mean(1, keepdim=True)) / deviation[:, None]
    torch.testing.assert_close(norm(x).flatten(1), expected, rtol=1e-4, atol=1e-5)
    assert math.prod(x.shape[1:]) == flat.shape[1]
