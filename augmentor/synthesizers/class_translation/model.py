"""Translation from richer classes by a classifier's gradient (Kim, Jeong and Shin 2020, M2m, algorithm 1).

A sample of class k starts as a real training sample of a richer class and descends the loss of a classifier
until that takes it for k. The rare class borrows the variety of the richer ones: pose, background, noise.

What differs from the paper: both classifiers are fitted beforehand (there, the penalised one is the
classifier in training), one after the other, each in half of the budget; a sample stops moving where it is
accepted; a rejected one is replaced by another start, never by a copy of a real one; the changes are smooth,
see :mod:`augmentor.objectives.translation`.

Which samples they start from, what becomes of the richest class, and that the synthesizer HOLDS TRAINING
SAMPLES: see :mod:`augmentor.synthesizers.starts`. The richest class's own samples are moved only while the
guide does not take them for their class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from augmentor.core.seeds import derive_seed
from augmentor.nets.classifier import SmallResNet
from augmentor.nets.layout import memory_format
from augmentor.synthesizers.class_translation.sampler import Classifiers, TranslationSampler
from augmentor.synthesizers.class_translation.spec import ClassTranslationSpec
from augmentor.synthesizers.model import GenerativeModel
from augmentor.synthesizers.starts import Starts
from augmentor.synthesizers.starts_spec import StartsSpec
from augmentor.training.batches import Batch, BatchRules, BatchSource
from augmentor.training.classifier import one_cycle, with_adamw
from augmentor.training.networks import Optimised, initial_weights, placed
from augmentor.training.step import Losses, StepContext

NAMES = ("guide", "other")
DEFERRED = 0.8
"""Share of a classifier's updates on classes as ``training.class_power`` draws them; in the rest all
classes are equally frequent (deferred re-sampling, Cao 2019, section 3.3)."""


@dataclass(frozen=True)
class ClassifierPair:
    """Both classifiers with their optimisers.

    Attributes:
        guide: trained in the first half of the budget.
        other: trained in the second.
        sampled: both as one module.
    """

    guide: Optimised[SmallResNet]
    other: Optimised[SmallResNet]
    sampled: Classifiers

    @property
    def trained(self) -> Mapping[str, Optimised[nn.Module]]:
        """Both classifiers by name."""
        return {"guide": self.guide, "other": self.other}


class ClassTranslationModel(GenerativeModel[ClassTranslationSpec, ClassifierPair]):
    """Two classifiers, trained one after the other in the common loop, and training samples to move."""

    distributed: ClassVar[bool] = False

    @classmethod
    def sized(cls, spec: ClassTranslationSpec, shape: tuple[int, ...], images: int) -> ClassTranslationSpec:
        """Return ``spec`` as it is: a width of "auto" is the classifier's own."""
        return spec

    def networks(self, seed: int, device: torch.device) -> ClassifierPair:
        """Return both classifiers with weights that depend on ``seed`` alone, on ``device``."""
        guide, other = (
            self._classifier(self._own_seed(seed, number), device) for number in range(len(NAMES))
        )
        return ClassifierPair(guide, other, Classifiers(guide.module, other.module))

    def _classifier(self, seed: int, device: torch.device) -> Optimised[SmallResNet]:
        channels = None if self.spec.width == "auto" else self.spec.width
        with initial_weights(seed):
            network = SmallResNet(self.shape, self.n_classes, channels)
        return with_adamw(placed(network, len(self.shape) - 1, device), self.training.rate)

    @staticmethod
    def _own_seed(seed: int, number: int) -> int:
        return derive_seed(seed, "classifier", number)

    @property
    def rules(self) -> BatchRules:
        """How batches are drawn."""
        return BatchRules(self.training.batch, self.training.class_power, latent=1)

    @property
    def starts_spec(self) -> StartsSpec:
        """Which training samples the samples start from."""
        return self.spec.starts

    @property
    def updates(self) -> int:
        """Updates of each classifier."""
        return max(1, self.training.steps // len(NAMES))

    @property
    def steps(self) -> int:
        """Updates of both."""
        return len(NAMES) * self.updates

    @property
    def checkpoints(self) -> int:
        """Only the end can be judged: before it one classifier is missing."""
        return 1

    def step_seed(self, seed: int, step: int, rollbacks: int) -> int:
        """Return the seed of a step's random numbers, each classifier's its own."""
        number, update = divmod(step, self.updates)
        again = (rollbacks,) if rollbacks else ()
        return derive_seed(self._own_seed(seed, number), "step", update, *again)

    def learning_rate(self, step: int, factor: float) -> float:
        """Return the learning rate: one cycle for each classifier."""
        progress = (step % self.updates + 0.5) / self.updates
        return factor * self.training.rate * one_cycle(progress)

    def average_decay(self, step: int) -> float:
        """Return 0: classifiers are taken as they are, not averaged."""
        return 0.0

    def draw(self, batches: BatchSource, step: int, draws: torch.Generator) -> Batch:
        """Return a batch, in the last part of each classifier's updates with all classes equally often."""
        deferred = step % self.updates >= DEFERRED * self.updates
        return batches.draw(draws, power=0.0 if deferred else None)

    def step(self, networks: ClassifierPair, batch: Batch, context: StepContext) -> Losses:
        """Update the classifier whose half of the budget it is, on samples under noise."""
        classifier = (networks.guide, networks.other)[context.step // self.updates]
        real, ndim = batch.real, batch.real.ndim
        level = self.spec.noise * torch.rand(len(real), generator=context.draws)
        noise = torch.randn(real.shape, generator=context.draws)
        noisy = real + (level.view(-1, *[1] * (ndim - 1)) * noise).to(real.device)
        x = noisy.to(memory_format=memory_format(ndim - 2))
        loss = cross_entropy(classifier.module(x), batch.labels)
        classifier.optimiser.zero_grad()
        loss.backward()
        classifier.optimiser.step()
        return {"classifier_loss": loss.detach()}

    def readings(self, step: int) -> Mapping[str, Any]:
        """Return which classifier a row of the history is about."""
        return {"network": NAMES[step // self.updates]}

    def sampler(self, network: nn.Module, starts: Starts | None) -> TranslationSampler:
        """Return what moves training samples into other classes."""
        assert starts is not None  # there is a starts_spec
        both = cast(Classifiers, network)
        device = next(network.parameters()).device
        return TranslationSampler(both, self.shape, device, self.spec, starts)
