import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional

from augmentor.core.errors import ConfigError, TrainingFailed
from augmentor.training.classifier import WARM_UP, embed, fit_classifier, one_cycle, one_thread, predict


def blobs(n, seed, size=6):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    x = rng.normal(0, 0.3, (n, 1, size, size))
    x[:, 0, :, : size // 2] += np.where(y == 0, 0.4, -0.4)[:, None, None]
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


def fit(seed=0, updates=40, data_seed=0, **options):
    x, y = blobs(200, data_seed)

    def draw(step):
        rows = torch.as_tensor(np.random.default_rng(step).integers(0, 200, 32))
        return x[rows], y[rows]

    return fit_classifier(draw, shape=(1, 6, 6), n_classes=2, updates=updates, seed=seed, **options)


def test_two_blobs_are_distinguished_and_probabilities_are_probabilities():
    model = fit()
    x, y = blobs(300, 9)
    p = predict(model, x, batch=64)
    assert p.dtype == np.float64
    assert p.shape == (300, 2)
    np.testing.assert_allclose(p.sum(1), 1.0, atol=1e-12)
    assert (p.argmax(1) == y.numpy()).mean() > 0.97
    assert embed(model, x).shape == (300, model.head.in_features)


def test_probabilities_are_the_softmax_of_the_head_on_the_embedding():
    model = fit(updates=3)
    x, _ = blobs(7, 1)
    features = embed(model, x).astype(np.float64)
    weight, bias = (value.detach().double().numpy() for value in (model.head.weight, model.head.bias))
    odds = np.exp(features @ weight.T + bias)
    np.testing.assert_allclose(predict(model, x), odds / odds.sum(1, keepdims=True), rtol=1e-4)


def test_same_seed_same_weights_other_seed_other_weights_and_no_global_state_is_touched():
    torch.manual_seed(5)
    first = fit().state_dict()
    torch.manual_seed(6)
    expected = torch.rand(3, generator=torch.Generator().manual_seed(6))
    second = fit().state_dict()
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = fit(seed=1).state_dict()
    assert not torch.equal(first["stem.weight"], other["stem.weight"])


def test_label_weights_of_one_class_equal_the_labels():
    x, y = blobs(64, 0)
    hard = fit_classifier(lambda _: (x, y), shape=(1, 6, 6), n_classes=2, updates=3, seed=0)
    soft_y = functional.one_hot(y, 2).float()
    soft = fit_classifier(lambda _: (x, soft_y), shape=(1, 6, 6), n_classes=2, updates=3, seed=0)
    np.testing.assert_allclose(predict(hard, x), predict(soft, x), atol=1e-5)


def test_the_learning_rate_rises_falls_and_ends_at_zero():
    rates = [one_cycle(p) for p in np.linspace(0, 1, 101)]
    peak = int(np.argmax(rates))
    assert rates[0] == 0.0
    assert rates[-1] == pytest.approx(0.0, abs=1e-12)
    assert peak == round(100 * WARM_UP)
    assert np.all(np.diff(rates[: peak + 1]) > 0)
    assert np.all(np.diff(rates[peak:]) < 0)
    halfway = WARM_UP + (1 - WARM_UP) / 2
    assert one_cycle(halfway) == pytest.approx(0.5 * (1 + math.cos(math.pi / 2)))


def test_every_update_is_asked_for_once_in_order():
    asked = []
    x, y = blobs(8, 0)

    def draw(step):
        asked.append(step)
        return x, y

    fit_classifier(draw, shape=(1, 6, 6), n_classes=2, updates=5, seed=0)
    assert asked == [0, 1, 2, 3, 4]


def test_a_loss_that_is_not_finite_ends_the_fit_with_the_reason():
    x, y = blobs(8, 0)
    with pytest.raises(TrainingFailed, match="not finite at update"):
        fit_classifier(lambda _: (x * math.nan, y), shape=(1, 6, 6), n_classes=2, updates=2, seed=0)


def test_no_update_is_refused():
    with pytest.raises(ConfigError, match="at least one update, got 0"):
        fit(updates=0)


def test_predicting_nothing_gives_no_rows_and_keeps_the_mode():
    model = fit(updates=1)
    assert predict(model, torch.zeros(0, 1, 6, 6)).shape == (0, 2)
    model.train()
    predict(model, torch.zeros(2, 1, 6, 6))
    assert model.training


def test_one_thread_is_given_back():
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


@pytest.mark.slow
def test_digits_reach_97_percent_within_600_updates():
    digits = load_digits()
    x = torch.tensor(digits.images[:, None] / 8 - 1, dtype=torch.float32)
    y = torch.tensor(digits.target, dtype=torch.int64)
    rows = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    train, test = rows[:1257], rows[1257:]

    def draw(step):
        pick = train[torch.as_tensor(np.random.default_rng(step).integers(0, len(train), 64))]
        return x[pick], y[pick]

    with one_thread():
        model = fit_classifier(draw, shape=(1, 8, 8), n_classes=10, updates=600, seed=0)
        found = predict(model, x[test]).argmax(1)
    assert (found == y[test].numpy()).mean() >= 0.97
