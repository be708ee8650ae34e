"""The generator of StarGAN: shapes, labels, and rows by themselves."""

import pytest
import torch

from augmentor.nets.spec import NetworkSpec
from augmentor.nets.stargan import HALVINGS, StarGANGenerator


def network(shape, n_classes=3, width=8):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StarGANGenerator(NetworkSpec(width=width), shape, n_classes)


def inputs(shape, rows=4):
    return torch.rand(rows, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("shape", [(2, 9), (1, 8, 8), (3, 33, 5), (1, 4, 8, 5)])
def test_a_sample_keeps_its_shape_and_range_in_every_number_of_dimensions(shape):
    made = network(shape)(inputs(shape), torch.tensor([0, 1, 2, 0]))
    assert made.shape == (4, *shape)
    assert made.abs().max() <= 1


def test_the_bottleneck_is_halved_so_often_and_no_more():
    assert [tuple(grid) for grid in network((1, 64, 64)).grids] == [(64, 64), (32, 32), (16, 16)]
    assert len(network((1, 64, 64)).grids) == HALVINGS + 1
    assert [tuple(grid) for grid in network((1, 8, 8)).grids] == [(8, 8), (4, 4)]


def test_the_label_reaches_every_cell_far_from_the_borders():
    """What instance normalisation would take away: planes alike in all cells only move channels' means."""
    shape = (1, 64, 64)
    made = network(shape)
    x = inputs(shape, 1)
    first, second = (made(x, torch.tensor([label])) for label in (0, 1))
    middle = (first - second)[..., 28:36, 28:36].abs()
    assert middle.min() > 1e-4


def test_without_strength_no_label_is_seen_and_with_it_each_is_another():
    made, x = network((1, 8, 8)), inputs((1, 8, 8))
    zero, two = torch.zeros(4, dtype=torch.int64), torch.full((4,), 2)
    assert torch.equal(made(x, zero, 0.0), made(x, two, 0.0))
    assert not torch.allclose(made(x, zero, 1.0), made(x, two, 1.0), atol=1e-4)


def test_a_row_does_not_know_its_neighbours():
    made, x, y = network((1, 8, 8)), inputs((1, 8, 8)), torch.tensor([0, 1, 2, 0])
    other = x.clone()
    other[1:] = 0.3
    assert torch.allclose(made(x, y)[0], made(other, y)[0], atol=1e-6)
