"""CycleGAN in the common loop: what each class's networks learn from and make, and what the file holds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from method_fields import spec_of
from small_batches import Game, check_held_samples, check_labels, samples_of

from augmentor.core.conditions import Conditions
from augmentor.core.errors import ConfigError
from augmentor.synthesizers.build import load_synthesizer

SHAPE = (1, 8, 8)
SEED = 1
"""Its first batch holds both classes."""
DARK, BRIGHT = np.zeros(40, dtype=np.int64), np.ones(40, dtype=np.int64)


def scarce(blobs):
    """Eight dark samples and 32 bright ones."""
    return blobs(SHAPE, n=64).take(np.r_[0:16, 17:64:2])


def game(blobs, training, **fields):
    spec = spec_of(family="cyclegan", width=4, augmentation=(), **fields)
    return Game(spec, training(critic_steps=1), scarce(blobs))


def asked(loss, network):
    """The gradients of a loss that is written down anew."""
    names, weights = zip(*network.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, weights), strict=True))


def test_the_critics_gradient_is_that_of_section_4(blobs, training):
    """Independent reference, by class: D_c(x) is to be 1 and D_c(G_c(x')) 0, with the half of Mao 2017."""
    played = game(blobs, training)
    mappings, critic = played.networks.generator.module.mappings, played.networks.critic.module
    batch = played.batch(SEED)
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
    losses = played.step(seed=SEED)
    assert float(losses["critic_loss"]) == pytest.approx(loss.item(), abs=1e-5)
    for name, weight in critic.named_parameters():
        assert torch.allclose(weight.grad, expected[name], atol=1e-5), name


def test_the_generators_gradient_is_that_of_equation_3_with_the_identity_loss(blobs, training, monkeypatch):
    """Independent reference with K = 2: G, F and both directions of the cycle, as the paper has them."""
    played = game(blobs, training, cycle=10, regularisers={"identity": 5})
    generator, critic = played.networks.generator.module, played.networks.critic.module
    monkeypatch.setattr(played.networks.critic.optimiser, "step", lambda: None)
    batch = played.batch(SEED)
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
    losses = played.step(seed=SEED)
    assert float(losses["generator_loss"]) == pytest.approx(parts[0].item(), abs=1e-5)
    for name, weight in generator.named_parameters():
        assert torch.allclose(weight.grad, expected[name], atol=1e-5), name


def weights_of(played):
    networks = played.networks.trained.values()
    return [weight.detach().clone() for network in networks for weight in network.parameters]


@pytest.mark.parametrize("fault", ["cycle", "identity", "swapped"])
def test_a_planted_fault_changes_the_step(fault, blobs, training):
    ends = []
    for planted in (False, True):
        played = game(blobs, training)
        batch = played.batch(SEED)
        if planted and fault == "swapped":
            batch = batch._replace(labels=1 - batch.labels, origins=1 - batch.origins)
        elif planted and fault == "cycle":
            played.model.spec = played.model.spec.model_copy(update={"cycle": 0.0})
        elif planted:
            del played.model.weights["identity"]
        played.step(seed=SEED, batch=batch)
        ends.append(weights_of(played))
    assert not all(torch.equal(one, two) for one, two in zip(*ends, strict=True))


def test_a_step_changes_every_parameter(blobs, training):
    played = game(blobs, training)
    before = weights_of(played)
    played.step(seed=SEED)
    assert not any(torch.equal(old, new) for old, new in zip(before, weights_of(played), strict=True))


def test_a_critic_of_a_class_learns_from_its_own_rows_alone(blobs, training):
    """Other bright samples, real and made, leave the dark class's critic to the bit."""
    ends = []
    for shift in (0.0, 0.3):
        played = game(blobs, training)
        batch = played.batch(SEED)
        bright = (batch.labels == 1).view(-1, 1, 1, 1) * shift
        shifted = batch._replace(real=batch.real - bright, sources=batch.sources + bright)
        played.step(seed=SEED, batch=shifted)
        ends.append(played.networks.critic.module.state_dict())
    changed = {name.split(".")[1] for name in ends[0] if not torch.equal(ends[0][name], ends[1][name])}
    assert changed == {"1"}


@pytest.fixture(scope="module")
def fitted(blobs, gan):
    synthesizer = gan({"family": "cyclegan", "augmentation": []}, images=1600, batch=16)
    synthesizer.fit(scarce(blobs), seed=0)
    return synthesizer


def test_swapped_labels_give_the_other_class(fitted):
    """Convention: label 0 is the dark class, in what is asked as in what is made."""
    check_labels(fitted)


def test_translation_changes_the_class_and_back_and_leaves_the_own_one(fitted, blobs):
    state, train = fitted._ready(), scarce(blobs)
    x, y = torch.from_numpy(state.form.codec.encode(train.array)), torch.from_numpy(train.y)
    with torch.no_grad():
        own, other = (state.sampler.network(x, labels) for labels in (y, 1 - y))
        back = state.sampler.network(other, y)
    # 130 grey values are 1.02.
    assert (own - x).abs().mean() < 0.15
    assert (other - x).abs().mean() > 0.7
    assert (back - x).abs().mean() < 0.3


def test_the_file_holds_samples_of_the_lending_class_alone_with_a_note(fitted, blobs, tmp_path):
    check_held_samples(fitted, scarce(blobs), tmp_path)
    loaded = load_synthesizer(tmp_path)
    assert loaded.digest == fitted.digest
    assert samples_of(loaded, DARK, 4).digest == samples_of(fitted, DARK, 4).digest


def test_a_sample_depends_on_its_seed_place_and_label_alone(fitted):
    """Also where the rows around it ask for other networks."""
    long, short = (
        samples_of(fitted, np.r_[DARK, BRIGHT], 7),
        samples_of(fitted, DARK[:3], 7),
    )
    assert np.array_equal(long.array[:3], short.array)
    mixed = samples_of(fitted, np.r_[DARK[:3], BRIGHT], 7)
    assert np.array_equal(mixed.array[:3], short.array)
    assert not np.array_equal(samples_of(fitted, DARK[:3], 8).array, short.array)
    assert not np.array_equal(samples_of(fitted, BRIGHT[:3], 7).array, short.array)


def test_a_class_that_a_small_batch_leaves_out_is_learnt_all_the_same(gan, blobs):
    """Batches of two runs hold two of three classes at most; states and moments are whole from the first."""
    train = blobs(SHAPE, n=36)
    train = replace(train, y=np.arange(36) % 3, classes=("dark", "bright", "third"))
    synthesizer = gan({"family": "cyclegan"}, images=64)
    synthesizer.fit(train, seed=0)
    assert np.isfinite(synthesizer.sample(Conditions(np.arange(3)), seed=0).array).all()


def test_one_class_alone_cannot_be_translated(blobs, gan):
    dark = blobs(SHAPE).take(blobs(SHAPE).y == 0)
    with pytest.raises(ConfigError, match="at least two"):
        gan({"family": "cyclegan"}, images=64).fit(replace(dark, classes=("dark",)), seed=0)
