"""Standard classifiers from the literature: ResNet-18, DenseNet-121 and a multilayer perceptron.

The two convolutional ones are MONAI's, in the layout of their papers for 1, 2 and 3 dimensions. They use
batch normalisation, which the small residual network avoids: a batch of real and synthetic rows shifts the
statistics that a real test image is normalised by. They are used with it everywhere, so it stays.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Final

from torch import Tensor, nn

from augmentor.core.errors import ConfigError
from augmentor.nets.classifier import Classifier, SmallResNet

DENSENET_SIDE = 29
"""DenseNet-121 halves the resolution five times, the last time by pooling 2 x 2 pixels that must exist."""
HIDDEN = 256


class Wrapped(Classifier):
    """A network of (B, C, *spatial) to logits (B, K) with the attributes of a classifier."""

    def __init__(self, shape: tuple[int, ...], n_classes: int, network: nn.Module) -> None:
        super().__init__(shape, n_classes)
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (B, K) of ``x`` (B, C, *spatial) in [-1, 1]."""
        logits: Tensor = self.network(x)
        return logits


def resnet18(shape: tuple[int, ...], n_classes: int, channels: int | None = None) -> Classifier:
    """Return ResNet-18 (He 2016, table 1: 7-wide stem of stride 2, then pooling)."""
    from monai.networks.nets import resnet18 as build

    _refuse_width("resnet18", channels)
    network = build(
        spatial_dims=_dimensions("resnet18", shape),
        n_input_channels=shape[0],
        num_classes=n_classes,
        conv1_t_stride=2,
        bias_downsample=False,
    )
    return Wrapped(shape, n_classes, network)


def densenet121(shape: tuple[int, ...], n_classes: int, channels: int | None = None) -> Classifier:
    """Return DenseNet-121 (Huang 2017, table 1); every side needs :data:`DENSENET_SIDE` pixels."""
    from monai.networks.nets import DenseNet121

    _refuse_width("densenet121", channels)
    dimensions = _dimensions("densenet121", shape)
    if min(shape[1:]) < DENSENET_SIDE:
        raise ConfigError(
            f"densenet121 needs samples of at least {DENSENET_SIDE} pixels a side, got {tuple(shape)}; take "
            "small_resnet or resnet18, or larger images (image.size)"
        )
    return Wrapped(
        shape, n_classes, DenseNet121(spatial_dims=dimensions, in_channels=shape[0], out_channels=n_classes)
    )


def mlp(shape: tuple[int, ...], n_classes: int, channels: int | None = None) -> Classifier:
    """Return a perceptron with two hidden layers of 256 on the values of a sample laid out flat."""
    _refuse_width("mlp", channels)
    layers = [
        nn.Flatten(),
        nn.Linear(prod(shape), HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, n_classes),
    ]
    return Wrapped(shape, n_classes, nn.Sequential(*layers))


NETWORKS: Final[dict[str, Callable[[tuple[int, ...], int, int | None], Classifier]]] = {
    "small_resnet": SmallResNet,
    "resnet18": resnet18,
    "densenet121": densenet121,
    "mlp": mlp,
}
"""Name to a function of (shape (C, *spatial), number of classes, width or None), giving the network."""


def _dimensions(name: str, shape: tuple[int, ...]) -> int:
    if not 1 <= len(shape) - 1 <= 3:
        raise ConfigError(
            f"{name} takes samples of shape (C, *spatial) with 1 to 3 spatial dimensions, got {tuple(shape)}"
        )
    return len(shape) - 1


def _refuse_width(name: str, channels: int | None) -> None:
    if channels is not None:
        raise ConfigError(
            f"evaluation.model.channels is the width of small_resnet; {name} has its own, got {channels}"
        )
