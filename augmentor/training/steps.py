"""One training step: the critic's half and the generator's half, a variational autoencoder's, or a flow's."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from augmentor.core.ranks import average_gradients, rank_slice, world_size
from augmentor.nets.architectures import Maker
from augmentor.nets.conditional import Critic, CriticOutput, Encoder, Generator
from augmentor.nets.flow import FlowNetwork
from augmentor.nets.flow_spec import FlowSpec
from augmentor.nets.spec import CodesSpec
from augmentor.objectives.adversarial import AdversarialLoss
from augmentor.objectives.cycle import cycle_loss, identity_loss
from augmentor.objectives.diffaugment import Augment
from augmentor.objectives.diversity import mode_seeking
from augmentor.objectives.flow import draw_times, interpolate, velocity_loss
from augmentor.objectives.infogan import code_loss
from augmentor.objectives.penalties import bind, clip_weights, consistency
from augmentor.objectives.variational import negative_elbo
from augmentor.training.batches import Batch
from augmentor.training.regulators import Regulators
from augmentor.training.spec import GROUP


@dataclass(frozen=True)
class Objective:
    """What both networks minimise.

    Attributes:
        adversarial: the loss of both sides; None trains a variational autoencoder, or a flow.
        penalties: weight of each penalty, by name.
        every: steps between two penalties (path lengths: turns of the generator); the weight grows by as
            much.
        augment: what the critic sees of a sample; None for the sample itself.
        mode_seeking: weight of the mode seeking loss.
        critic_steps: updates of the critic for each of the generator.
        clip: bound of the critic's weights; 0 leaves them free.
        lecam: weight of LeCam's regularisation.
        consistency: weight of the consistency between a real sample and ``altered`` of it.
        altered: the augmentation of that consistency.
        path_length: weight of the path length regularisation.
        auxiliary: weight of the auxiliary classifier's cross-entropy, where the critic has one.
        fakes_named: whether the critic learns classes from generated rows too (Odena 2017), or from real
            ones alone (Choi 2018, equation 2).
        cycle: weight of what a translation there and back changes, where fakes start from real rows.
        identity: weight of what a translation of a real row to its own class changes.
        codes: the latent's codes and the weight of their mutual information.
        flow: times and label drop of a rectified flow; None for every other objective.
    """

    adversarial: AdversarialLoss | None
    penalties: Mapping[str, float]
    every: int
    augment: Augment | None
    mode_seeking: float
    critic_steps: int = 1
    clip: float = 0.0
    lecam: float = 0.0
    consistency: float = 0.0
    altered: Augment | None = None
    path_length: float = 0.0
    auxiliary: float = 1.0
    fakes_named: bool = True
    cycle: float = 0.0
    identity: float = 0.0
    codes: CodesSpec = field(default_factory=CodesSpec)
    flow: FlowSpec | None = None


@dataclass(frozen=True)
class Losses:
    """Means over the batch, detached scalars.

    Attributes:
        critic: the critic's adversarial loss; of a variational autoencoder, the divergence per value;
            None of a flow.
        generator: the generator's; None where the step did not update it. Of a variational
            autoencoder, the reconstruction's negative log likelihood per value; of a flow, the velocity's
            squared error per value.
        penalty: sum of the weighted penalties, None where the step had none.
    """

    critic: Tensor | None
    generator: Tensor | None
    penalty: Tensor | None


@dataclass(frozen=True)
class Players:
    """The networks with their optimisers, and the generator's weights as a tuple; a flow has no critic."""

    generator: Maker
    critic: Critic | Encoder | None
    generator_optimiser: torch.optim.Optimizer
    critic_optimiser: torch.optim.Optimizer | None
    weights: tuple[Tensor, ...]

    @property
    def trained(self) -> list[tuple[str, nn.Module, torch.optim.Optimizer]]:
        """Each network with its name and optimiser."""
        found: list[tuple[str, nn.Module, torch.optim.Optimizer]] = [
            ("generator", self.generator, self.generator_optimiser)
        ]
        if self.critic is not None and self.critic_optimiser is not None:
            found.append(("critic", self.critic, self.critic_optimiser))
        return found


@dataclass(frozen=True)
class Turn:
    """All that one step's halves share."""

    players: Players
    critic: Critic
    adversarial: AdversarialLoss
    objective: Objective
    batch: Batch
    step: int
    strength: float
    draws: torch.Generator
    regulators: Regulators
    precision: AbstractContextManager[None]

    def seen(self, x: Tensor) -> Tensor:
        """Return what the critic sees of samples."""
        if self.objective.augment is None:
            return x
        adaptive = self.regulators.adaptive
        chance = None if adaptive is None else adaptive.probability
        return self.objective.augment(x, self.draws, probability=chance)

    def labels(self, x: Tensor) -> Tensor:
        """Return the labels of one batch of rows, or of two one after the other."""
        y = self.batch.labels
        return y if len(x) == len(y) else torch.cat([y, y])

    def judged(self, x: Tensor) -> Tensor:
        """Return the critic's logits of augmented samples."""
        logits: Tensor = self.critic(self.seen(x), self.labels(x), self.strength)
        return logits

    def aside(self, said: CriticOutput) -> Tensor | float:
        """Return what the heads beside the logit add to a loss: class and codes, on generated rows."""
        total: Tensor | float = 0.0
        if said.codes is not None:
            surprise = code_loss(said.codes, self.batch.latents, self.objective.codes)
            total = total + self.objective.codes.weight * surprise.mean()
        if said.classes is not None:
            wrong = cross_entropy(said.classes.float(), self.batch.labels)
            total = total + self.objective.auxiliary * self.strength * wrong
        return total


