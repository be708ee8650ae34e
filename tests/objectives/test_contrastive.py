import numpy as np
import pytest
import torch

from augmentor.objectives.contrastive import TEMPERATURE, nt_xent


def test_the_loss_is_equation_1_written_out():
    z = torch.randn(8, 5, generator=torch.Generator().manual_seed(0))
    row = torch.tensor([3, 1, 0, 2, 1, 3, 2, 0])
    unit = (z / z.norm(dim=1, keepdim=True)).numpy()
    terms = []
    for i in range(8):
        j = next(k for k in range(8) if k != i and row[k] == row[i])
        similar = np.exp(unit @ unit[i] / TEMPERATURE)
        terms.append(-np.log(similar[j] / (similar.sum() - similar[i])))
    assert float(nt_xent(z, row)) == pytest.approx(np.mean(terms), rel=1e-5)


def test_views_that_are_alike_and_unlike_all_others_cost_least():
    row = torch.arange(4).repeat(2)
    apart = torch.eye(4).repeat(2, 1)
    mixed = apart.roll(1, 0)[torch.tensor([0, 1, 2, 3, 5, 4, 7, 6])]
    assert float(nt_xent(apart, row)) < float(nt_xent(mixed, row))
    assert float(nt_xent(10 * apart, row)) == pytest.approx(
        float(nt_xent(apart, row))
    )  # length means nothing
