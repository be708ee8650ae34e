"""A variational autoencoder with labels: networks and one training step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from augmentor.core.ranks import average_gradients
from augmentor.nets.architectures import autoencoder_networks
from augmentor.nets.conditional import Encoder, Generator
from augmentor.objectives.variational import negative_elbo
from augmentor.synthesizers.critic import KeptCritic
from augmentor.synthesizers.growing import grow
from augmentor.synthesizers.model import GenerativeModel
from augmentor.synthesizers.variational.spec import VariationalSpec
from augmentor.training.batches import Batch
from augmentor.training.networks import Optimised, initial_weights
from augmentor.training.step import Losses, StepContext, precision


@dataclass(frozen=True)
class Autoencoder:
    """Decoder and encoder with their optimisers."""

    decoder: Optimised[Generator]
    encoder: Optimised[Encoder]

    @property
    def trained(self) -> Mapping[str, Optimised[nn.Module]]:
        """Both networks by name."""
        return {"decoder": self.decoder, "encoder": self.encoder}

    @property
    def sampled(self) -> nn.Module:
        """The decoder."""
        return self.decoder.module


class VariationalModel(GenerativeModel[VariationalSpec, Autoencoder]):
    """An encoder and a decoder that are given the label (Kingma and Welling 2014; Sohn 2015)."""

    def networks(self, seed: int, device: torch.device) -> Autoencoder:
        """Return decoder and encoder with weights that depend on ``seed`` alone, on ``device``."""
        with initial_weights(seed):
            decoder, encoder = autoencoder_networks(self.spec.network, self.shape, self.n_classes)
        return Autoencoder(self.optimised(decoder, device), self.optimised(encoder, device))

    @property
    def latent(self) -> int:
        """How many standard normal numbers a sample is made from."""
        return self.spec.latent

    def begin_step(self, networks: Autoencoder, average: nn.Module, step: int) -> None:
        """Set the resolution of networks that grow."""
        grow(self.training, step, networks.decoder.module, networks.encoder.module, average)

    def step(self, networks: Autoencoder, batch: Batch, context: StepContext) -> Losses:
        """Update encoder and decoder by the evidence lower bound (Kingma 2014, Sohn 2015).

        ``critic_loss`` is the divergence per value, ``generator_loss`` the reconstruction's negative log
        likelihood per value.
        """
        decoder, encoder = networks.decoder.module, networks.encoder.module
        real = decoder.fade(batch.real)
        with precision(real.device):
            mean, log_variance = encoder(real, batch.labels, context.label_weight)
            latents = mean + (0.5 * log_variance).exp() * batch.latents
            rebuilt: Tensor = decoder(latents, batch.labels, context.label_weight, context.draws)
        reconstruction, divergence = negative_elbo(rebuilt, real, mean, log_variance)
        both = (networks.decoder, networks.encoder)
        for network in both:
            network.optimiser.zero_grad()
        (reconstruction + divergence).backward()
        average_gradients((*networks.encoder.parameters, *networks.decoder.parameters))
        for network in both:
            network.optimiser.step()
        return {"critic_loss": divergence.detach(), "generator_loss": reconstruction.detach()}

    def kept_critic(self, networks: Autoencoder) -> KeptCritic | None:
        """Return the encoder, None where there is one for each class."""
        if not self.spec.leaves_critic:
            return None
        return KeptCritic.of(
            networks.encoder.module, self.spec.network, self.shape, self.n_classes, role="encoder"
        )
