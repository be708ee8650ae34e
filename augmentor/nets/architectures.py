"""The architecture seam: ``(spec, shape, n_classes) -> (generator, critic)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from torch import Tensor, nn

from augmentor.core.errors import ConfigError
from augmentor.nets.residual import ResidualCritic, ResidualGenerator
from augmentor.nets.sizing import auto_width
from augmentor.nets.spec import NetworkSpec

Network = TypeVar("Network", bound=NetworkSpec)


class GeneratorNet(Protocol):
    """A module ``g(z, y, strength) -> (B, C, *spatial)`` in [-1, 1]."""

    latent: int

    def __call__(self, z: Tensor, y: Tensor, strength: float = 1.0) -> Tensor:
        """Return samples (B, C, *spatial)."""


Architecture = Callable[[NetworkSpec, tuple[int, ...], int], tuple[nn.Module, nn.Module]]


def residual(spec: NetworkSpec, shape: tuple[int, ...], n_classes: int) -> tuple[nn.Module, nn.Module]:
    """Return the residual generator and critic (Huang 2024), see :mod:`augmentor.nets.residual`."""
    return ResidualGenerator(spec, shape, n_classes), ResidualCritic(spec, shape, n_classes)


ARCHITECTURES: Mapping[str, Architecture] = {"residual": residual}


def sized(spec: Network, shape: tuple[int, ...], images: int) -> Network:
    """Return ``spec`` with "auto" sizes replaced by numbers for this shape and number of images."""
    if spec.width != "auto":
        return spec
    return spec.model_copy(update={"width": auto_width(shape[1:], images)})


def networks(spec: NetworkSpec, shape: tuple[int, ...], n_classes: int) -> tuple[nn.Module, nn.Module]:
    """Return the generator and critic that ``spec`` asks for.

    Args:
        spec: sizes resolved by :func:`sized`.
        shape: (C, *spatial) of one sample, one to three spatial dimensions.
        n_classes: number of classes.

    Raises:
        ConfigError: if samples of ``shape`` have no network.
    """
    if not 2 <= len(shape) <= 4 or min(shape) < 1 or max(shape[1:]) < 4:
        raise ConfigError(
            f"the {spec.architecture} networks make series, images and volumes of shape (C, *spatial) "
            f"with 1 to 3 spatial dimensions and at least 4 cells along one of them, got {tuple(shape)}"
        )
    return ARCHITECTURES[spec.architecture](spec, shape, n_classes)
