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


def flat(x):
    return x.reshape(len(x), -1) / 16


def parts():
    """Training part with odd classes cut to 8 images and even ones to 60, the full one, the test part."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order].reshape(-1, 1, 8, 8).astype(np.uint8), y[order].astype(np.int64)
    test, full, cut = [], [], []
    for label in range(10):
        rows = np.flatnonzero(y == label)
        held = int(0.3 * len(rows))
        test.extend(rows[:held])
        full.extend(rows[held:])
        cut.extend(rows[held:][: 8 if label % 2 else 60])

    def samples(rows):
        ids = np.array([str(row) for row in rows])
        return Samples(x[rows], y[rows], tuple("0123456789"), ids, value_range=(0, 16), kind=IMAGE)

    return samples(cut), samples(full), samples(test)


def spread(x, rows=50):
    """Mean distance between two different rows."""
    x = x[:rows]
    distance = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))
    return distance.sum() / (len(x) * (len(x) - 1))


@pytest.mark.slow
def test_no_class_of_the_scarce_digits_collapses():
    cut, full, test = parts()
    judge = MLPClassifier((128, 64), max_iter=300, random_state=0, alpha=1e-2).fit(flat(full.array), full.y)
    assert judge.score(flat(test.array), test.y) > 0.95

    def features(x):
        for weight, bias in zip(judge.coefs_[:-1], judge.intercepts_[:-1], strict=True):
            x = np.maximum(x @ weight + bias, 0)
        return x

    synthesizer = build(spec_of(), TrainingSpec(images=16_000))
    synthesizer.fit(cut, seed=0)
    made = synthesizer.sample(Conditions(np.repeat(np.arange(10), 100)), seed=0)
    fidelity = judge.predict(flat(made.array)) == made.y
    assert fidelity.mean() >= 0.9
    for label in range(10):
        fake, real = (flat(part.array[part.y == label]) for part in (made, test))
        assert spread(fake) >= 0.5 * spread(real), f"class {label} in pixels"
        assert spread(features(fake)) >= 0.5 * spread(features(real)), f"class {label} in features"
        # Each class on its own: a share of wrong samples would raise its spread.
        assert fidelity[made.y == label].mean() >= 0.75, f"class {label} is not itself"


@pytest.mark.slow
def test_a_tiny_fit_separates_two_blobs():
    rng = np.random.default_rng(0)
    y = np.arange(64) % 2
    x = np.clip(rng.normal(70 + 110 * y[:, None, None, None], 15, (64, 1, 4, 4)), 0, 255).astype(np.uint8)
    ids = np.array([str(row) for row in range(64)])
    train = Samples(x, y, ("dark", "bright"), ids, value_range=(0, 255), kind=IMAGE)
    synthesizer = build(
        spec_of(width=8, latent=8, augmentation=()),
        TrainingSpec(images=12_800, transition=(0.0, 0.1)),
    )
    synthesizer.fit(train, seed=0)
    made = synthesizer.sample(Conditions(y), seed=0)
    level = made.array.mean((1, 2, 3))
    # 180 and 70 are the real means; 125 lies half way.
    assert ((level > 125) == (y == 1)).mean() > 0.95
    assert abs(level[y == 0].mean() - 70) < 25
    assert abs(level[y == 1].mean() - 180) < 25
