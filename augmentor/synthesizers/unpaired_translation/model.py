"""Translation between classes by a game against a critic: networks and one training step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from augmentor.core.errors import ConfigError
from augmentor.nets.architectures import ARCHITECTURES, adversarial_networks, refuse_shape
from augmentor.nets.conditional import Critic
from augmentor.nets.per_class import PerClassCritic, PerClassGenerator
from augmentor.nets.stargan import StarGANGenerator
from augmentor.objectives.cycle import cycle_loss, identity_loss
from augmentor.synthesizers.game import GameModel
from augmentor.synthesizers.starts_spec import StartsSpec
from augmentor.synthesizers.unpaired_translation.spec import UnpairedTranslationSpec
from augmentor.training.adversarial import AdversarialStep, GanNetworks
from augmentor.training.batches import Batch, BatchRules
from augmentor.training.networks import initial_weights
from augmentor.training.spec import TrainingSpec

Translator = StarGANGenerator | PerClassGenerator


class UnpairedTranslationModel(GameModel[UnpairedTranslationSpec, Translator]):
    """One generator for all classes (Choi 2018, StarGAN), or one into each class (Zhu 2017, CycleGAN)."""

    def __init__(
        self, spec: UnpairedTranslationSpec, training: TrainingSpec, shape: tuple[int, ...], n_classes: int
    ) -> None:
        if n_classes < 2:
            raise ConfigError(
                f"method 'unpaired_translation' translates between classes, and needs at least two of them, "
                f"got {n_classes}"
            )
        super().__init__(spec, training, shape, n_classes)

    def networks(self, seed: int, device: torch.device) -> GanNetworks[Translator]:
        """Return generator and critic with weights that depend on ``seed`` alone, on ``device``."""
        with initial_weights(seed):
            generator, critic = self._pair()
        return GanNetworks(self.optimised(generator, device), self.optimised(critic, device))

    def _pair(self) -> tuple[Translator, Critic]:
        spec, shape, n_classes = self.spec.network, self.shape, self.n_classes
        if self.spec.networks == "per_class":
            refuse_shape("cyclegan", shape)
            generator = PerClassGenerator(spec, shape, n_classes)
            return generator, PerClassCritic(spec, shape, n_classes, ARCHITECTURES[spec.architecture].trunk)
        # The generator from latents is not needed; without it other weights would be drawn than in the
        # published measurements.
        _, critic = adversarial_networks(spec, shape, n_classes)
        return StarGANGenerator(spec, shape, n_classes), critic

    @property
    def rules(self) -> BatchRules:
        """How batches are drawn: with samples to start from, which a network of one class has of others."""
        shared = self.spec.networks == "shared"
        return replace(super().rules, sources="batch" if shared else "other classes")

    @property
    def starts_spec(self) -> StartsSpec:
        """Which training samples the samples start from."""
        return self.spec.starts

    @property
    def auxiliary_weight(self) -> float:
        """Weight of the auxiliary classifier's cross-entropy."""
        return self.spec.auxiliary_weight

    @property
    def classifies_fakes(self) -> bool:
        """The critic learns classes from real rows alone (Choi 2018, equation 2)."""
        return False

    def start(self, batch: Batch) -> Tensor:
        """Return the samples to translate."""
        assert batch.sources is not None  # as the rules ask
        return batch.sources

    def terms(
        self, step: AdversarialStep, networks: GanNetworks[Translator], fake: Tensor
    ) -> Iterator[Tensor]:
        """Return the cycle's and the identity's losses, each where it has a weight."""
        generator: nn.Module = networks.generator.module
        batch, context = step.batch, step.context
        if self.spec.cycle:
            assert batch.sources is not None  # as the rules ask
            with step.precision:
                rebuilt = generator(fake, batch.origins, context.label_weight, context.draws)
            yield self.spec.cycle * cycle_loss(batch.sources, rebuilt).mean()
        if "identity" in self.weights:
            with step.precision:
                same = generator(batch.real, batch.labels, context.label_weight, context.draws)
            yield self.weights["identity"] * identity_loss(batch.real, same).mean()
