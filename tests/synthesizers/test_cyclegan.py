"""CycleGAN in the common loop: what each class's networks learn from and make, and what the file holds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_batches import check_held_samples, check_labels, small_batches

from augmentor.core.errors import ConfigError
from augmentor.synthesizers.build import load_synthesizer
from augmentor.synthesizers.compose import initial_networks, objective_of, regulators_of
from augmentor.synthesizers.spec import SynthesizerSpec
from augmentor.training.state import State
from augmentor.training.steps import train_step

SHAPE, CPU = (1, 8, 8), torch.device("cpu")
SEED = 1
"""Its first batch holds both classes."""
DARK, BRIGHT = np.zeros(40, dtype=np.int64), np.ones(40, dtype=np.int64)


def scarce(blobs):
    """Eight dark samples and 32 bright ones."""
    return blobs(SHAPE, n=64).take(np.r_[0:16, 17:64:2])


def game(blobs, training, **fields):
    """A state before the first step, and what makes a step of it."""
    spec = SynthesizerSpec(family="cyclegan", width=4, augmentation=(), **fields)
    budget = training(critic_steps=1)
    generator, critic = initial_networks(spec, SHAPE, 2, 0, CPU)
    state = State.begin(generator, critic, budget, regulators_of(spec, budget))
    batches = small_batches(scarce(blobs), spec.numbers(SHAPE), sources=True, others=True)
    objective = objective_of(spec, budget, SHAPE)

    def step(objective=objective, batch=None):
        draws = torch.Generator().manual_seed(SEED)
        batch = batch or batches.draw(draws)
        return train_step(state.players, objective, batch, step=0, strength=1.0, draws=draws)

    return state, batches, step, objective


def asked(loss, network):
    """The gradients of a loss that is written down anew."""
    names, weights = zip(*network.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, weights), strict=True))


def test_the_critics_gradient_is_that_of_section_4(blobs, training):
    """Independent reference, by class: D_c(x) is to be 1 and D_c(G_c(x')) 0, with the half of Mao 2017."""
    state, batches, step, _ = game(blobs, training)
    mappings, critic = state.players.generator.mappings, state.players.critic
    batch = batches.draw(torch.Generator().manual_seed(SEED))
    loss = 0
    for label in (0, 1):
        rows = batch.labels == label
        with torch.no_grad():
            fake = mappings[label](batch.sources[rows], None)
        real_said, fake_said = (
            critic.head[label](critic.trunk[label](x), None, 1.0) for x in (batch.real[rows], fake)
        )
        loss = loss + ((real_said - 1).square() + fake_said.square()).sum() / 2 / len(batch.labels)
    expected = asked(loss, critic)
    losses = step()
    assert float(losses.critic) == pytest.approx(loss.item(), abs=1e-5)
    for name, weight in critic.named_parameters():
        assert torch.allclose(weight.grad, expected[name], atol=1e-5), name


def test_the_generators_gradient_is_that_of_equation_3_with_the_identity_loss(blobs, training, monkeypatch):
    """Independent reference with K = 2: G, F and both directions of the cycle, as the paper has them."""
    state, batches, step, _ = game(blobs, training, stargan={"cycle": 10}, regularisers={"identity": 5})
    generator, critic = state.players.generator, state.players.critic
    monkeypatch.setattr(state.players.critic_optimiser, "step", lambda: None)
    batch = batches.draw(torch.Generator().manual_seed(SEED))
    assert torch.equal(batch.origins, 1 - batch.labels)
    into, parts = generator.mappings, torch.zeros(3)
    for label in (0, 1):
        x, y = batch.sources[batch.labels == label], batch.real[batch.labels == label]
        share = len(x) / len(batch.labels)
        fake = into[label](x, None)
        logits = critic.head[label](critic.trunk[label](fake), None, 1.0)
        cycle, same = into[1 - label](fake, None) - x, into[label](y, None) - y
        parts = parts + share * torch.stack(
            [(logits - 1).square().mean() / 2, 10 * cycle.abs().mean(), 5 * same.abs().mean()]
        )
    expected = asked(parts.sum(), generator)
    losses = step()
    assert float(losses.generator) == pytest.approx(parts[0].item(), abs=1e-5)
    for name, weight in generator.named_parameters():
        assert torch.allclose(weight.grad, expected[name], atol=1e-5), name


def weights_of(state):
    players = state.players
    return [w.detach().clone() for net in (players.generator, players.critic) for w in net.parameters()]


@pytest.mark.parametrize("fault", ["cycle", "identity", "swapped"])
def test_a_planted_fault_changes_the_step(fault, blobs, training):
    ends = []
    for planted in (False, True):
        state, batches, step, objective = game(blobs, training)
        batch = batches.draw(torch.Generator().manual_seed(SEED))
        if planted and fault == "swapped":
            batch = batch._replace(labels=1 - batch.labels, origins=1 - batch.origins)
        elif planted:
            objective = replace(objective, **{fault: 0.0})
        step(objective, batch)
        ends.append(weights_of(state))
    assert not all(torch.equal(one, two) for one, two in zip(*ends, strict=True))


def test_a_step_changes_every_parameter(blobs, training):
    state, _, step, _ = game(blobs, training)
    before = weights_of(state)
    step()
    assert not any(torch.equal(old, new) for old, new in zip(before, weights_of(state), strict=True))


def test_a_critic_of_a_class_learns_from_its_own_rows_alone(blobs, training):
    """Other bright samples, real and made, leave the dark class's critic to the bit."""
    ends = []
    for shift in (0.0, 0.3):
        state, batches, step, _ = game(blobs, training)
        batch = batches.draw(torch.Generator().manual_seed(SEED))
        bright = (batch.labels == 1).view(-1, 1, 1, 1) * shift
        step(batch=batch._replace(real=batch.real - bright, sources=batch.sources + bright))
        ends.append(state.players.critic.state_dict())
    changed = {name.split(".")[1] for name in ends[0] if not torch.equal(ends[0][name], ends[1][name])}
    assert changed == {"1"}


@pytest.fixture(scope="module")
def fitted(blobs, gan):
    synthesizer = gan({"family": "cyclegan", "augmentation": []}, images=2400, batch=16)
    synthesizer.fit(scarce(blobs), seed=0)
    return synthesizer


def test_swapped_labels_give_the_other_class(fitted):
    """Convention: label 0 is the dark class, in what is asked as in what is made."""
    check_labels(fitted)


def test_translation_changes_the_class_and_back_and_leaves_the_own_one(fitted, blobs):
    state, train = fitted._ready(), scarce(blobs)
    x, y = torch.from_numpy(state.codec.encode(train.array)), torch.from_numpy(train.y)
    with torch.no_grad():
        own, other = (state.generator(x, labels) for labels in (y, 1 - y))
        back = state.generator(other, y)
    # 130 grey values are 1.02.
    assert (own - x).abs().mean() < 0.15
    assert (other - x).abs().mean() > 0.7
    assert (back - x).abs().mean() < 0.3


def test_the_file_holds_samples_of_the_lending_class_alone_with_a_note(fitted, blobs, tmp_path):
    check_held_samples(fitted, scarce(blobs), tmp_path)
    loaded = load_synthesizer(tmp_path)
    assert loaded.digest == fitted.digest
    assert loaded.sample(DARK, seed=4).digest == fitted.sample(DARK, seed=4).digest


def test_a_sample_depends_on_its_seed_place_and_label_alone(fitted):
    """Also where the rows around it ask for other networks."""
    long, short = fitted.sample(np.r_[DARK, BRIGHT], seed=7), fitted.sample(DARK[:3], seed=7)
    assert np.array_equal(long.array[:3], short.array)
    mixed = fitted.sample(np.r_[DARK[:3], BRIGHT], seed=7)
    assert np.array_equal(mixed.array[:3], short.array)
    assert not np.array_equal(fitted.sample(DARK[:3], seed=8).array, short.array)
    assert not np.array_equal(fitted.sample(BRIGHT[:3], seed=7).array, short.array)


def test_a_class_that_a_small_batch_leaves_out_is_learnt_all_the_same(gan, blobs):
    """Batches of two runs hold two of three classes at most; states and moments are whole from the first."""
    train = blobs(SHAPE, n=36)
    train = replace(train, y=np.arange(36) % 3, classes=("dark", "bright", "third"))
    synthesizer = gan({"family": "cyclegan"}, images=64)
    synthesizer.fit(train, seed=0)
    assert np.isfinite(synthesizer.sample(np.arange(3), seed=0).array).all()


def test_one_class_alone_cannot_be_translated(blobs, gan):
    dark = blobs(SHAPE).take(blobs(SHAPE).y == 0)
    with pytest.raises(ConfigError, match="at least two"):
        gan({"family": "cyclegan"}, images=64).fit(replace(dark, classes=("dark",)), seed=0)
