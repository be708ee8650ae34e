"""Translation: who lends, what is accepted, what stands where nothing is, and what the file holds."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small_batches import check_held_samples, samples_of

from augmentor.core import ranks
from augmentor.core.errors import ConfigError, DataError
from augmentor.core.score import CheckpointScore
from augmentor.synthesizers.build import load_synthesizer
from augmentor.synthesizers.fitting import FitContext

DARK = np.zeros(40, dtype=np.int64)


def scarce(blobs, dtype=np.uint8):
    """Eight dark samples and 32 bright ones."""
    return blobs(n=64, dtype=dtype).take(np.r_[0:16, 17:64:2])


def asked(gan, images=3200, **fields):
    return gan({"family": "translation", "steps": 40, "step": 0.03} | fields, images=images)


@pytest.fixture(scope="module")
def fitted(blobs, gan):
    synthesizer = asked(gan)
    synthesizer.fit(scarce(blobs), seed=0)
    return synthesizer


def test_the_rare_class_is_made_of_the_rich_one(fitted, blobs):
    train = scarce(blobs)
    made = fitted._ready().sampler.translate(DARK, 3)
    assert set(fitted._ready().sampler.starts.labels[made.start].tolist()) == {1}
    # Many different starts, and every one is moved from the bright level (190) past the middle (125).
    assert len(set(made.start.tolist())) > 15
    level = samples_of(fitted, DARK, 3).array.reshape(40, -1).mean(1)
    assert (level < 130).all()
    starts = fitted._ready().sampler.starts.x[made.start].reshape(40, -1).mean(1)
    assert (starts > 150).all()
    assert train.counts == {"dark": 8, "bright": 32}


def test_what_is_accepted_passes_gamma_by_the_guides_own_word(fitted):
    state = fitted._ready().sampler
    made = state.translate(DARK, 3)
    with torch.no_grad():
        chance = torch.softmax(state.network.guide(torch.from_numpy(made.x)), 1)[:, 0]
    assert made.confidence == pytest.approx(chance.numpy(), abs=1e-5)
    assert (made.confidence >= 0.9).all()
    assert fitted.chosen["accepted"] == {"dark": 1.0, "bright": 1.0}


def test_swapped_labels_give_the_other_class(fitted):
    """Convention: label 0 is the dark class, in what is asked as in what is made."""
    dark, bright = (samples_of(fitted, np.full(8, label), 0).array.mean() for label in (0, 1))
    assert dark < 125 < bright


def test_where_nothing_is_accepted_the_best_of_the_attempts_stands(blobs, gan):
    train, made = scarce(blobs), {}
    for attempts in (1, 3):
        synthesizer = asked(gan, images=320, steps=1, gamma=0.999, attempts=attempts)
        synthesizer.fit(train, seed=0)
        made[attempts] = synthesizer._ready().sampler.translate(DARK, 3)
        assert synthesizer.chosen["accepted"]["dark"] == 0
    one, three = made[1], made[3]
    assert (three.confidence >= one.confidence).all()
    assert (three.confidence > one.confidence).sum() > 10
    same = three.confidence == one.confidence
    assert np.array_equal(three.x[same], one.x[same])


def test_the_richest_class_is_varied_a_little_and_never_copied(fitted, blobs):
    train, labels = scarce(blobs), np.ones(64, dtype=np.int64)
    state = fitted._ready().sampler
    made = state.translate(labels, 5)
    assert set(state.starts.labels[made.start].tolist()) == {1}
    moved = made.x - state.starts.codec.encode(state.starts.x[made.start])
    size = np.sqrt((moved.reshape(64, -1) ** 2).mean(1))
    # The smooth noise alone, clipped to the range: a bright sample is one already.
    assert (size > 0.02).all()
    assert np.median(size) == pytest.approx(0.05, abs=0.01)
    rows = samples_of(fitted, labels, 5)
    assert not np.isin(rows.row_digests, train.row_digests).any()


def test_the_file_holds_samples_of_the_lending_class_alone_with_a_note(fitted, blobs, tmp_path):
    check_held_samples(fitted, scarce(blobs), tmp_path)


def test_no_more_samples_are_kept_than_requested(blobs, gan):
    synthesizer = asked(gan, images=64, starts={"held": 5}, steps=1)
    synthesizer.fit(scarce(blobs), seed=0)
    assert synthesizer.chosen["training_samples_held"] == 5
    assert set(synthesizer._ready().sampler.translate(DARK, 0).start.tolist()) <= set(range(5))


def test_each_classifier_is_trained_in_its_half_of_the_budget_and_not_averaged(blobs, gan, tmp_path):
    train, ends = scarce(blobs), []
    for images in (320, 640):
        synthesizer = asked(gan, images=images, steps=1)
        synthesizer.fit(train, seed=3, context=FitContext(folder=tmp_path / str(images)))
        steps = [(row["step"], row["network"]) for row in synthesizer.history]
        half = images // 8 // 2
        assert steps == [(step, "guide" if step <= half else "other") for step, _ in steps]
        ends.append(synthesizer)
    newest = max((tmp_path / "640").glob("*.safetensors"))
    trained, kept = load_file(newest), ends[1]._ready().sampler.network.state_dict()
    for name, weight in kept.items():
        network, _, rest = name.partition(".")
        assert torch.equal(trained[f"{network}/{rest}"], weight), name


def test_several_processes_cannot_share_it(blobs, gan, monkeypatch):
    monkeypatch.setattr(ranks, "world_size", lambda: 2)
    with pytest.raises(ConfigError, match="without torchrun"):
        asked(gan, images=64).fit(scarce(blobs), seed=0)


def test_the_judge_scores_what_is_made_afterwards(blobs, gan):
    seen = []

    def judge(samples):
        seen.append(samples)
        return CheckpointScore(0.8, 0.5, {"dark": 0.3, "bright": 1.0})

    synthesizer = asked(gan, images=64, steps=1)
    synthesizer.fit(scarce(blobs), seed=0, judge=judge)
    assert seen[0].counts == {"dark": 4, "bright": 4}
    assert synthesizer.chosen["merit"] == pytest.approx((0.8 * 0.5 * 0.3) ** (1 / 3))
    assert synthesizer.history[-1]["label_fidelity"] == 0.8
    assert {row["network"] for row in synthesizer.history} == {"guide", "other"}


def test_loading_keeps_samples_settings_and_history(fitted, tmp_path):
    fitted.save(tmp_path)
    loaded = load_synthesizer(tmp_path)
    assert loaded.digest == fitted.digest
    assert loaded.history == fitted.history
    assert loaded.chosen == fitted.chosen
    assert samples_of(loaded, DARK, 4).digest == samples_of(fitted, DARK, 4).digest


def test_a_changed_start_is_refused(fitted, tmp_path):
    fitted.save(tmp_path)
    path = tmp_path / "generator.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    with pytest.raises(DataError, match="damaged or were altered"):
        load_synthesizer(tmp_path)


def test_one_class_alone_cannot_be_translated(blobs, gan):
    from dataclasses import replace

    dark = blobs().take(blobs().y == 0)
    with pytest.raises(ConfigError, match="at least two classes"):
        asked(gan, images=64).fit(replace(dark, classes=("dark",)), seed=0)
