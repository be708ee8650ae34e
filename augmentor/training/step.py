"""One training step as the loop sees it: what a method is given, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from augmentor.training.batches import Batch, BatchSource
from augmentor.training.networks import Networks
from augmentor.training.regulators import Regulators

Trained = TypeVar("Trained", bound=Networks, contravariant=True)

Losses = Mapping[str, Tensor]
"""Means over the batch, detached scalars, by column of the history; what a step did not have is absent.

The report draws ``critic_loss`` and ``generator_loss``; ``penalty`` is the sum of the weighted penalties.
"""


@dataclass(frozen=True)
class StepContext:
    """The state of the training at one step.

    Attributes:
        step: number of the step, from 0.
        label_weight: weight of the label, 0 to 1 (transitional training, Shahbazi 2022).
        draws: where all random numbers of the step come from, on the CPU.
    """

    step: int
    label_weight: float
    draws: torch.Generator


class Trainable(Protocol[Trained]):
    """A method as the loop trains it; see :class:`augmentor.synthesizers.model.GenerativeModel`."""

    @property
    def steps(self) -> int:
        """Number of steps."""

    @property
    def checkpoints(self) -> int:
        """How often the average is judged."""

    @property
    def regulators(self) -> Regulators:
        """What remembers earlier steps, besides networks and optimisers."""

    def step_seed(self, seed: int, step: int, rollbacks: int) -> int:
        """Return the seed of a step's random numbers."""

    def learning_rate(self, step: int, factor: float) -> float:
        """Return the optimisers' learning rate at a step; ``factor`` is lower after a rollback."""

    def average_decay(self, step: int) -> float:
        """Return the decay of the average after ``step`` steps."""

    def begin_step(self, networks: Trained, average: nn.Module, step: int) -> None:
        """Set what changes over the training in the networks and in their average."""

    def draw(self, batches: BatchSource, step: int, draws: torch.Generator) -> Batch:
        """Return the batch of a step."""

    def step(self, networks: Trained, batch: Batch, context: StepContext) -> Losses:
        """Update the networks once."""

    def readings(self, step: int) -> Mapping[str, Any]:
        """Return further columns of the history's row that ends with ``step``."""


def precision(device: torch.device) -> AbstractContextManager[None]:
    """Return bfloat16 autocast on CUDA, nothing elsewhere."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()
