"""Networks that grow from coarse to fine over a training (progressive growing, Karras 2018)."""

from __future__ import annotations

from typing import cast

from torch import nn

from augmentor.nets.conditional import Critic, Encoder, Generator
from augmentor.training.schedule import growth
from augmentor.training.spec import TrainingSpec


def grow(
    training: TrainingSpec, step: int, generator: Generator, other: Critic | Encoder, average: nn.Module
) -> None:
    """Set the resolution that ``step`` is trained at, in all networks; nothing where they do not grow.

    Args:
        training: gives the share of it over which they grow.
        step: from 0.
        generator: whose stages there are.
        other: critic, or encoder.
        average: of the generator.
    """
    if generator.stages == 1:
        return
    position = growth(training, step, generator.stages)
    for network in (generator, other, cast(Generator, average)):
        network.grow(position)
