"""One network for each class: budgets, labels, histories, and folders that cannot be exchanged."""

import numpy as np
import pytest
from small_batches import samples_of

from augmentor.core.conditions import Conditions
from augmentor.core.errors import ConfigError, DataError
from augmentor.core.score import CheckpointScore
from augmentor.synthesizers.build import load_synthesizer
from augmentor.synthesizers.per_class import FittedPerClass

SPEC = {"family": "dcgan", "per_class": True, "width": 4}


@pytest.fixture(scope="module")
def fitted(blobs, gan):
    synthesizer = gan(SPEC, images=160, transition=(0.0, 0.0))
    synthesizer.fit(blobs(), seed=0)
    return synthesizer


def test_the_budget_is_shared_and_the_histories_are_joined(fitted):
    assert isinstance(fitted._ready(), FittedPerClass)
    assert {row["class"] for row in fitted.history} == {"dark", "bright"}
    images = [row["images"] for row in fitted.history]
    assert images == sorted(images)
    assert images[-1] == 160
    assert fitted.chosen["images"] == 160
    assert fitted.chosen["step"] == 20
    assert {name: chosen["step"] for name, chosen in fitted.chosen["classes"].items()} == {
        "dark": 10,
        "bright": 10,
    }


def test_each_label_is_made_by_its_own_network(fitted):
    labels = np.arange(80, dtype=np.int64) % 2
    many = samples_of(fitted, labels, 1)
    assert many.classes == ("dark", "bright")
    assert many.y.tolist() == labels.tolist()
    for label, model in enumerate(fitted._ready().models):
        alone = model.sample(Conditions(np.zeros_like(labels)), 1).array
        assert np.array_equal(many.array[labels == label], alone[labels == label])
    other = samples_of(fitted, 1 - labels, 1)
    assert not np.array_equal(many.array[0], other.array[0])
    with pytest.raises(ConfigError, match=r"\[0, 2\)"):
        samples_of(fitted, np.array([2]), 0)


def test_a_class_is_trained_on_its_own_rows_alone(blobs, gan, fitted):
    """The planted change: other bright rows leave the network of the dark ones as it was."""
    train = blobs()
    train.array[train.y == 1] = 255 - train.array[train.y == 1]
    changed = gan(SPEC, images=160, transition=(0.0, 0.0))
    changed.fit(train, seed=0)
    dark, bright = (
        a.digest == b.digest for a, b in zip(changed._ready().models, fitted._ready().models, strict=True)
    )
    assert (dark, bright) == (True, False)


def test_the_judge_hears_the_true_label_of_each_network(blobs, gan):
    heard = []

    def judge(samples):
        heard.append((samples.classes, set(samples.y.tolist())))
        (label,) = set(samples.y.tolist())
        return CheckpointScore(0.25 + 0.5 * label, 1.0, {samples.classes[label]: 0.5})

    synthesizer = gan(SPEC, images=160, checkpoints=1)
    synthesizer.fit(blobs(), seed=0, judge=judge)
    assert heard == [(("dark", "bright"), {0}), (("dark", "bright"), {1})]
    assert synthesizer.chosen["label_fidelity"] == 0.5
    assert synthesizer.chosen["diversity"] == {"dark": 0.5, "bright": 0.5}
    assert synthesizer.chosen["merit"] == pytest.approx((0.5 * 1.0 * 0.5) ** (1 / 3))


@pytest.mark.parametrize("family", ["cgan", "acgan", "wgan", "cvae", "stylegan2"])
def test_a_family_that_conditions_lets_its_labels_go(family, blobs, gan):
    synthesizer = gan({"family": family, "per_class": True, "width": 4}, images=64)
    assert synthesizer.spec.conditioning == "none"
    synthesizer.fit(blobs(), seed=0)
    assert synthesizer.sample(Conditions(np.array([1, 0])), seed=0).y.tolist() == [1, 0]


def test_saving_keeps_settings_history_and_digest(fitted, tmp_path):
    fitted.save(tmp_path)
    loaded = load_synthesizer(tmp_path)
    assert isinstance(loaded._ready(), FittedPerClass)
    assert loaded.digest == fitted.digest
    assert loaded.spec == fitted.spec
    assert loaded.training == fitted.training
    assert loaded.history == fitted.history
    assert loaded.chosen == fitted.chosen
    labels = np.array([0, 1, 1], dtype=np.int64)
    assert samples_of(loaded, labels, 4).digest == samples_of(fitted, labels, 4).digest


def test_exchanged_networks_are_refused(fitted, tmp_path):
    """Each folder is whole by itself; only together they are wrong."""
    fitted.save(tmp_path)
    (tmp_path / "class-000").rename(tmp_path / "away")
    (tmp_path / "class-001").rename(tmp_path / "class-000")
    (tmp_path / "away").rename(tmp_path / "class-001")
    with pytest.raises(DataError, match="not the ones that were saved there"):
        load_synthesizer(tmp_path)


def test_a_missing_network_is_refused(fitted, tmp_path):
    fitted.save(tmp_path)
    (tmp_path / "class-001" / "generator.safetensors").unlink()
    with pytest.raises(DataError, match="cannot read the weights"):
        load_synthesizer(tmp_path)


def test_an_unfitted_one_is_refused(gan, tmp_path):
    for call in (
        lambda s: s.sample(Conditions(np.zeros(1, dtype=np.int64)), seed=0),
        lambda s: s.save(tmp_path),
    ):
        with pytest.raises(ConfigError, match="not fitted"):
            call(gan(SPEC))
