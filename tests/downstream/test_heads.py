import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from augmentor.downstream import heads
from augmentor.downstream.heads import HEADS, Features, logistic, retrain_head, transferred
from augmentor.nets.classifier import SmallResNet


def gaussians(counts, *, width=3, rows=4000, seed=0):
    """Return features whose roots are Gaussian: class k around 4 + k, correlated in class 0 alone."""
    rng = np.random.default_rng(seed)
    x, y = [], []
    for k in range(len(counts)):
        noise = rng.standard_normal((rows, width))
        if k == 0:
            noise[:, 1] = 0.9 * noise[:, 0] + np.sqrt(1 - 0.81) * noise[:, 1]
        x.append((4 + k + 0.3 * noise) ** 2)
        y += [k] * rows
    head = nn.Linear(width, len(counts))
    return Features(np.concatenate(x), np.array(y), np.array(counts), head)


def test_transferred_covariance_is_the_shrunken_one():
    """n = 3 rows of 3 features: half its own covariance, half the mean weighted by counts 300 and 3."""
    known = gaussians((300, 3))
    roots = np.sqrt(known.x)
    own = [np.cov(roots[known.y == k], rowvar=False) for k in range(2)]
    expected = 0.5 * own[1] + 0.5 * (300 * own[0] + 3 * own[1]) / 303
    made = np.sqrt(transferred(known, 0)(1))
    # A covariance of 2,048 rows has a standard error of sqrt(2 / 2048) = 3 % of the variances, 0.09.
    np.testing.assert_allclose(np.cov(made, rowvar=False), expected, atol=0.012)
    np.testing.assert_allclose(made.mean(0), roots[known.y == 1].mean(0), atol=0.03)
    assert np.corrcoef(made, rowvar=False)[0, 1] > 0.3  # its own rows are not correlated


def test_a_rich_class_keeps_its_own_covariance():
    known = gaussians((300, 30_000))
    made = np.sqrt(transferred(known, 0)(1))
    assert abs(np.corrcoef(made, rowvar=False)[0, 1]) < 0.1


def test_swapped_counts_give_the_covariance_to_the_wrong_class():
    one, other = gaussians((300, 3)), gaussians((3, 300))
    correlated = [np.corrcoef(np.sqrt(transferred(k, 0)(1)), rowvar=False)[0, 1] for k in (one, other)]
    assert correlated[0] > 0.3 > 0.1 > abs(correlated[1])


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_is_scikit_learns_softmax_on_scaled_features(classes):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(classes), 50)
    x = rng.normal(size=(len(y), 4)) * [1, 10, 0.1, 3] + y[:, None]
    weight, bias = logistic(x, y, classes)
    scale = x.std(axis=0) + 1e-6
    reference = LogisticRegression(C=1.0, max_iter=300).fit(x / scale, y).predict_proba(x / scale)
    logits = x @ weight.T + bias
    ours = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(ours, reference, atol=1e-9)


def test_an_absent_class_is_never_predicted():
    x = np.random.default_rng(0).normal(size=(60, 4))
    weight, bias = logistic(x, np.repeat([0, 2], 30), 4)
    assert set((x @ weight.T + bias).argmax(1)) <= {0, 2}


@pytest.mark.parametrize("how", HEADS)
def test_samples_are_features_of_the_class_that_was_requested(how, monkeypatch):
    """Classes lie at 16 and 25 in every feature, with a spread of 2.4 and 3: halfway is 20."""
    monkeypatch.setattr(heads, "STEPS", 250)
    known = gaussians((60, 20), rows=300)
    sampler = HEADS[how](known, 3)
    for label, low, high in ((0, 10, 20.5), (1, 20, 32)):
        made = sampler(label)
        assert made.shape == (heads.GENERATED, 3)
        assert (made >= 0).all()
        assert low < made.mean() < high


@pytest.mark.parametrize("how", HEADS)
def test_samples_are_fixed_by_the_seed(how, monkeypatch):
    monkeypatch.setattr(heads, "STEPS", 5)
    known = gaussians((60, 20), rows=300)
    made = HEADS[how](known, 3)(1)
    np.testing.assert_array_equal(HEADS[how](known, 3)(1), made)
    assert not np.array_equal(HEADS[how](known, 4)(1), made)


@pytest.mark.parametrize("how", HEADS)
def test_only_the_last_layer_changes_and_it_still_tells_the_classes(how, monkeypatch):
    monkeypatch.setattr(heads, "STEPS", 50)
    torch.manual_seed(0)
    model = SmallResNet((1, 8, 8), 2, channels=4).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def draw(step):
        rng = torch.Generator().manual_seed(step)
        y = torch.arange(16) % 2
        return (torch.rand(16, 1, 8, 8, generator=rng) - 1 + y[:, None, None, None]), y

    retrain_head(model, draw, np.array([40, 8]), how, seed=0)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) == (not name.startswith("head"))
    x, y = draw(99)
    assert (model(x).argmax(1) == y).float().mean() > 0.9
