"""Blocks in closed form: minibatch statistics against numpy, residual branches, resampling."""

import numpy as np
import pytest
import torch

from augmentor.nets.blocks import ResidualBlock, Top, minibatch_std
from augmentor.nets.layers import downsample, upsample
from augmentor.nets.spec import NetworkSpec

SHAPES = [(6, 2, 5), (6, 3, 4, 4), (6, 1, 2, 3, 4)]


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_minibatch_std_in_closed_form():
    # Group 0: rows 0, 2, 0, 2 have mean 1 and standard deviation 1. Group 1: all alike, so 0.
    x = torch.tensor([0.0, 2, 0, 2, 5, 5, 5, 5]).view(8, 1, 1, 1).expand(8, 3, 2, 2)
    out = minibatch_std(x, 4)
    assert out.shape == (8, 1, 2, 2)
    torch.testing.assert_close(out[:4], torch.ones(4, 1, 2, 2))
    # sqrt(0 + 1e-8) keeps a slope at zero.
    torch.testing.assert_close(out[4:], torch.full((4, 1, 2, 2), 1e-4), atol=1e-6, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("group", [2, 3, 6])
def test_minibatch_std_agrees_with_numpy_over_consecutive_rows(shape, group):
    x = normal(*shape)
    expected = np.repeat(x.numpy().reshape(6 // group, group, -1).std(axis=1).mean(axis=1), group)
    made = minibatch_std(x, group)
    assert made.shape == (6, 1, *shape[2:])
    np.testing.assert_allclose(
        made.flatten(1).numpy(), np.tile(expected[:, None], made[0].numel()), rtol=1e-6
    )
    if group == 2:
        strided = np.repeat([x[start::3].numpy().std(axis=0).mean() for start in range(3)], 2)
        assert not np.allclose(expected, strided, rtol=1e-2)


def test_minibatch_std_of_no_rows_is_no_channel():
    assert minibatch_std(torch.zeros(0, 3, 2, 2), 4).shape == (0, 1, 2, 2)


def test_minibatch_std_shows_the_class_that_collapsed():
    x = normal(8, 3, 4, 4)
    x[4:] = x[4]  # the second class is one image four times over
    by_class = minibatch_std(x, 4)[:, 0, 0, 0]
    assert (by_class[:4] > 0.5).all()
    assert (by_class[4:] < 1e-3).all()
    mixed = minibatch_std(x[[0, 4, 1, 5, 2, 6, 3, 7]], 4)[:, 0, 0, 0]
    assert (mixed > 0.3).all()  # groups across classes hide it


def test_minibatch_std_is_twice_differentiable_also_for_identical_rows():
    x = normal(4, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: minibatch_std(x, 2), x)
    assert torch.autograd.gradgradcheck(lambda x: minibatch_std(x, 2), x)
    same = torch.zeros(4, 2, 2, requires_grad=True)
    (first,) = torch.autograd.grad(minibatch_std(same, 4).sum(), same, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), same)
    assert torch.isfinite(second).all()


def test_minibatch_std_keeps_half_precision_and_reckons_in_single():
    # The squares of a thousand cells 0.01 apart add up in float32; in bfloat16 sums stop at 256 times a term.
    x = (torch.tensor([1.0, 1.0078125]).repeat(2).view(4, 1, 1) * torch.ones(4, 1, 1000)).bfloat16()
    made = minibatch_std(x, 2)
    assert made.dtype == torch.bfloat16
    torch.testing.assert_close(made.float(), torch.full((4, 1, 1000), 0.00390625), rtol=1e-2, atol=0)


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="a multiple of 4 rows, got 6"):
        minibatch_std(torch.zeros(6, 8), 4)


@pytest.mark.parametrize("group", [0, 4])
def test_the_top_has_the_minibatch_statistic_that_the_spec_names(group):
    torch.manual_seed(0)
    top = Top(NetworkSpec(width=4, minibatch_group=group), 3, 4, 6)
    assert top.layer.in_features == (16 if group else 12)
    x = normal(4, 3, 4, dtype=torch.float32)
    assert top(x).shape == (4, 6)
    # The first row's features depend on the fourth row, which a layer alone would not see.
    other = torch.cat([x[:3], x[3:] + 1])
    assert torch.allclose(top(x)[0], top(other)[0]) == (group == 0)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_a_block_with_a_silent_branch_is_the_identity(ndim):
    block = ResidualBlock(ndim, 4)
    block.second.weight.data.zero_()
    x = torch.randn(2, 4, *[5] * ndim)
    torch.testing.assert_close(block(x), x)


def test_pooling_a_series_of_odd_length_averages_what_exists():
    pooled = downsample((5,), (3,))(torch.tensor([[[1.0, 3, 5, 7, 9]]]))
    assert pooled.tolist() == [[[2.0, 6.0, 9.0]]]


def test_upsampling_repeats_the_nearest_cell():
    assert upsample(torch.tensor([[[1.0, 2]]]), (4,)).tolist() == [[[1, 1, 2, 2]]]


def test_a_side_that_stays_is_not_pooled():
    assert downsample((8, 6), (4, 6))(torch.zeros(1, 1, 8, 6)).shape == (1, 1, 4, 6)
