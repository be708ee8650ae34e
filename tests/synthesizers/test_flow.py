"""The flow in the common loop: one network, labels by dropping, resumed to the bit."""

import pytest
import torch
from method_fields import spec_of
from small_batches import Game

from augmentor.synthesizers.fitting import FitContext

SHAPE = (1, 4, 6)


def game(blobs, training, **fields):
    return Game(spec_of(family="flow", width=4, **fields), training(transition=(0.0, 0.0)), blobs(SHAPE))


def test_a_few_steps_reach_every_parameter_and_lower_the_loss(blobs, training):
    played = game(blobs, training, label_drop=0.3)
    network = played.networks.velocity.module
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    losses = [played.step(number) for number in range(60)]
    # MONAI's last convolutions start at zero, so what is behind them moves from the second step on.
    still = {name for name, weight in network.named_parameters() if torch.equal(before[name], weight)}
    assert not still
    assert set(losses[0]) == {"generator_loss"}
    first, last = (
        torch.stack([each["generator_loss"] for each in part]).mean() for part in (losses[:10], losses[-10:])
    )
    assert last < 0.95 * first


@pytest.mark.parametrize(("label_weight", "seen"), [(0.0, {2}), (1.0, {0, 1}), (0.5, {0, 1, 2})])
def test_labels_are_dropped_as_far_as_the_transition_has_not_come(
    label_weight, seen, blobs, training, monkeypatch
):
    played = game(blobs, training)
    heard = set()
    network = played.networks.velocity.module
    real = network.velocity
    monkeypatch.setattr(network, "velocity", lambda x, t, y: heard.update(y.tolist()) or real(x, t, y))
    for number in range(4):
        played.step(number, label_weight=label_weight)
    assert heard == seen


def test_without_conditioning_no_label_is_seen(blobs, training, monkeypatch):
    played = game(blobs, training, conditioning="none")
    heard = set()
    network = played.networks.velocity.module
    real = network.velocity
    monkeypatch.setattr(network, "velocity", lambda x, t, y: heard.update(y.tolist()) or real(x, t, y))
    played.step(0)
    assert heard == {2}


def test_a_resumed_flow_ends_with_the_same_bits(tmp_path, blobs, gan, listener):
    train, fields = blobs(), {"family": "flow", "width": 4}
    whole = gan(fields, images=160)
    whole.fit(train, seed=3)
    with pytest.raises(KeyboardInterrupt):
        gan(fields, images=160).fit(
            train, seed=3, context=FitContext(folder=tmp_path, progress=listener(100))
        )
    resumed, heard = gan(fields, images=160), listener()
    resumed.fit(train, seed=3, context=FitContext(folder=tmp_path, progress=heard))
    assert any("resuming" in line for line in heard.lines)
    assert resumed.digest == whole.digest
    assert resumed.history == whole.history
    assert "critic_loss" not in whole.history[0]
    assert whole.history[0]["generator_loss"] > 0
