"""The cycle loss against numbers worked out by hand."""

import pytest
import torch

from augmentor.objectives.cycle import cycle_loss, identity_loss


def test_it_is_the_mean_absolute_difference_of_each_row():
    source = torch.tensor([[[0.0, 1.0], [-1.0, 0.5]], [[1.0, 1.0], [1.0, 1.0]]])
    rebuilt = torch.tensor([[[0.5, 1.0], [1.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]]])
    # Row 0: (0.5 + 0 + 2 + 0.5) / 4; squares would give (0.25 + 4 + 0.25) / 4 = 1.125.
    assert cycle_loss(source, rebuilt).tolist() == [0.75, 0.0]


def test_its_slope_is_the_sign_of_the_error_over_the_number_of_values():
    source = torch.zeros(1, 1, 4)
    rebuilt = torch.tensor([[[0.1, -2.0, 3.0, -0.5]]], requires_grad=True)
    (slope,) = torch.autograd.grad(cycle_loss(source, rebuilt).sum(), rebuilt)
    assert slope.flatten().tolist() == [0.25, -0.25, 0.25, -0.25]


def test_it_is_as_large_for_a_volume_as_for_a_series_and_in_full_precision():
    for shape in [(2, 1, 9), (2, 3, 4, 5), (2, 1, 4, 3, 2)]:
        found = cycle_loss(torch.zeros(shape, dtype=torch.bfloat16), torch.full(shape, 0.5))
        assert found.dtype == torch.float32
        assert found.tolist() == [0.5, 0.5]


def test_other_shapes_are_refused_instead_of_broadcast():
    with pytest.raises(ValueError, match="there and back"):
        cycle_loss(torch.zeros(2, 1, 4), torch.zeros(2, 1, 1))
    with pytest.raises(ValueError, match="in their own class"):
        identity_loss(torch.zeros(2, 1, 4), torch.zeros(2, 1, 1))


def test_the_identity_loss_is_the_mean_absolute_difference_of_each_row():
    real = torch.tensor([[[0.0, 1.0, -1.0, 0.5]], [[1.0, 1.0, 1.0, 1.0]]])
    same = torch.tensor([[[0.5, 1.0, 1.0, 0.0]], [[1.0, 1.0, 1.0, 0.0]]])
    assert identity_loss(real, same).tolist() == [0.75, 0.25]
