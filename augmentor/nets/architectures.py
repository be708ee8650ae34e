"""The architecture seam: ``(spec, shape, n_classes) -> networks``, by a table of names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from augmentor.core.errors import ConfigError
from augmentor.nets.conditional import Critic, Encoder, Generator
from augmentor.nets.dense import DenseBody, DenseTrunk
from augmentor.nets.grouped import GroupedBody, GroupedTrunk
from augmentor.nets.progressive import GrowingBody, GrowingTrunk
from augmentor.nets.residual import ResidualBody, ResidualTrunk
from augmentor.nets.spec import NetworkSpec
from augmentor.nets.strided import StridedBody, StridedTrunk
from augmentor.nets.style import AdainBody, SkipTrunk, StyleBody


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


def adversarial_networks(
    spec: NetworkSpec, shape: tuple[int, ...], n_classes: int
) -> tuple[Generator, Critic]:
    """Return the generator and critic that ``spec`` asks for, in the order that their weights are drawn.

    Args:
        spec: ``width`` must be a number by now.
        shape: (C, *spatial) of one sample, one to three spatial dimensions.
        n_classes: number of classes.

    Raises:
        ConfigError: if samples of ``shape`` have no network.
    """
    refuse_shape(spec.architecture, shape)
    architecture = ARCHITECTURES[spec.architecture]
    generator = Generator(spec, shape, n_classes, architecture.body)
    return generator, Critic(spec, shape, n_classes, architecture.trunk)


def autoencoder_networks(
    spec: NetworkSpec, shape: tuple[int, ...], n_classes: int
) -> tuple[Generator, Encoder]:
    """Return the decoder and encoder that ``spec`` asks for; as :func:`adversarial_networks`."""
    refuse_shape(spec.architecture, shape)
    architecture = ARCHITECTURES[spec.architecture]
    decoder = Generator(spec, shape, n_classes, architecture.body)
    return decoder, Encoder(spec, shape, n_classes, architecture.trunk)


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
