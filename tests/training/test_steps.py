"""One step of the loop: whose weights move, on whose turn, and by which terms of the losses."""

import numpy as np
import pytest
import torch
from method_fields import spec_of

from augmentor.nets.layout import memory_format
from augmentor.synthesizers.fitted import model_of
from augmentor.training import adversarial
from augmentor.training.adversarial import AdversarialStep
from augmentor.training.batches import Batches
from augmentor.training.spec import TrainingSpec
from augmentor.training.step import StepContext

SHAPE, CPU = (1, 8, 8), torch.device("cpu")


class Game:
    """A training that is played step by step, as the loop does it."""

    def __init__(self, *, shape=SHAPE, budget=None, **fields):
        self.spec = spec_of(**{"width": 4, "latent": 8, **fields})
        training = TrainingSpec(images=3200, batch=8, **budget or {})
        self.model = model_of(self.spec, training, shape, 2)
        self.networks = self.model.networks(0, CPU)
        self.generator, self.critic = (network.module for network in self.networks.trained.values())
        y = np.arange(24) % 2
        x = np.random.default_rng(0).normal(size=(24, *shape)).astype(np.float32).clip(-1, 1)
        layout = memory_format(len(shape) - 1)
        self.batches = Batches(
            torch.from_numpy(x), torch.from_numpy(y), 2, self.model.rules, device=CPU, layout=layout
        )

    @property
    def objective(self):
        return self.model.objective

    @property
    def regulators(self):
        return self.model.regulators

    def step(self, number=0, *, label_weight=1.0):
        draws = torch.Generator().manual_seed(number)
        batch = self.model.draw(self.batches, number, draws)
        return self.model.step(self.networks, batch, StepContext(number, label_weight, draws))


def weights(network):
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def moved(network, before):
    return {
        name for name, parameter in network.named_parameters() if not torch.equal(before[name], parameter)
    }


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_the_generator_moves_on_its_turn_alone_and_the_critic_at_every_step(turns):
    game = Game(family="wgan-gp", budget={"critic_steps": turns})
    for number in range(6):
        before = weights(game.generator), weights(game.critic)
        losses = game.step(number)
        turn = (number + 1) % turns == 0
        assert ("generator_loss" in losses) == turn
        assert bool(moved(game.generator, before[0])) == turn
        assert moved(game.critic, before[1])


def test_a_generators_half_leaves_no_gradient_on_the_critics_weights(monkeypatch):
    game, seen = Game(family="stylegan2", codes={"categorical": 2}), []
    real = AdversarialStep._generator_half

    def half(step, fake, terms):
        critic = step.networks.critic.module
        before = [None if p.grad is None else p.grad.clone() for p in critic.parameters()]
        at_rest = weights(critic)
        loss = real(step, fake, terms)
        for old, parameter in zip(before, critic.parameters(), strict=True):
            assert (old is None) == (parameter.grad is None)
            assert old is None or torch.equal(old, parameter.grad)
        assert not moved(critic, at_rest)
        seen.append(step.context.step)
        return loss

    monkeypatch.setattr(AdversarialStep, "_generator_half", half)
    game.step(0)
    game.step(1)
    assert seen == [0, 1]


def test_the_critics_half_leaves_the_generator_alone():
    game = Game(budget={"critic_steps": 2})
    game.step(0)
    assert all(parameter.grad is None for parameter in game.generator.parameters())


@pytest.mark.parametrize(
    "fields", [{"family": "wgan"}, {"family": "wgan", "conditioning": "auxiliary"}], ids=str
)
def test_clipping_bounds_what_makes_the_logit_and_nothing_else(fields):
    game = Game(**fields)
    free = weights(game.critic)
    game.step(0)
    bound = game.objective.clip
    assert bound == 0.05
    for name, parameter in game.critic.named_parameters():
        inside = bool((parameter.abs() <= bound).all())
        assert inside == name.startswith(("trunk.", "head.")) or free[name].abs().max() <= bound, name
    beside = "classifier.weight" if fields.get("conditioning") else "plane.rows.weight"
    assert game.critic.get_parameter(beside).abs().max() > bound


def test_penalties_fall_on_every_nth_step_and_weigh_as_much_more(monkeypatch):
    """With a penalty of constant value c the loss of the critic carries n · weight · c, every n-th step."""
    seen = []
    monkeypatch.setattr(
        adversarial, "bind", lambda name, draws: lambda critic, real, fake: critic(real) * 0 + 3.0
    )
    real = torch.Tensor.backward

    def backward(loss, *rest, **named):
        if "inputs" not in named:
            seen.append(loss.item())
        real(loss, *rest, **named)

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    game = Game(regularisers={"r1": 0.5}, budget={"regularise_every": 4})
    losses = [game.step(number) for number in range(9)]
    assert [step for step, each in enumerate(losses) if "penalty" in each] == [0, 4, 8]
    assert losses[4]["penalty"].item() == pytest.approx(1.5)
    extra = [loss - each["critic_loss"].item() for loss, each in zip(seen, losses, strict=True)]
    assert extra == pytest.approx([6, 0, 0, 0, 6, 0, 0, 0, 6], abs=1e-5)