def train_step(
    players: Players,
    objective: Objective,
    batch: Batch,
    *,
    step: int,
    strength: float,
    draws: torch.Generator,
    regulators: Regulators | None = None,
) -> Losses:
    """Update the critic, then (on its turn) the generator.

    The fakes are made once and serve both halves: the generator's weights do not change between
    them, and a second set would cost a tenth of the step.

    Args:
        players: the networks, changed in place.
        objective: what they minimise.
        batch: real samples, labels, latents.
        step: number of the step, from 0; penalties fall on multiples of ``objective.every``, the
            generator's turn on every ``objective.critic_steps``-th step.
        strength: weight of the label, 0 to 1.
        draws: where all random numbers of the step come from.
        regulators: regularisers with a memory, changed in place.
    """
    precision = _precision(batch.real.device)
    if isinstance(players.generator, FlowNetwork):
        return _flow(players, players.generator, objective, batch, strength, draws, precision)
    if isinstance(players.generator, Generator) and players.generator.stages > 1:
        batch = batch._replace(real=players.generator.fade(batch.real))
    if objective.adversarial is None:
        return _variational(players, batch, strength, draws, precision)
    assert isinstance(players.critic, Critic)
    turn = Turn(
        players,
        players.critic,
        objective.adversarial,
        objective,
        batch,
        step,
        strength,
        draws,
        regulators or Regulators(),
        precision,
    )
    generators = (step + 1) % objective.critic_steps == 0
    start = batch.latents if batch.sources is None else batch.sources
    with precision, nullcontext() if generators else torch.no_grad():
        fake: Tensor = players.generator(start, batch.labels, strength, draws)
    critic_loss, penalty = _critic_half(turn, fake.detach())
    return Losses(critic_loss, _generator_half(turn, fake) if generators else None, penalty)


def _critic_half(turn: Turn, fake: Tensor) -> tuple[Tensor, Tensor | None]:
    objective, optimiser = turn.objective, turn.players.critic_optimiser
    assert optimiser is not None  # there is a critic
    with turn.precision:
        real_said, fake_said = _examine_both(turn, fake)
    real_logits, fake_logits = real_said.logits, fake_said.logits
    adversarial = turn.adversarial.critic(real_logits, fake_logits).mean()
    loss: Tensor = adversarial
    if objective.fakes_named:
        loss = loss + turn.aside(fake_said)
    if real_said.classes is not None:
        named = cross_entropy(real_said.classes.float(), turn.batch.labels)
        loss = loss + objective.auxiliary * turn.strength * named
    lecam = turn.regulators.lecam
    if lecam is not None:
        loss = loss + objective.lecam * lecam(real_logits, fake_logits).mean()
        lecam.update(real_logits, fake_logits)
    penalty = None
    if turn.step % objective.every == 0:
        terms = _penalties(turn, fake)
        if terms:
            total = sum(terms[1:], terms[0])
            loss, penalty = loss + objective.every * total, total.detach()
    optimiser.zero_grad()
    loss.backward()
    average_gradients(turn.critic.parameters())
    optimiser.step()
    if objective.clip:
        # What only shifts the input (a label's plane) or is no part of the logit has no slope to bound.
        clip_weights(turn.critic.trunk, objective.clip)
        clip_weights(turn.critic.head, objective.clip)
    if turn.regulators.adaptive is not None:
        turn.regulators.adaptive.update(turn.adversarial.real_confidence(real_logits, fake_logits))
    return adversarial.detach(), penalty


def _examine_both(turn: Turn, fake: Tensor) -> tuple[CriticOutput, CriticOutput]:
    """Return what the critic says of the real and of the generated rows."""
    real = turn.batch.real
    if turn.critic.separate:
        real_said, fake_said = (
            turn.critic.outputs(turn.seen(x), turn.batch.labels, turn.strength) for x in (real, fake)
        )
        return real_said, fake_said
    # One pass over both: half the calls. Groups of the minibatch statistic never mix the halves.
    both = torch.cat([real, fake.to(real.dtype)])
    said = turn.critic.outputs(turn.seen(both), turn.labels(both), turn.strength)
    halves = [(None, None) if part is None else part.chunk(2) for part in said]
    return CriticOutput(*(half[0] for half in halves)), CriticOutput(*(half[1] for half in halves))  # type: ignore[arg-type]  # logits are never None


