"""The architecture seam: ``(spec, shape, n_classes) -> (generator, critic)``, by a table of names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from torch import nn

from augmentor.core.errors import ConfigError
from augmentor.nets.conditional import Critic, Encoder, Generator
from augmentor.nets.dense import DenseBody, DenseTrunk
from augmentor.nets.flow import FlowNetwork
from augmentor.nets.grouped import GroupedBody, GroupedTrunk
from augmentor.nets.per_class import PerClassGenerator
from augmentor.nets.progressive import GrowingBody, GrowingTrunk
from augmentor.nets.residual import ResidualBody, ResidualTrunk
from augmentor.nets.sizing import auto_width
from augmentor.nets.spec import NetworkSpec
from augmentor.nets.stargan import StarGANGenerator
from augmentor.nets.strided import StridedBody, StridedTrunk
from augmentor.nets.style import AdainBody, SkipTrunk, StyleBody

Network = TypeVar("Network", bound=NetworkSpec)

Maker = Generator | FlowNetwork | StarGANGenerator | PerClassGenerator
"""Any network that makes samples: ``g(z, y, label_weight, draws)``, where z is what it starts from."""


@dataclass(frozen=True)
class Architecture:
    """The inner parts of the two networks.

    Attributes:
        body: ``(spec, inputs, shape) -> module`` from vectors (B, inputs) to samples, see
            :class:`augmentor.nets.conditional.Generator`.
        trunk: ``(spec, shape) -> module`` from samples to features, see
            :class:`augmentor.nets.conditional.Critic`.
    """

    body: Callable[[NetworkSpec, int, tuple[int, ...]], nn.Module]
    trunk: Callable[[NetworkSpec, tuple[int, ...]], nn.Module]


ARCHITECTURES: Mapping[str, Architecture] = {
    "residual": Architecture(ResidualBody, ResidualTrunk),
    "mlp": Architecture(DenseBody, DenseTrunk),
    "dcgan": Architecture(StridedBody, StridedTrunk),
    "r3gan": Architecture(GroupedBody, GroupedTrunk),
    "progressive": Architecture(GrowingBody, GrowingTrunk),
    "style": Architecture(StyleBody, SkipTrunk),
    "adain": Architecture(AdainBody, SkipTrunk),
}


def sized(spec: Network, shape: tuple[int, ...], images: int) -> Network:
    """Return ``spec`` with "auto" sizes replaced by numbers for this shape and number of images."""
    if spec.width != "auto":
        return spec
    return spec.model_copy(update={"width": auto_width(shape[1:], images)})


def networks(
    spec: NetworkSpec, shape: tuple[int, ...], n_classes: int, *, variational: bool = False
) -> tuple[Generator, Critic | Encoder]:
    """Return the generator and critic that ``spec`` asks for, or decoder and encoder.

    Args:
        spec: sizes resolved by :func:`sized`.
        shape: (C, *spatial) of one sample, one to three spatial dimensions.
        n_classes: number of classes.
        variational: put an encoder in the critic's place.

    Raises:
        ConfigError: if samples of ``shape`` have no network.
    """
    refuse_shape(spec.architecture, shape)
    architecture = ARCHITECTURES[spec.architecture]
    generator = Generator(spec, shape, n_classes, architecture.body)
    other = Encoder if variational else Critic
    return generator, other(spec, shape, n_classes, architecture.trunk)


def refuse_shape(name: str, shape: tuple[int, ...]) -> None:
    """Refuse samples that no network makes.

    Raises:
        ConfigError: if ``shape`` is not (C, *spatial) of one to three dimensions, or is too small.
    """
    # A perceptron has no grid to halve, so a single cell will do: the columns of a table as channels.
    fewest = 1 if name == "mlp" else 4
    if not 2 <= len(shape) <= 4 or min(shape) < 1 or max(shape[1:]) < fewest:
        raise ConfigError(
            f"the {name} networks make samples of shape (C, *spatial) with 1 to 3 spatial dimensions and "
            f"at least {fewest} cells along one of them, got {tuple(shape)}"
        )
