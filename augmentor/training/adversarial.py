"""One step of an adversarial training: the critic's half, then the generator's.

Every method that plays a generator against a critic shares these halves; what its generator minimises besides
the adversarial loss it gives as terms of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from augmentor.core.ranks import average_gradients
from augmentor.nets.conditional import Critic, CriticOutput
from augmentor.nets.spec import CodesSpec
from augmentor.objectives.adversarial import AdversarialLoss
from augmentor.objectives.diffaugment import Augment
from augmentor.objectives.infogan import code_loss
from augmentor.objectives.penalties import bind, clip_weights, consistency
from augmentor.training.batches import Batch
from augmentor.training.networks import Optimised
from augmentor.training.regulators import Regulators
from augmentor.training.step import Losses, StepContext

Generating = TypeVar("Generating", bound=nn.Module, covariant=True)
Terms = Callable[[Tensor], Iterable[Tensor]]
"""``(fake (B, C, *spatial)) -> scalars`` that are added, in order, to the generator's loss."""


@dataclass(frozen=True)
class GanNetworks(Generic[Generating]):
    """A generator and a critic with their optimisers."""

    generator: Optimised[Generating]
    critic: Optimised[Critic]

    @property
    def trained(self) -> Mapping[str, Optimised[nn.Module]]:
        """Both networks by name."""
        return {"generator": self.generator, "critic": self.critic}

    @property
    def sampled(self) -> nn.Module:
        """The generator."""
        return self.generator.module


@dataclass(frozen=True)
class Objective:
    """What a critic minimises, and the part of it that the generator works against.

    Attributes:
        loss: the adversarial loss of both sides.
        penalties: weight of each penalty, by name.
        every: steps between two penalties; the weight grows by as much.
        augment: what the critic sees of a sample; None for the sample itself.
        critic_steps: updates of the critic for each of the generator.
        clip: bound of the critic's weights; 0 leaves them free.
        lecam: weight of LeCam's regularisation.
        consistency: weight of the consistency between a real sample and ``altered`` of it.
        altered: the augmentation of that consistency.
        auxiliary: weight of the auxiliary classifier's cross-entropy, where the critic has one.
        classify_fakes: whether the critic learns classes from generated rows too (Odena 2017), or from
            real ones alone (Choi 2018, equation 2).
        codes: the latent's codes and the weight of their mutual information.
    """

    loss: AdversarialLoss
    penalties: Mapping[str, float]
    every: int
    augment: Augment | None
    critic_steps: int = 1
    clip: float = 0.0
    lecam: float = 0.0
    consistency: float = 0.0
    altered: Augment | None = None
    auxiliary: float = 1.0
    classify_fakes: bool = True
    codes: CodesSpec = field(default_factory=CodesSpec)


