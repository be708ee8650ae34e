"""The flow in the common loop: one network, labels by dropping, resumed to the bit."""

import pytest
import torch
from small_batches import small_batches

from augmentor.synthesizers.compose import initial_networks, objective_of, regulators_of
from augmentor.synthesizers.spec import SynthesizerSpec
from augmentor.training.state import State
from augmentor.training.steps import train_step

SHAPE, CPU = (1, 4, 6), torch.device("cpu")


def game(blobs, training, **fields):
    spec = SynthesizerSpec(family="flow", width=4, **fields)
    budget = training(transition=(0.0, 0.0))
    network, critic = initial_networks(spec, SHAPE, 2, 0, CPU)
    assert critic is None
    state = State.begin(network, critic, budget, regulators_of(spec, budget))
    train = blobs(SHAPE)
    batches = small_batches(train, spec.numbers(SHAPE))
    objective = objective_of(spec, budget, SHAPE)

    def step(number, strength=1.0):
        draws = torch.Generator().manual_seed(number)
        return train_step(
            state.players, objective, batches.draw(draws), step=number, strength=strength, draws=draws
        )

    return state, step


def test_a_few_steps_reach_every_parameter_and_lower_the_loss(blobs, training):
    state, step = game(blobs, training, flow={"label_drop": 0.3})
    network = state.players.generator
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    losses = [step(number) for number in range(60)]
    # MONAI's last convolutions start at zero, so what is behind them moves from the second step on.
    still = {name for name, weight in network.named_parameters() if torch.equal(before[name], weight)}
    assert not still
    assert losses[0].critic is None
    assert losses[0].penalty is None
    first, last = (
        torch.stack([each.generator for each in part]).mean() for part in (losses[:10], losses[-10:])
    )
    assert last < 0.95 * first


@pytest.mark.parametrize(("strength", "seen"), [(0.0, {2}), (1.0, {0, 1}), (0.5, {0, 1, 2})])
def test_labels_are_dropped_as_far_as_the_transition_has_not_come(
    strength, seen, blobs, training, monkeypatch
):
    state, step = game(blobs, training)
    heard = set()
    network = state.players.generator
    real = network.velocity
    monkeypatch.setattr(network, "velocity", lambda x, t, y: heard.update(y.tolist()) or real(x, t, y))
    for number in range(4):
        step(number, strength)
    assert heard == seen


def test_without_conditioning_no_label_is_seen(blobs, training, monkeypatch):
    state, step = game(blobs, training, conditioning="none")
    heard = set()
    network = state.players.generator
    real = network.velocity
    monkeypatch.setattr(network, "velocity", lambda x, t, y: heard.update(y.tolist()) or real(x, t, y))
    step(0)
    assert heard == {2}


def test_a_resumed_flow_ends_with_the_same_bits(tmp_path, blobs, gan, listener):
    train, fields = blobs(), {"family": "flow", "width": 4}
    whole = gan(fields, images=160)
    whole.fit(train, seed=3)
    with pytest.raises(KeyboardInterrupt):
        gan(fields, images=160).fit(train, seed=3, folder=tmp_path, progress=listener(100))
    resumed, heard = gan(fields, images=160), listener()
    resumed.fit(train, seed=3, folder=tmp_path, progress=heard)
    assert any("resuming" in line for line in heard.lines)
    assert resumed.digest == whole.digest
    assert resumed.history == whole.history
    assert "critic_loss" not in whole.history[0]
    assert whole.history[0]["generator_loss"] > 0
