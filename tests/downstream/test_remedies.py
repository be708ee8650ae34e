import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from augmentor.downstream.remedies import LOSSES, MIXES, cutmix, mixup

COUNTS = torch.tensor([60.0, 30.0, 10.0])
LOGITS = torch.tensor([[1.0, 0.0, -1.0], [0.5, 0.2, 0.1], [0.0, 2.0, 1.0], [0.3, 0.3, 0.9]])
Y = torch.tensor([0, 1, 2, 2])
P = torch.softmax(LOGITS, 1)[torch.arange(4), Y].numpy()


def test_weights_are_inverse_frequencies_that_average_to_one_over_rows():
    weight = np.array([100 / (3 * n) for n in (60, 30, 10)])
    expected = (weight[Y.numpy()] * -np.log(P)).mean()
    assert float(LOSSES["class_weighted"](COUNTS)(LOGITS, Y)) == pytest.approx(expected, rel=1e-5)
    assert (weight * np.array([60, 30, 10])).sum() / 100 == pytest.approx(1.0)


def test_the_focal_loss_is_its_equation_and_forgets_what_is_easy():
    expected = (-((1 - P) ** 2) * np.log(P)).mean()
    assert float(LOSSES["focal"](COUNTS)(LOGITS, Y)) == pytest.approx(expected, rel=1e-5)


def test_logit_adjustment_adds_log_priors():
    prior = np.array([0.6, 0.3, 0.1])
    odds = np.exp(LOGITS.numpy()) * prior
    expected = -np.log((odds / odds.sum(1, keepdims=True))[np.arange(4), Y.numpy()]).mean()
    assert float(LOSSES["logit_adjusted"](COUNTS)(LOGITS, Y)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_equal_counts_of_every_class_give_one_order_of_losses(name):
    even = LOSSES[name](torch.tensor([5.0, 5.0, 5.0]))
    good, bad = functional.one_hot(Y, 3) * 4.0, functional.one_hot((Y + 1) % 3, 3) * 4.0
    assert float(even(good, Y)) < float(even(bad, Y))
    if name != "focal":
        assert float(even(LOGITS, Y)) == pytest.approx(float(functional.cross_entropy(LOGITS, Y)), rel=1e-5)


@pytest.mark.parametrize("name", ["class_weighted", "logit_adjusted"])
def test_a_class_without_rows_stays_finite(name):
    loss = LOSSES[name](torch.tensor([5.0, 5.0, 0.0]))
    assert math.isfinite(float(loss(LOGITS, Y)))


@pytest.mark.parametrize("name", MIXES)
@pytest.mark.parametrize("shape", [(8, 2, 9), (8, 1, 6, 7), (8, 1, 4, 4, 5)])
def test_mixtures_keep_shape_and_label_mass(name, shape):
    x, y = torch.randn(shape), functional.one_hot(torch.arange(8) % 3, 3).float()
    for seed in range(10):
        mixed, weights = MIXES[name](x, y, np.random.default_rng(seed))
        assert mixed.shape == x.shape
        torch.testing.assert_close(weights.sum(1), torch.ones(8))
        assert weights.min() >= 0
        torch.testing.assert_close(weights.mean(0), y.mean(0))  # partners are a permutation


@pytest.mark.parametrize("mix", [mixup, cutmix], ids=["mixup", "cutmix"])
def test_labels_are_mixed_by_the_share_of_the_image(mix):
    # Two rows, all zero and all one: the mean of a mixed image is its share of the second.
    x = torch.stack([torch.zeros(1, 10, 10), torch.ones(1, 10, 10)])
    y = torch.eye(2)
    shares = []
    for seed in range(40):
        mixed, weights = mix(x, y, np.random.default_rng(seed))
        torch.testing.assert_close(mixed.mean((1, 2, 3)), weights[:, 1])
        shares.append(float(weights[0, 1]))
    assert len(set(shares)) > 5
