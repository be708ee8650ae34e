import numpy as np
import pytest
import torch

from augmentor.nets.blocks import ResidualBlock, minibatch_std
from augmentor.nets.layers import downsample, upsample
from augmentor.objectives.diversity import minibatch_std as objective_std


def test_minibatch_std_in_closed_form():
    # Group 0: rows 0, 2, 0, 2 have mean 1 and standard deviation 1. Group 1: all alike, so 0.
    x = torch.tensor([0.0, 2, 0, 2, 5, 5, 5, 5]).view(8, 1, 1, 1).expand(8, 3, 2, 2)
    out = minibatch_std(x, 4)
    assert out.shape == (8, 4, 2, 2)
    torch.testing.assert_close(out[:, :3], x)
    torch.testing.assert_close(out[:4, 3], torch.ones(4, 2, 2))
    # sqrt(0 + 1e-8) keeps a slope at zero.
    torch.testing.assert_close(out[4:, 3], torch.full((4, 2, 2), 1e-4), atol=1e-6, rtol=0)


def test_minibatch_std_agrees_with_numpy_over_runs_of_rows_not_strided_ones():
    x = torch.randn(8, 3, 5, generator=torch.Generator().manual_seed(0))
    expected = [np.std(x[start : start + 4].numpy(), axis=0).mean() for start in (0, 4)]
    np.testing.assert_allclose(minibatch_std(x, 4)[[0, 4], 3, 0].numpy(), expected, rtol=1e-4)
    strided = [np.std(x[start::2].numpy(), axis=0).mean() for start in (0, 1)]
    assert not np.allclose(expected, strided, rtol=1e-2)


def test_minibatch_std_agrees_with_the_one_among_the_objectives():
    x = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(minibatch_std(x, 4)[:, 3:], objective_std(x, 4))


def test_minibatch_std_has_a_finite_second_derivative_for_identical_rows():
    x = torch.zeros(4, 2, 2, requires_grad=True)
    (first,) = torch.autograd.grad(minibatch_std(x, 4).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x)
    assert torch.isfinite(second).all()


def test_minibatch_std_refuses_a_batch_that_does_not_divide():
    with pytest.raises(ValueError, match="a multiple of 4 rows, got 6"):
        minibatch_std(torch.zeros(6, 1, 2, 2), 4)


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
