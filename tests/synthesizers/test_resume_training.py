"""Resuming and going back: an interrupted training ends with the bits of an uninterrupted one."""

import json

import pytest
import torch

from augmentor.core.errors import ConfigError, TrainingFailed
from augmentor.synthesizers.fitting import FitContext
from augmentor.training import loop
from augmentor.training.state import State


def weights(synthesizer):
    return synthesizer._ready().sampler.network.state_dict()


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first) and first.keys() == second.keys()


def poisoned(monkeypatch, *, at, times):
    """Make the generator's weights NaN after step ``at``, ``times`` times."""
    real, left = loop.one_step, [times]

    def step(state, *rest):
        losses = real(state, *rest)
        if state.step == at and left[0]:
            left[0] -= 1
            next(state.networks.sampled.parameters()).data.fill_(float("nan"))
        return losses

    monkeypatch.setattr(loop, "one_step", step)


@pytest.fixture(scope="module")
def uninterrupted(blobs, gan):
    synthesizer = gan()
    synthesizer.fit(blobs(), seed=3)
    return synthesizer


@pytest.fixture(scope="module")
def judged(blobs, gan, rising_judge):
    synthesizer = gan()
    synthesizer.fit(blobs(), seed=3, judge=rising_judge)
    return synthesizer


@pytest.mark.parametrize("stop_at", [1, 150, 170, 312])
def test_a_resumed_training_ends_with_the_same_bits(
    tmp_path, stop_at, judged, blobs, gan, listener, rising_judge
):
    whole, train, judge = judged, blobs(), rising_judge
    with pytest.raises(KeyboardInterrupt):
        gan().fit(
            train,
            seed=3,
            judge=judge,
            context=FitContext(folder=tmp_path / "work", progress=listener(stop_at)),
        )
    resumed, heard = gan(), listener()
    resumed.fit(train, seed=3, judge=judge, context=FitContext(folder=tmp_path / "work", progress=heard))
    assert any("resuming" in line for line in heard.lines) == (stop_at > 40)
    assert same(weights(whole), weights(resumed))
    assert whole.history == resumed.history
    assert whole.chosen == resumed.chosen
    assert whole.digest == resumed.digest


def test_every_part_of_the_state_matters_to_the_bits(tmp_path, uninterrupted, blobs, gan, listener):
    """The planted fault behind the test above: forgetting Adam's moments changes the end."""
    train = blobs()
    with pytest.raises(KeyboardInterrupt):
        gan().fit(train, seed=3, context=FitContext(folder=tmp_path, progress=listener(200)))
    real = State.restore

    def forgetful(self, tensors, facts):
        real(self, {name: tensor for name, tensor in tensors.items() if "adam" not in name}, facts)

    State.restore = forgetful
    try:
        resumed = gan()
        resumed.fit(train, seed=3, context=FitContext(folder=tmp_path))
    finally:
        State.restore = real
    assert not same(weights(uninterrupted), weights(resumed))


def test_a_finished_training_is_not_done_again(tmp_path, blobs, gan, listener):
    train = blobs()
    first = gan()
    first.fit(train, seed=0, context=FitContext(folder=tmp_path))
    heard, again = listener(), gan()
    again.fit(train, seed=0, context=FitContext(folder=tmp_path, progress=heard))
    assert heard.updates == []
    assert again.digest == first.digest


def test_a_corrupt_newest_state_falls_back_and_still_ends_with_the_same_bits(
    tmp_path, uninterrupted, blobs, gan, listener
):
    train = blobs()
    with pytest.raises(KeyboardInterrupt):
        gan().fit(train, seed=3, context=FitContext(folder=tmp_path, progress=listener(200)))
    newest = max(tmp_path.glob("*.safetensors"))
    newest.write_bytes(newest.read_bytes()[:100])
    heard, resumed = listener(), gan()
    resumed.fit(train, seed=3, context=FitContext(folder=tmp_path, progress=heard))
    assert any("falling back" in line for line in heard.lines)
    assert same(weights(uninterrupted), weights(resumed))


def test_the_folder_of_another_training_is_refused(tmp_path, blobs, gan):
    gan().fit(blobs(), seed=0, context=FitContext(folder=tmp_path))
    with pytest.raises(ConfigError, match="another training"):
        gan().fit(blobs(), seed=1, context=FitContext(folder=tmp_path))
    with pytest.raises(ConfigError, match="another training"):
        gan().fit(blobs(seed=1), seed=0, context=FitContext(folder=tmp_path))