def _penalties(turn: Turn, fake: Tensor) -> list[Tensor]:
    """Return the weighted penalties; outside autocast, as second derivatives need float32."""
    objective, batch, draws = turn.objective, turn.batch, turn.draws
    terms = [
        weight * bind(name, draws)(turn.judged, batch.real, fake).mean()
        for name, weight in objective.penalties.items()
    ]
    if objective.consistency:
        altered = objective.altered
        assert altered is not None

        def plain(x: Tensor) -> Tensor:
            logits: Tensor = turn.critic(x, batch.labels, turn.strength)
            return logits

        change = consistency(plain, batch.real, fake, augment=lambda x: altered(x, draws))
        terms.append(objective.consistency * change.mean())
    return terms


def _generator_half(turn: Turn, fake: Tensor) -> Tensor:
    players, objective, batch = turn.players, turn.objective, turn.batch
    with turn.precision:
        said = turn.critic.outputs(turn.seen(fake), batch.labels, turn.strength)
        real_logits = said.logits.detach()
        if turn.adversarial.relativistic:
            with torch.no_grad():
                real_logits = turn.judged(batch.real)
    adversarial = turn.adversarial.generator(real_logits, said.logits).mean()
    loss: Tensor = adversarial + turn.aside(said)
    if objective.mode_seeking:
        # Neighbours share their class, so the pairs of Mao 2019 are there already.
        seeking = mode_seeking(
            fake[::2], fake[1::2], batch.latents[::2], batch.latents[1::2], labels=batch.labels[::2]
        )
        loss = loss + objective.mode_seeking * seeking.mean()
    if objective.cycle and batch.sources is not None:
        with turn.precision:
            rebuilt = players.generator(fake, batch.origins, turn.strength, turn.draws)
        loss = loss + objective.cycle * cycle_loss(batch.sources, rebuilt).mean()
    if objective.identity:
        with turn.precision:
            same = players.generator(batch.real, batch.labels, turn.strength, turn.draws)
        loss = loss + objective.identity * identity_loss(batch.real, same).mean()
    path_length = turn.regulators.path_length
    # Counted in the generator's own turns: with several critic steps the two need never meet.
    if path_length is not None and turn.step // objective.critic_steps % objective.every == 0:
        assert isinstance(players.generator, Generator)
        styles = players.generator.styles(batch.latents, batch.labels, turn.strength)
        made = players.generator.render(styles, turn.draws)
        lengths = path_length(made, styles, generator=turn.draws)
        loss = loss + objective.every * objective.path_length * lengths.mean()
    players.generator_optimiser.zero_grad()
    # Only the generator's gradients: the critic's would cost a third more and be thrown away.
    loss.backward(inputs=players.weights)
    average_gradients(players.weights)
    players.generator_optimiser.step()
    return adversarial.detach()


def _variational(
    players: Players,
    batch: Batch,
    strength: float,
    draws: torch.Generator,
    precision: AbstractContextManager[None],
) -> Losses:
    """Update encoder and decoder by the evidence lower bound (Kingma 2014, Sohn 2015)."""
    assert players.critic is not None  # the encoder
    with precision:
        mean, log_variance = players.critic(batch.real, batch.labels, strength)
        noise = batch.latents
        latents = mean + (0.5 * log_variance).exp() * noise
        rebuilt = players.generator(latents, batch.labels, strength, draws)
    reconstruction, divergence = negative_elbo(rebuilt, batch.real, mean, log_variance)
    optimisers = [optimiser for _, _, optimiser in players.trained]
    for optimiser in optimisers:
        optimiser.zero_grad()
    (reconstruction + divergence).backward()
    average_gradients((*players.critic.parameters(), *players.weights))
    for optimiser in optimisers:
        optimiser.step()
    return Losses(divergence.detach(), reconstruction.detach(), None)


def _flow(
    players: Players,
    network: FlowNetwork,
    objective: Objective,
    batch: Batch,
    strength: float,
    draws: torch.Generator,
    precision: AbstractContextManager[None],
) -> Losses:
    """Update the velocity network (Liu 2022, equation 1); labels are dropped until the transition is over."""
    assert objective.flow is not None
    real = batch.real
    # Every process draws for the whole batch, and takes what is its own.
    count = len(real) * world_size()
    mine = rank_slice(count, GROUP)
    drop = max(objective.flow.label_drop, 1 - strength) if network.labelled else 1.0
    t = draw_times(count, objective.flow.times, draws)[mine].to(real.device)
    blank = (torch.rand(count, generator=draws)[mine] < drop).to(real.device)
    labels = torch.where(blank, torch.full_like(batch.labels, network.null_label), batch.labels)
    noise = batch.latents.view_as(real)
    with precision:
        said = network.velocity(interpolate(noise, real, t), t, labels)
    loss = velocity_loss(said, noise, real).mean()
    players.generator_optimiser.zero_grad()
    loss.backward()
    average_gradients(players.weights)
    players.generator_optimiser.step()
    return Losses(None, loss.detach(), None)


def _precision(device: torch.device) -> AbstractContextManager[None]:
    """Return bfloat16 autocast on CUDA, nothing elsewhere."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()