@pytest.mark.parametrize(("turns", "expected"), [(1, [0, 4, 8]), (2, [1, 9]), (3, [2])])
def test_path_lengths_are_regularised_on_every_nth_turn_of_the_generator(turns, expected):
    """Counted in steps, two critic steps and an interval of four would never meet."""
    game = Game(family="stylegan2", budget={"critic_steps": turns, "regularise_every": 4})
    updates = []
    for number in range(10):
        before = game.regulators.state_dict()
        game.step(number)
        if game.regulators.state_dict() != before:
            updates.append(number)
    assert updates == expected


def losses_of_the_critic(monkeypatch, game, label_weight):
    """What the critic minimises beyond its adversarial loss."""
    seen = []
    real = torch.Tensor.backward

    def backward(loss, *rest, **named):
        seen.append((loss.item(), "inputs" in named))
        real(loss, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "backward", backward)
        losses = game.step(0, label_weight=label_weight)
    (critic,) = [value for value, of_generator in seen if not of_generator]
    (generator,) = [value for value, of_generator in seen if of_generator]
    return critic - losses["critic_loss"].item(), generator - losses["generator_loss"].item()


def test_the_label_weight_scales_the_auxiliary_loss_of_both_sides(monkeypatch):
    beyond = {}
    for label_weight in (0.0, 0.25, 1.0):
        # The label embedding is silenced, so that the samples are the same at every weight.
        game = Game(family="acgan", mode_seeking=0, augmentation=[], auxiliary_weight=2.0)
        game.generator.embedding.rows.weight.data.zero_()
        beyond[label_weight] = losses_of_the_critic(monkeypatch, game, label_weight)
    assert beyond[0.0] == pytest.approx((0, 0), abs=1e-6)
    critic, _ = beyond[1.0]
    # Cross-entropies of real and of generated rows, each about log 2 at the start, twice weighted.
    assert critic > 1
    assert beyond[0.25][0] == pytest.approx(critic / 4, rel=1e-4)
    # The generator's is read off a critic that has moved meanwhile, alike in both but for Adam's sign steps.
    assert beyond[0.25][1] == pytest.approx(beyond[1.0][1] / 4, rel=0.1)


def test_codes_are_read_off_generated_rows_by_both_sides(monkeypatch):
    fields = {"family": "infogan", "mode_seeking": 0, "augmentation": []}
    codes = {"categorical": 4, "continuous": 2}
    one, two = (
        losses_of_the_critic(monkeypatch, Game(**fields, codes={**codes, "weight": weight}), 1.0)
        for weight in (0.5, 1.0)
    )
    assert one[0] > 0.5
    assert two[0] == pytest.approx(2 * one[0], rel=1e-5)
    assert two[1] > one[1] > 0.1


def test_lecam_draws_to_the_anchors_of_the_steps_before():
    game = Game(regularisers={"r1": 0.1, "lecam": 0.5})
    states = []
    for number in range(3):
        game.step(number)
        states.append(game.regulators.lecam.state_dict())
    assert all(state["started"] == 1 for state in states)
    assert len({state["real"] for state in states}) == 3


def test_consistency_is_a_penalty_of_its_own_and_zero_for_what_nothing_alters():
    plain = Game(family="lsgan")
    assert "penalty" not in plain.step(0)
    altered = Game(family="lsgan", regularisers={"consistency": 10.0})
    assert altered.step(0)["penalty"] > 0
    still = Game(family="lsgan", regularisers={"consistency": 10.0}, critic_norm="none")
    # A sample that is zero everywhere is shifted into itself.
    still.batches.x.zero_()
    assert still.step(0)["penalty"] == 0


def test_the_adaptive_probability_is_the_one_in_force(monkeypatch):
    game, asked = Game(augmentation_probability="adaptive"), []
    real = type(game.objective.augment).draw

    def draw(self, x, generator, *, probability=None):
        asked.append(probability)
        return real(self, x, generator, probability=probability)

    monkeypatch.setattr(type(game.objective.augment), "draw", draw)
    game.regulators.adaptive.probability = 0.37
    game.step(1)
    assert asked
    assert set(asked) == {0.37}


def test_a_variational_step_moves_encoder_and_decoder_and_returns_both_terms():
    game = Game(family="cvae", latent=8)
    before = weights(game.generator), weights(game.critic)
    first = game.step(0)
    assert moved(game.generator, before[0]) == set(before[0])
    assert moved(game.critic, before[1]) == set(before[1])
    assert first["critic_loss"] >= 0
    assert "penalty" not in first
    for number in range(1, 60):
        last = game.step(number)
    assert last["generator_loss"] < first["generator_loss"]


def test_a_batch_norm_critic_sees_real_and_generated_rows_separately():
    """Batch statistics of both together would tell the one from the other."""
    game, sizes = Game(family="dcgan"), []
    game.critic.trunk.first.register_forward_hook(lambda _, x, __: sizes.append(len(x[0])))
    game.step(0)
    assert sizes == [8, 8, 8]
    joined, sizes_joined = Game(family="dcgan", critic_norm="none"), []
    joined.critic.trunk.first.register_forward_hook(lambda _, x, __: sizes_joined.append(len(x[0])))
    joined.step(0)
    assert sizes_joined == [16, 8]
