"""A rectified flow: network and one training step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from augmentor.core.ranks import average_gradients, rank_slice, world_size
from augmentor.nets.architectures import refuse_shape
from augmentor.nets.flow import FlowNetwork, Integration
from augmentor.objectives.flow import draw_times, interpolate, velocity_loss
from augmentor.synthesizers.flow.spec import FlowSpec
from augmentor.synthesizers.model import GenerativeModel
from augmentor.training.batches import Batch
from augmentor.training.networks import Optimised, initial_weights
from augmentor.training.spec import GROUP
from augmentor.training.step import Losses, StepContext, precision


@dataclass(frozen=True)
class FlowNetworks:
    """The velocity network with its optimiser."""

    velocity: Optimised[FlowNetwork]

    @property
    def trained(self) -> Mapping[str, Optimised[nn.Module]]:
        """The network by name."""
        return {"velocity": self.velocity}

    @property
    def sampled(self) -> nn.Module:
        """The network, which integrates its own velocities."""
        return self.velocity.module


class FlowModel(GenerativeModel[FlowSpec, FlowNetworks]):
    """One U-Net that regresses the straight way from noise to a sample (Liu, Gong and Liu 2022)."""

    def networks(self, seed: int, device: torch.device) -> FlowNetworks:
        """Return the network with weights that depend on ``seed`` alone, on ``device``."""
        refuse_shape("flow", self.shape)
        spec = self.spec
        assert spec.width != "auto"  # sized
        way = Integration(spec.steps, spec.solver, spec.guidance)
        with initial_weights(seed):
            network = FlowNetwork(
                self.shape, self.n_classes, spec.width, way, labelled=spec.conditioning != "none"
            )
        return FlowNetworks(self.optimised(network, device))

    @property
    def latent(self) -> int:
        """As many standard normal numbers as a sample has values."""
        return math.prod(self.shape)

    def step(self, networks: FlowNetworks, batch: Batch, context: StepContext) -> Losses:
        """Update the network (Liu 2022, equation 1); labels are dropped until the transition is over.

        ``generator_loss`` is the velocity's squared error per value.
        """
        velocity, network = networks.velocity, networks.velocity.module
        real = batch.real
        # Every process draws for the whole batch, and takes what is its own.
        count = len(real) * world_size()
        mine = rank_slice(count, GROUP)
        drop = max(self.spec.label_drop, 1 - context.label_weight) if network.labelled else 1.0
        t = draw_times(count, self.spec.times, context.draws)[mine].to(real.device)
        blank = (torch.rand(count, generator=context.draws)[mine] < drop).to(real.device)
        labels = torch.where(blank, torch.full_like(batch.labels, network.null_label), batch.labels)
        noise = batch.latents.view_as(real)
        with precision(real.device):
            predicted = network.velocity(interpolate(noise, real, t), t, labels)
        loss = velocity_loss(predicted, noise, real).mean()
        velocity.optimiser.zero_grad()
        loss.backward()
        average_gradients(velocity.parameters)
        velocity.optimiser.step()
        return {"generator_loss": loss.detach()}