def test_one_non_finite_loss_goes_back_with_half_the_learning_rate(
    tmp_path, monkeypatch, blobs, gan, listener
):
    poisoned(monkeypatch, at=18, times=1)
    heard, synthesizer = listener(), gan(final_rate=1.0)
    synthesizer.fit(blobs(), seed=0, context=FitContext(folder=tmp_path, progress=heard))
    (row,) = [row for row in synthesizer.history if "rollback" in row]
    assert row["step"] == 16
    assert row["learning_rate_factor"] == 0.5
    assert any("half the learning rate" in line for line in heard.lines)
    rates = {row["step"]: row["learning_rate"] for row in synthesizer.history if "rollback" not in row}
    assert rates[16] == pytest.approx(5e-4)
    assert rates[17] == rates[40] == pytest.approx(2.5e-4)
    assert all(torch.isfinite(tensor).all() for tensor in weights(synthesizer).values())
    json.dumps(synthesizer.history, allow_nan=False)


def test_a_rollback_survives_an_interruption(tmp_path, monkeypatch, blobs, gan, listener):
    poisoned(monkeypatch, at=18, times=1)
    whole = gan()
    whole.fit(blobs(), seed=0)
    monkeypatch.undo()
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)
    poisoned(monkeypatch, at=18, times=1)
    with pytest.raises(KeyboardInterrupt):
        # The listener first hears of step 18 after the rollback only at its second passing.
        gan().fit(blobs(), seed=0, context=FitContext(folder=tmp_path, progress=listener(8 * 30)))
    resumed = gan()
    resumed.fit(blobs(), seed=0, context=FitContext(folder=tmp_path))
    assert same(weights(whole), weights(resumed))
    assert whole.history == resumed.history


def test_the_second_non_finite_loss_ends_the_run_with_the_reason(monkeypatch, blobs, gan):
    poisoned(monkeypatch, at=18, times=2)
    with pytest.raises(TrainingFailed, match=r"second time.*training\.learning_rate"):
        gan().fit(blobs(), seed=0)


FAMILIES = {
    "residual": {},
    "wgan-gp": {"family": "wgan-gp"},
    "wgan": {"family": "wgan"},
    "dcgan": {"family": "dcgan"},
    "projection": {"family": "projection"},
    "acgan": {"family": "acgan", "critic_norm": "layer"},
    "infogan": {"family": "infogan"},
    "pggan": {"family": "pggan"},
    "stylegan2": {"family": "stylegan2"},
    "cvae": {"family": "cvae", "latent": 8},
    "stargan": {"family": "stargan"},
    "cyclegan": {"family": "cyclegan"},
    "translation": {"family": "translation"},
    "per_class": {"family": "dcgan", "per_class": True},
    "adaptive": {"augmentation_probability": "adaptive", "augmentation": ["colour", "geometry"]},
    "lecam": {"family": "lsgan", "regularisers": {"lecam": 0.1, "consistency": 10.0}},
}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_kind_of_state_survives_an_interruption_bit_for_bit(name, tmp_path, blobs, gan, listener):
    """Buffers (batch norm, singular vectors, growth), anchors, path lengths, the adaptive probability."""
    fields = {"width": 4, **FAMILIES[name]}
    train, budget = blobs((1, 8, 8)), {"images": 10 * 8, "states": 5}
    once, twice = tmp_path / "once", tmp_path / "twice"
    whole = gan(fields, **budget)
    whole.fit(train, seed=3, context=FitContext(folder=once))
    with pytest.raises(KeyboardInterrupt):
        gan(fields, **budget).fit(
            train, seed=3, context=FitContext(folder=twice, progress=listener(stop_after=7))
        )
    heard, resumed = listener(), gan(fields, **budget)
    resumed.fit(train, seed=3, context=FitContext(folder=twice, progress=heard))
    assert any("resuming" in line for line in heard.lines)
    assert 0 < len(heard.updates) < 10
    assert resumed.digest == whole.digest
    assert resumed.history == whole.history
    # The critic and the moments too, of which the samples know nothing.
    hashes = [
        {
            path.relative_to(root): json.loads(path.read_text())["sha256"]
            for path in root.rglob("state-*.json")
        }
        for root in (once, twice)
    ]
    assert hashes[0] == hashes[1] != {}


def test_the_adaptive_course_is_reported_and_the_same_after_an_interruption(blobs, gan):
    synthesizer = gan({"augmentation_probability": "adaptive"})
    synthesizer.fit(blobs(), seed=0)
    for row in synthesizer.history:
        assert 0 <= row["augmentation_probability"] <= 0.8
        assert -1 <= row["real_sign"] <= 1
    assert len({row["augmentation_probability"] for row in synthesizer.history}) > 1