@dataclass(frozen=True)
class AdversarialStep:
    """One step of a generator against a critic.

    Attributes:
        networks: the two, changed in place.
        objective: what they minimise.
        batch: real samples, labels, latents; samples to start from, where the generator does.
        context: step, label weight and draws; penalties fall on multiples of ``objective.every``, the
            generator's update on every ``objective.critic_steps``-th step.
        regulators: regularisers that remember earlier steps, changed in place.
        precision: autocast of the networks' passes.
    """

    networks: GanNetworks[nn.Module]
    objective: Objective
    batch: Batch
    context: StepContext
    regulators: Regulators
    precision: AbstractContextManager[None]

    def run(self, start: Tensor, terms: Terms) -> Losses:
        """Update the critic, then (on its step) the generator.

        The fakes are made once and serve both halves: the generator's weights do not change between
        them, and a second set would cost a tenth of the step.

        Args:
            start: what the generator starts from: latents (B, L) or samples (B, C, *spatial).
            terms: what the generator minimises besides the adversarial loss.
        """
        context = self.context
        updates = (context.step + 1) % self.objective.critic_steps == 0
        with self.precision, nullcontext() if updates else torch.no_grad():
            fake: Tensor = self.networks.generator.module(
                start, self.batch.labels, context.label_weight, context.draws
            )
        losses = self._critic_half(fake.detach())
        return {**losses, "generator_loss": self._generator_half(fake, terms)} if updates else losses

    def augmented(self, x: Tensor) -> Tensor:
        """Return what the critic sees of samples."""
        if self.objective.augment is None:
            return x
        adaptive = self.regulators.adaptive
        chance = None if adaptive is None else adaptive.probability
        return self.objective.augment(x, self.context.draws, probability=chance)

    def labels(self, x: Tensor) -> Tensor:
        """Return the labels of one batch of rows, or of two one after the other."""
        y = self.batch.labels
        return y if len(x) == len(y) else torch.cat([y, y])

    def logits(self, x: Tensor) -> Tensor:
        """Return the critic's logits of augmented samples."""
        logits: Tensor = self.networks.critic.module(
            self.augmented(x), self.labels(x), self.context.label_weight
        )
        return logits

    def auxiliary_loss(self, output: CriticOutput) -> Tensor | float:
        """Return what the heads other than the logit's add to a loss: class and codes, on generated rows."""
        total: Tensor | float = 0.0
        if output.codes is not None:
            unread = code_loss(output.codes, self.batch.latents, self.objective.codes)
            total = total + self.objective.codes.weight * unread.mean()
        if output.classes is not None:
            wrong = cross_entropy(output.classes.float(), self.batch.labels)
            total = total + self.objective.auxiliary * self.context.label_weight * wrong
        return total

    def _critic_half(self, fake: Tensor) -> dict[str, Tensor]:
        objective, critic = self.objective, self.networks.critic
        with self.precision:
            of_real, of_fake = self._both_outputs(fake)
        adversarial = objective.loss.critic(of_real.logits, of_fake.logits).mean()
        loss: Tensor = adversarial
        if objective.classify_fakes:
            loss = loss + self.auxiliary_loss(of_fake)
        if of_real.classes is not None:
            wrong = cross_entropy(of_real.classes.float(), self.batch.labels)
            loss = loss + objective.auxiliary * self.context.label_weight * wrong
        lecam = self.regulators.lecam
        if lecam is not None:
            loss = loss + objective.lecam * lecam(of_real.logits, of_fake.logits).mean()
            lecam.update(of_real.logits, of_fake.logits)
        losses = {"critic_loss": adversarial.detach()}
        if self.context.step % objective.every == 0:
            terms = self._penalties(fake)
            if terms:
                total = sum(terms[1:], terms[0])
                loss, losses["penalty"] = loss + objective.every * total, total.detach()
        critic.optimiser.zero_grad()
        loss.backward()
        average_gradients(critic.parameters)
        critic.optimiser.step()
        if objective.clip:
            # What only shifts the input (a label's plane) or is no part of the logit has no slope to bound.
            clip_weights(critic.module.trunk, objective.clip)
            clip_weights(critic.module.head, objective.clip)
        if self.regulators.adaptive is not None:
            self.regulators.adaptive.update(objective.loss.real_confidence(of_real.logits, of_fake.logits))
        return losses

    def _both_outputs(self, fake: Tensor) -> tuple[CriticOutput, CriticOutput]:
        """Return the critic's outputs for the real and for the generated rows."""
        critic, weight = self.networks.critic.module, self.context.label_weight
        if critic.separate:
            of_real, of_fake = (
                critic.outputs(self.augmented(x), self.batch.labels, weight) for x in (self.batch.real, fake)
            )
            return of_real, of_fake
        # One pass over both: half the calls. Groups of the minibatch statistic never mix the halves.
        both = torch.cat([self.batch.real, fake.to(self.batch.real.dtype)])
        output = critic.outputs(self.augmented(both), self.labels(both), weight)
        halves = [(None, None) if part is None else part.chunk(2) for part in output]
        return CriticOutput(*(half[0] for half in halves)), CriticOutput(*(half[1] for half in halves))  # type: ignore[arg-type]  # logits are never None

    def _penalties(self, fake: Tensor) -> list[Tensor]:
        """Return the weighted penalties; outside autocast, as second derivatives need float32."""
        objective, batch, draws = self.objective, self.batch, self.context.draws
        terms = [
            weight * bind(name, draws)(self.logits, batch.real, fake).mean()
            for name, weight in objective.penalties.items()
        ]
        if objective.consistency:
            altered = objective.altered
            assert altered is not None

            def plain(x: Tensor) -> Tensor:
                logits: Tensor = self.networks.critic.module(x, batch.labels, self.context.label_weight)
                return logits

            change = consistency(plain, batch.real, fake, augment=lambda x: altered(x, draws))
            terms.append(objective.consistency * change.mean())
        return terms

    def _generator_half(self, fake: Tensor, terms: Terms) -> Tensor:
        generator, critic, batch = self.networks.generator, self.networks.critic.module, self.batch
        with self.precision:
            output = critic.outputs(self.augmented(fake), batch.labels, self.context.label_weight)
            real_logits = output.logits.detach()
            if self.objective.loss.relativistic:
                with torch.no_grad():
                    real_logits = self.logits(batch.real)
        adversarial = self.objective.loss.generator(real_logits, output.logits).mean()
        loss: Tensor = adversarial + self.auxiliary_loss(output)
        for term in terms(fake):
            loss = loss + term
        generator.optimiser.zero_grad()
        # Only the generator's gradients: the critic's would cost a third more and be thrown away.
        loss.backward(inputs=generator.parameters)
        average_gradients(generator.parameters)
        generator.optimiser.step()
        return adversarial.detach()
