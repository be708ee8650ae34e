"""What a fitted GAN promises: samples by label, the best checkpoint, nothing left behind."""

import numpy as np
import pytest
import torch
from method_fields import spec_of

from augmentor.core.conditions import Conditions
from augmentor.core.errors import ConfigError
from augmentor.core.score import CheckpointScore
from augmentor.core.seeds import derive_seed
from augmentor.synthesizers.build import build
from augmentor.synthesizers.fitting import FitContext
from augmentor.training.spec import TrainingSpec


@pytest.fixture(scope="module")
def fitted(blobs, gan):
    synthesizer = gan(images=64)
    synthesizer.fit(blobs(), seed=0)
    return synthesizer


def test_the_best_checkpoint_by_merit_is_kept_and_low_diversity_is_reported(blobs, gan, listener):
    merits = iter([0.2, 0.9, 0.5])
    heard, synthesizer, seen = listener(), gan(transition=(0.0, 0.25)), []

    def judge(samples):
        seen.append(samples)
        return CheckpointScore(next(merits), 1.0, {"dark": 1.0, "bright": 0.3})

    synthesizer.fit(blobs(), seed=0, judge=judge, context=FitContext(progress=heard))
    judged = [row for row in synthesizer.history if "merit" in row]
    assert [row["step"] for row in judged] == [20, 30, 40]
    assert synthesizer.chosen["step"] == 30
    assert synthesizer.chosen["label_fidelity"] == 0.9
    assert judged[1]["diversity"] == {"dark": 1.0, "bright": 0.3}
    assert next(line for line in heard.lines if line.startswith("warning: low diversity")).endswith(
        "bright 0.30"
    )
    # What the judge saw at the chosen checkpoint is what the synthesizer makes afterwards.
    again = synthesizer.sample(Conditions(seen[1].y), seed=derive_seed(0, "judged samples"))
    assert np.array_equal(again.array, seen[1].array)
    assert not np.array_equal(again.array, seen[2].array)
    assert seen[0].counts == {"dark": 4, "bright": 4}


def test_the_listener_hears_the_stage_its_length_and_the_losses(blobs, gan, listener):
    heard = listener()
    gan().fit(blobs(), seed=0, context=FitContext(progress=heard))
    assert (heard.stage, heard.total, heard.finished) == ("train", 320, "train")
    assert [done for done, _ in heard.updates] == list(range(8, 321, 8))
    assert set(heard.updates[0][1]) == {"critic_loss", "generator_loss"}


def test_threads_are_given_back(blobs, gan):
    before = torch.get_num_threads()
    gan(images=32).fit(blobs(), seed=0, context=FitContext(threads=before + 1))
    assert torch.get_num_threads() == before


def test_torchs_own_stream_is_left_alone(blobs, gan):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    synthesizer = gan(images=32)
    synthesizer.fit(blobs(), seed=0)
    synthesizer.sample(Conditions(np.zeros(3, dtype=np.int64)), seed=0)
    assert torch.equal(torch.rand(1), expected)


def test_sample_i_depends_on_seed_i_and_its_label_alone(fitted):
    labels = np.arange(150, dtype=np.int64) % 2
    many = fitted.sample(Conditions(labels), seed=7)
    assert np.array_equal(many.array[:70], fitted.sample(Conditions(labels[:70]), seed=7).array)
    changed = labels.copy()
    changed[3] = 1 - changed[3]
    moved = fitted.sample(Conditions(changed), seed=7)
    assert np.array_equal(np.delete(many.array, 3, 0), np.delete(moved.array, 3, 0))
    assert not np.array_equal(many.array, fitted.sample(Conditions(labels), seed=8).array)
    assert len(np.unique(many.row_digests)) == 150


def test_samples_come_in_the_units_of_the_data(fitted):
    samples = fitted.sample(Conditions(np.array([1, 0, 1], dtype=np.int64)), seed=0)
    assert samples.array.dtype == np.uint8
    assert samples.classes == ("dark", "bright")
    assert samples.y.tolist() == [1, 0, 1]
    assert samples.value_range == (0, 255)
    assert len(fitted.sample(Conditions(np.zeros(0, dtype=np.int64)), seed=0)) == 0


@pytest.mark.parametrize("labels", [[2], [-1]])
def test_labels_out_of_range_are_refused(fitted, labels):
    with pytest.raises(ConfigError, match=r"\[0, 2\)"):
        fitted.sample(Conditions(np.array(labels, dtype=np.int64)), seed=0)


def test_conditions_that_the_method_does_not_take_are_refused_with_those_it_takes(fitted):
    conditions = Conditions(np.array([0, 1]), masks=np.zeros((2, 4, 4), dtype=np.int64))
    with pytest.raises(ConfigError, match="'adversarial' makes samples from labels, and takes no masks"):
        fitted.sample(conditions, seed=0)


def test_a_width_of_auto_follows_shape_and_number_of_images(blobs):
    synthesizer = build(spec_of(latent=8), TrainingSpec(images=32, batch=8))
    synthesizer.fit(blobs((1, 8, 8)), seed=0)
    assert synthesizer.spec.width == "auto"
    assert synthesizer._ready().spec.width == 24


def test_an_unfitted_synthesizer_is_refused(tmp_path, gan):
    with pytest.raises(ConfigError, match="not fitted"):
        gan().sample(Conditions(np.zeros(1, dtype=np.int64)), seed=0)
    with pytest.raises(ConfigError, match="not fitted"):
        gan().save(tmp_path)
