"""One training step: the critic's half and the generator's half."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from augmentor.objectives.adversarial import Adversarial
from augmentor.objectives.diffaugment import Augment
from augmentor.objectives.diversity import mode_seeking
from augmentor.objectives.penalties import bind
from augmentor.training.batches import Batch


@dataclass(frozen=True)
class Objective:
    """What both networks minimise.

    Attributes:
        adversarial: the loss of both sides.
        penalties: weight of each penalty, by name.
        every: steps between two penalties; the weight grows by as much.
        augment: what the critic sees of a sample; None for the sample itself.
        mode_seeking: weight of the mode seeking loss.
    """

    adversarial: Adversarial
    penalties: Mapping[str, float]
    every: int
    augment: Augment | None
    mode_seeking: float


@dataclass(frozen=True)
class Losses:
    """Means over the batch, detached scalars; ``penalty`` only where the step had one."""

    critic: Tensor
    generator: Tensor
    penalty: Tensor | None


@dataclass(frozen=True)
class Players:
    """The two networks with their optimisers, and the generator's weights as a tuple."""

    generator: nn.Module
    critic: nn.Module
    generator_optimiser: torch.optim.Optimizer
    critic_optimiser: torch.optim.Optimizer
    weights: tuple[Tensor, ...]


def train_step(
    players: Players,
    objective: Objective,
    batch: Batch,
    *,
    step: int,
    strength: float,
    draws: torch.Generator,
) -> Losses:
    """Update the critic, then the generator, once each.

    The fakes are made once and serve both halves: the generator's weights do not change between
    them, and a second set would cost a tenth of the step.

    Args:
        players: the networks, changed in place.
        objective: what they minimise.
        batch: real samples, labels, latents.
        step: number of the step, from 0; penalties fall on multiples of ``objective.every``.
        strength: weight of the label, 0 to 1.
        draws: where the augmentation's random numbers come from.
    """
    precision = _precision(batch.real.device)
    with precision:
        fake: Tensor = players.generator(batch.latents, batch.labels, strength)
    critic_loss, penalty = _critic_half(
        players, objective, batch, fake.detach(), step, strength, draws, precision
    )
    generator_loss = _generator_half(players, objective, batch, fake, strength, draws, precision)
    return Losses(critic_loss, generator_loss, penalty)


def _critic_half(
    players: Players,
    objective: Objective,
    batch: Batch,
    fake: Tensor,
    step: int,
    strength: float,
    draws: torch.Generator,
    precision: AbstractContextManager[None],
) -> tuple[Tensor, Tensor | None]:
    def critic(x: Tensor) -> Tensor:
        seen = x if objective.augment is None else objective.augment(x, draws)
        logits: Tensor = players.critic(
            seen, batch.labels if len(x) == len(batch.labels) else twice, strength
        )
        return logits

    twice = torch.cat([batch.labels, batch.labels])
    with precision:
        # One pass over both: half the calls. Groups of the minibatch statistic never mix the halves.
        real_logits, fake_logits = critic(torch.cat([batch.real, fake.to(batch.real.dtype)])).chunk(2)
    adversarial = objective.adversarial.critic(real_logits, fake_logits).mean()
    loss, penalty = adversarial, None
    if objective.penalties and step % objective.every == 0:
        # Outside autocast: second derivatives need float32.
        terms = [
            weight * bind(name, draws)(critic, batch.real, fake).mean()
            for name, weight in objective.penalties.items()
        ]
        total = sum(terms[1:], terms[0])
        loss, penalty = adversarial + objective.every * total, total.detach()
    players.critic_optimiser.zero_grad()
    loss.backward()
    players.critic_optimiser.step()
    return adversarial.detach(), penalty


def _generator_half(
    players: Players,
    objective: Objective,
    batch: Batch,
    fake: Tensor,
    strength: float,
    draws: torch.Generator,
    precision: AbstractContextManager[None],
) -> Tensor:
    augment = objective.augment
    with precision:
        fake_logits: Tensor = players.critic(
            augment(fake, draws) if augment else fake, batch.labels, strength
        )
        real_logits = fake_logits.detach()
        if objective.adversarial.pairs:
            with torch.no_grad():
                real_logits = players.critic(
                    augment(batch.real, draws) if augment else batch.real, batch.labels, strength
                )
    adversarial = objective.adversarial.generator(real_logits, fake_logits).mean()
    loss = adversarial
    if objective.mode_seeking:
        # Neighbours share their class, so the pairs of Mao 2019 are there already.
        seeking = mode_seeking(
            fake[::2], fake[1::2], batch.latents[::2], batch.latents[1::2], labels=batch.labels[::2]
        )
        loss = loss + objective.mode_seeking * seeking.mean()
    players.generator_optimiser.zero_grad()
    # Only the generator's gradients: the critic's would cost a third more and be thrown away.
    loss.backward(inputs=players.weights)
    players.generator_optimiser.step()
    return adversarial.detach()


def _precision(device: torch.device) -> AbstractContextManager[None]:
    """Return bfloat16 autocast on CUDA, nothing elsewhere."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()
