"""A generator from latents and labels against a critic: networks and one training step."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from augmentor.nets.architectures import adversarial_networks
from augmentor.nets.conditional import Generator
from augmentor.nets.spec import CodesSpec
from augmentor.objectives.diversity import mode_seeking
from augmentor.synthesizers.adversarial.spec import AdversarialSpec
from augmentor.synthesizers.game import GameModel
from augmentor.synthesizers.growing import grow
from augmentor.synthesizers.sampler import GeneratorSampler, Sampler
from augmentor.synthesizers.starts import Starts
from augmentor.training.adversarial import AdversarialStep, GanNetworks
from augmentor.training.batches import Batch
from augmentor.training.networks import initial_weights
from augmentor.training.step import Losses, StepContext


class AdversarialModel(GameModel[AdversarialSpec, Generator]):
    """A conditional GAN of any architecture, conditioning and loss."""

    def networks(self, seed: int, device: torch.device) -> GanNetworks[Generator]:
        """Return generator and critic with weights that depend on ``seed`` alone, on ``device``."""
        with initial_weights(seed):
            generator, critic = adversarial_networks(self.spec.network, self.shape, self.n_classes)
        return GanNetworks(self.optimised(generator, device), self.optimised(critic, device))

    @property
    def latent(self) -> int:
        """How many standard normal numbers a sample is made from."""
        return self.spec.latent

    @property
    def codes(self) -> CodesSpec:
        """Parts of the latent that the critic reads off a sample."""
        return self.spec.codes

    @property
    def auxiliary_weight(self) -> float:
        """Weight of the auxiliary classifier's cross-entropy."""
        return self.spec.auxiliary_weight

    def begin_step(self, networks: GanNetworks[Generator], average: nn.Module, step: int) -> None:
        """Set the resolution of networks that grow."""
        grow(self.training, step, networks.generator.module, networks.critic.module, average)

    def step(self, networks: GanNetworks[Generator], batch: Batch, context: StepContext) -> Losses:
        """Update the critic, then (on its step) the generator, at the present resolution."""
        return super().step(
            networks, batch._replace(real=networks.generator.module.fade(batch.real)), context
        )

    def start(self, batch: Batch) -> Tensor:
        """Return the latents."""
        return batch.latents

    def terms(
        self, step: AdversarialStep, networks: GanNetworks[Generator], fake: Tensor
    ) -> Iterator[Tensor]:
        """Return mode seeking and path lengths, each where it has a weight."""
        batch, context, objective = step.batch, step.context, self.objective
        if self.spec.mode_seeking:
            # Neighbours share their class, so the pairs of Mao 2019 are there already.
            seeking = mode_seeking(
                fake[::2], fake[1::2], batch.latents[::2], batch.latents[1::2], labels=batch.labels[::2]
            )
            yield self.spec.mode_seeking * seeking.mean()
        path_length = self.regulators.path_length
        # Counted in the generator's own updates: with several critic steps the two need never meet.
        if path_length is not None and context.step // objective.critic_steps % objective.every == 0:
            generator = networks.generator.module
            styles = generator.styles(batch.latents, batch.labels, context.label_weight)
            made = generator.render(styles, context.draws)
            lengths = path_length(made, styles, generator=context.draws)
            yield objective.every * self.weights["path_length"] * lengths.mean()

    def sampler(self, network: nn.Module, starts: Starts | None) -> Sampler:
        """Return what makes samples from latents and labels."""
        device = next(network.parameters()).device
        codes = self.codes if self.codes.numbers else None
        return GeneratorSampler(network, self.shape, device, self.latent, codes=codes)
