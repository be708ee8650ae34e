"""What a method is: networks, one training step, and how samples are made from what the training leaves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import nn

from augmentor.core.seeds import derive_seed
from augmentor.nets.sizing import auto_width
from augmentor.synthesizers.critic import KeptCritic
from augmentor.synthesizers.method_spec import MethodSpec
from augmentor.synthesizers.sampler import GeneratorSampler, Sampler
from augmentor.synthesizers.starts import Starts
from augmentor.synthesizers.starts_spec import StartsSpec
from augmentor.training.batches import Batch, BatchRules, BatchSource
from augmentor.training.networks import Networks, Optimised, placed, with_adam
from augmentor.training.regulators import Regulators
from augmentor.training.schedule import ema_decay, label_weight, learning_rate
from augmentor.training.spec import TrainingSpec
from augmentor.training.step import Losses, StepContext

Fields = TypeVar("Fields", bound=MethodSpec)
Trained = TypeVar("Trained", bound=Networks)
Network = TypeVar("Network", bound=nn.Module)


class GenerativeModel(ABC, Generic[Fields, Trained]):
    """One method, bound to its fields, a budget and the shape of the data.

    A method defines at least how its networks are made (:meth:`networks`) and one training step
    (:meth:`step`). The defaults are those of a generator from latents and labels whose weights are averaged.

    Args:
        spec: the method's fields, sizes resolved by :meth:`sized`.
        training: budget and optimiser.
        shape: (C, *spatial) of one row as the networks see it.
        n_classes: number of classes K.

    Raises:
        ConfigError: if the method has no networks for rows of this shape or so many classes.
    """

    takes: ClassVar[frozenset[str]] = frozenset({"labels"})
    """Parts of :class:`augmentor.core.conditions.Conditions` that samples can be made for."""

    distributed: ClassVar[bool] = True
    """Whether the processes of ``torchrun`` can share a training."""

    def __init__(self, spec: Fields, training: TrainingSpec, shape: tuple[int, ...], n_classes: int) -> None:
        self.spec, self.training, self.shape, self.n_classes = spec, training, shape, n_classes
        self.regulators = Regulators()

    @classmethod
    def sized(cls, spec: Fields, shape: tuple[int, ...], images: int) -> Fields:
        """Return ``spec`` with a width of "auto" replaced by a number for this shape and number of images."""
        if getattr(spec, "width", None) != "auto":
            return spec
        return spec.model_copy(update={"width": auto_width(shape[1:], images)})

    @abstractmethod
    def networks(self, seed: int, device: torch.device) -> Trained:
        """Return the networks with their first weights, which depend on ``seed`` alone, on ``device``."""

    def optimised(self, network: Network, device: torch.device) -> Optimised[Network]:
        """Return a network on ``device`` with the budget's optimiser."""
        return with_adam(placed(network, len(self.shape) - 1, device), self.training)

    @abstractmethod
    def step(self, networks: Trained, batch: Batch, context: StepContext) -> Losses:
        """Update the networks once."""

    @property
    def latent(self) -> int:
        """How many standard normal numbers a sample is made from."""
        return 0

    @property
    def rules(self) -> BatchRules:
        """How batches are drawn."""
        return BatchRules(self.training.batch, self.training.class_power, self.latent)

    @property
    def steps(self) -> int:
        """Number of steps of the whole training."""
        return self.training.steps

    @property
    def checkpoints(self) -> int:
        """How often the average is judged."""
        return self.training.checkpoints

    def step_seed(self, seed: int, step: int, rollbacks: int) -> int:
        """Return the seed of a step's random numbers."""
        return derive_seed(seed, "step", step, rollbacks)

    def learning_rate(self, step: int, factor: float) -> float:
        """Return the optimisers' learning rate at a step; ``factor`` is lower after a rollback."""
        return learning_rate(self.training, step, factor)

    def average_decay(self, step: int) -> float:
        """Return the decay of the average after ``step`` steps."""
        return ema_decay(self.training, step * self.training.batch)

    def begin_step(self, networks: Trained, average: nn.Module, step: int) -> None:
        """Set what changes over the training in the networks and in their average."""

    def draw(self, batches: BatchSource, step: int, draws: torch.Generator) -> Batch:
        """Return the batch of a step."""
        return batches.draw(draws)

    def readings(self, step: int) -> Mapping[str, Any]:
        """Return further columns of the history's row that ends with ``step``."""
        return {"label_weight": label_weight(self.training, step), **self.regulators.readings()}

    @property
    def starts_spec(self) -> StartsSpec | None:
        """Which training samples the samples start from; None where they start from noise."""
        return None

    def sampler(self, network: nn.Module, starts: Starts | None) -> Sampler:
        """Return what makes samples.

        Args:
            network: :attr:`Networks.sampled` with averaged weights.
            starts: the training samples that :attr:`starts_spec` chose, None where it is None.
        """
        device = next(network.parameters()).device
        return GeneratorSampler(network, self.shape, device, self.latent, starts)

    def kept_critic(self, networks: Trained) -> KeptCritic | None:
        """Return what classifiers can start from, None where a training leaves nothing of the kind."""
        return None
