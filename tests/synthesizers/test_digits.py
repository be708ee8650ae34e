"""The known trap: few images a class, and a conditional GAN that learns one image of each."""

import numpy as np
import pytest
from method_fields import spec_of
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from augmentor.core.conditions import Conditions
from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples
from augmentor.synthesizers.build import build
from augmentor.training.spec import TrainingSpec

CLASSES = 4
"""Two scarce ones and two that are not: as in all ten digits, at 1,600 images of training a class."""


def flat(x):
    return x.reshape(len(x), -1) / 16


def parts():
    """Training part with odd classes cut to 8 images and even ones to 60, the full one, the test part."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order].reshape(-1, 1, 8, 8).astype(np.uint8), y[order].astype(np.int64)
    test, full, cut = [], [], []
    for label in range(CLASSES):
        rows = np.flatnonzero(y == label)
        held = int(0.3 * len(rows))
        test.extend(rows[:held])
        full.extend(rows[held:])
        cut.extend(rows[held:][: 8 if label % 2 else 60])

    def samples(rows):
        ids = np.array([str(row) for row in rows])
        return Samples(x[rows], y[rows], tuple("0123"), ids, value_range=(0, 16), kind=IMAGE)

    return samples(cut), samples(full), samples(test)


def spread(x, rows=50):
    """Mean distance between two different rows."""
    x = x[:rows]
    distance = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))
    return distance.sum() / (len(x) * (len(x) - 1))


@pytest.fixture(scope="module")
def scarce():
    """The parts of the digits 0 to 3, and a judge that knows them."""
    cut, full, test = parts()
    judge = MLPClassifier((128, 64), max_iter=300, random_state=0, alpha=1e-2).fit(flat(full.array), full.y)
    assert judge.score(flat(test.array), test.y) > 0.95
    return cut, test, judge


def measured(scarce, spec):
    """Spread of each class in pixels and features as a share of the real one (CLASSES, 2); its fidelity."""
    cut, test, judge = scarce

    def features(x):
        for weight, bias in zip(judge.coefs_[:-1], judge.intercepts_[:-1], strict=True):
            x = np.maximum(x @ weight + bias, 0)
        return x

    synthesizer = build(spec, TrainingSpec(images=6_400))
    synthesizer.fit(cut, seed=0)
    made = synthesizer.sample(Conditions(np.repeat(np.arange(CLASSES), 100)), seed=0)
    spreads = []
    for label in range(CLASSES):
        fake, real = (flat(part.array[part.y == label]) for part in (made, test))
        spreads.append((spread(fake) / spread(real), spread(features(fake)) / spread(features(real))))
    fidelity = (judge.predict(flat(made.array)) == made.y).reshape(CLASSES, 100).mean(1)
    return np.array(spreads), fidelity


@pytest.mark.slow
def test_no_class_of_the_scarce_digits_collapses(scarce):
    spreads, fidelity = measured(scarce, spec_of())
    assert spreads.min() >= 0.5, spreads
    assert fidelity.mean() >= 0.9
    # Each class on its own: a share of wrong samples would raise its spread.
    assert fidelity.min() >= 0.75, fidelity


@pytest.mark.slow
def test_a_plain_conditional_gan_collapses_on_them(scarce):
    """The fault that the test above would see."""
    plain = spec_of(family="cgan", augmentation=(), minibatch_group=0, mode_seeking=0.0)
    spreads, _ = measured(scarce, plain)
    assert spreads.min() < 0.4
