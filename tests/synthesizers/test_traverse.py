"""Samples along a generator's codes."""

import numpy as np
import pytest
from method_fields import spec_of

from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples
from augmentor.synthesizers.build import build
from augmentor.synthesizers.traverse import STEPS
from augmentor.training.spec import TrainingSpec


def fitted(**spec):
    rng = np.random.default_rng(0)
    y = np.arange(16) % 2
    train = Samples(
        x=rng.integers(0, 255, (16, 1, 8, 8)).astype(np.uint8),
        y=y,
        classes=("a", "b"),
        ids=np.array([str(row) for row in range(16)]),
        value_range=(0, 255),
        kind=IMAGE,
    )
    made = build(spec_of(width=8, latent=8, **spec), TrainingSpec(images=64, batch=8, states=1))
    made.fit(train, seed=0)
    return made


@pytest.mark.parametrize("per_class", [False, True])
def test_every_code_has_a_row_of_every_class_and_nothing_else_moves(per_class):
    codes = {"categorical": 3, "continuous": 2, "weight": 1.0}
    made = fitted(family="infogan", codes=codes, per_class=per_class)
    found = made.traverse(seed=4)
    named = [(row["code"], row["class"], len(row["values"])) for row in found.rows]
    lengths = {"categorical code": 3, "continuous code 1": STEPS, "continuous code 2": STEPS}
    assert named == [(code, name, count) for name in "ab" for code, count in lengths.items()]
    assert len(found.samples) == sum(count for *_, count in named)
    assert found.samples.classes == ("a", "b")
    assert found.samples.counts == {"a": 3 + 2 * STEPS, "b": 3 + 2 * STEPS}
    again = made.traverse(seed=4)
    assert np.array_equal(found.samples.array, again.samples.array)
    assert not np.array_equal(found.samples.array, made.traverse(seed=5).samples.array)
    # Along a continuous code every step changes the sample, and none by more than the whole way.
    first = found.samples.array[3 : 3 + STEPS].astype(int)
    steps = np.abs(np.diff(first, axis=0)).mean(axis=(1, 2, 3))
    assert (steps > 0).all()
    assert steps.max() < np.abs(first[-1] - first[0]).mean() + 1


def test_a_generator_without_codes_has_none():
    assert fitted(family="dcgan").traverse(seed=0) is None
