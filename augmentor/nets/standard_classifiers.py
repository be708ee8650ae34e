"""Networks that are always trained from new weights: the small residual one and a multilayer perceptron."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Final

from torch import Tensor, nn

from augmentor.core.errors import ConfigError
from augmentor.nets.classifier import Classifier, SmallResNet

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
    "mlp": mlp,
}
"""Name to a function of (shape (C, *spatial), number of classes, width or None), giving the network."""


def _refuse_width(name: str, channels: int | None) -> None:
    if channels is not None:
        raise ConfigError(
            f"evaluation.model.channels is the width of small_resnet; {name} has its own, got {channels}"
        )
