"""Translation down a classifier's gradient: closed forms of linear classifiers, and what a blur may be."""

import pytest
import torch

from augmentor.objectives.translation import (
    low_pass,
    scaled,
    smoothed,
    source_probabilities,
    translation_loss,
    translation_step,
)


def test_only_richer_classes_lend_and_by_the_papers_probabilities():
    """By hand for counts 8, 4, 2 and beta 1/2: 1 - 2^-2 = 3/4, 1 - 2^-4 = 15/16, 1 - 2^-6 = 63/64."""
    found = source_probabilities([8, 4, 6], 0.5)
    assert found[0].tolist() == [1, 0, 0]  # the richest borrows from itself
    assert found[2].tolist() == [1, 0, 0]
    assert found[1].tolist() == pytest.approx([15 / 16 / (15 / 16 + 3 / 4), 0, 3 / 4 / (15 / 16 + 3 / 4)])
    assert source_probabilities([5, 5], 0.9).tolist() == [[1, 0], [0, 1]]


def linear(seed, classes=3, values=12):
    return torch.randn(classes, values, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_step_on_linear_classifiers_is_the_closed_form():
    """For g(x) = W x and f(x) = V x the gradient is W^T (softmax(W x) - e_k) + lambda v_k0."""
    w, v = linear(0), linear(1)
    x = 0.1 * linear(2, 4).reshape(4, 1, 12).requires_grad_()
    target, source = torch.tensor([0, 1, 2, 0]), torch.tensor([1, 2, 0, 2])
    weight = torch.tensor([0.0, 0.5, 2.0, 1.0], dtype=torch.float64)
    flat = x.flatten(1)
    loss = translation_loss(flat @ w.T, flat @ v.T, target, source, weight)
    (gradient,) = torch.autograd.grad(loss.sum(), x)
    chance = torch.softmax(flat @ w.T, 1)
    chance = chance - torch.nn.functional.one_hot(target, 3)
    expected = (chance @ w + weight[:, None] * v[source]).reshape(x.shape).detach()
    assert torch.allclose(gradient, expected)
    still = tuple(m.double() for m in low_pass((12,), 0.0))
    moved = translation_step(x.detach(), gradient, still, 0.01)
    unit = expected / expected.flatten(1).norm(dim=1).view(-1, 1, 1)
    assert torch.allclose(moved, x.detach() - 0.01 * 12**0.5 * unit)


def test_the_loss_asks_for_the_target_and_against_the_source():
    """Convention: classifiers swapped, or the two classes swapped, give other losses.

    Logits (2, 0) of g: its cross-entropies are log(1 + e^-2) for class 0 and 2 more for class 1.
    """
    guide, other = torch.tensor([[2.0, 0.0]]), torch.tensor([[-1.0, 3.0]])
    zero, one, weight = torch.tensor([0]), torch.tensor([1]), torch.tensor([0.5])
    low = torch.log1p(torch.exp(torch.tensor(-2.0))).item()
    assert translation_loss(guide, other, zero, one, weight).item() == pytest.approx(low + 1.5)
    assert translation_loss(guide, other, one, zero, weight).item() == pytest.approx(low + 2 - 0.5)
    assert translation_loss(other, guide, zero, one, weight).item() > 4


def test_a_step_goes_down_the_loss_and_not_up():
    w = linear(3)
    matrices = tuple(m.double() for m in low_pass((12,), 0.1))
    x = torch.zeros(3, 1, 12, dtype=torch.float64, requires_grad=True)
    target = torch.arange(3)

    def loss(x):
        logits = x.flatten(1) @ w.T
        return translation_loss(logits, logits, target, (target + 1) % 3, torch.full((3,), 0.1).double())

    before = loss(x)
    (gradient,) = torch.autograd.grad(before.sum(), x)
    assert (loss(translation_step(x, gradient, matrices, 0.01)) < before).all()


@pytest.mark.parametrize("spatial", [(9,), (8, 5), (4, 6, 3)])
def test_the_filter_is_symmetric_positive_definite_so_that_it_keeps_descent(spatial):
    matrices = low_pass(spatial, 0.08)
    for matrix, side in zip(matrices, spatial, strict=True):
        assert matrix.shape == (side, side)
        assert torch.equal(matrix, matrix.T)
        assert torch.linalg.eigvalsh(matrix.double()).min() > 0
    gradient = torch.randn(2, 3, *spatial, generator=torch.Generator().manual_seed(0))
    assert ((gradient * smoothed(gradient, matrices)).flatten(1).sum(1) > 0).all()


def test_smoothing_spreads_a_point_over_its_neighbours_along_every_side():
    point = torch.zeros(1, 1, 9, 5)
    point[0, 0, 4, 2] = 1
    rows, columns = low_pass((9, 5), 0.1)
    # The point's image is the product of one column of each matrix: by definition of a separable filter.
    assert torch.allclose(smoothed(point, (rows, columns))[0, 0], torch.outer(rows[:, 4], columns[:, 2]))
    assert torch.equal(smoothed(point, low_pass((9, 5), 0.0)), point)
    noise = torch.randn(1, 1, 9, 5, generator=torch.Generator().manual_seed(1))
    rough, smooth = (
        x.diff(dim=2).square().sum() / x.square().sum() for x in (noise, smoothed(noise, (rows, columns)))
    )
    assert smooth < 0.5 * rough


def test_scaling_sets_the_root_mean_square_and_leaves_zeros():
    x = torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    x[1] = 0
    size = scaled(x, 0.2).flatten(1).square().mean(1).sqrt()
    assert size.tolist() == pytest.approx([0.2, 0, 0.2])


def test_samples_stay_in_their_range_and_shapes_must_agree():
    x = torch.full((1, 1, 4), 0.99)
    moved = translation_step(x, -torch.ones(1, 1, 4), low_pass((4,), 0.1), 0.5)
    assert moved.max() == 1
    pair = torch.zeros(1, 2)
    with pytest.raises(ValueError, match=r"received \(1, 2\), \(1, 2\), \(2,\), \(1,\)"):
        translation_loss(pair, pair, torch.tensor([0, 1]), torch.tensor([0]), torch.tensor([0.1]))
