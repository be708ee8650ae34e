"""A network with an input of its own: size, channels and normalisation are its affair, not the data's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from augmentor.core.errors import ConfigError
from augmentor.nets.classifier import Classifier

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of ImageNet's training images in [0, 1], red, green, blue: what published weights were trained with."""
VALUES_AT_ONCE = 2**22
"""Input values that predictions are made of together, at most, but for a sample larger than that."""


class Preparation(nn.Module):
    """Samples (B, C, *spatial) in [-1, 1] to what a network is given (B, channels, *size).

    Args:
        shape: (C, *spatial) of one sample.
        channels: of the network; one channel is repeated, any other difference is refused.
        size: cells along each side, None for those of the samples.
        mean: what is taken off each channel where values lie in [0, 1], one for all or one a channel.
        std: what it is divided by then. A mean and deviation of 0.5 leave values in [-1, 1].

    Raises:
        ConfigError: if channels or numbers do not fit.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        channels: int,
        size: int | None = None,
        mean: Sequence[float] = (0.5,),
        std: Sequence[float] = (0.5,),
    ) -> None:
        super().__init__()
        if shape[0] not in (1, channels):
            raise ConfigError(
                f"evaluation.model: the network takes {channels} channels and the samples have {shape[0]}; "
                "one channel is repeated, other numbers have no rule: bring the data to that many "
                "(image.colour)"
            )
        if len(mean) not in (1, channels):
            raise ConfigError(
                f"evaluation.model.input.normalisation has {len(mean)} means, and the network takes "
                f"{channels} channels; give one for each, or one for all"
            )
        self.channels, spatial = channels, shape[1:]
        self.identity = set(mean) == set(std) == {0.5}
        axes = (1, -1, *(1 for _ in spatial))
        # From [-1, 1]: ((x + 1) / 2 - mean) / std.
        std_ = torch.tensor(std, dtype=torch.float64).reshape(axes)
        mean_ = torch.tensor(mean, dtype=torch.float64).reshape(axes)
        self.register_buffer("scale", (0.5 / std_).float(), persistent=False)
        self.register_buffer("shift", ((0.5 - mean_) / std_).float(), persistent=False)
        self.resized = [axis for axis, side in enumerate(spatial) if size is not None and side != size]
        for axis in self.resized:
            assert size is not None
            self.register_buffer(f"along_{axis}", resampling(spatial[axis], size), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the network is given."""
        for axis in self.resized:
            matrix = self.get_buffer(f"along_{axis}")
            x = torch.movedim(torch.movedim(x, axis + 2, -1) @ matrix.T, -1, axis + 2)
        if x.shape[1] != self.channels:
            x = x.expand(-1, self.channels, *x.shape[2:])
        return x if self.identity else x * self.get_buffer("scale") + self.get_buffer("shift")


class Prepared(Classifier):
    """A network of prepared samples to logits (B, K).

    Args:
        shape: (C, *spatial) of one sample of the data.
        n_classes: number of classes K.
        network: takes what ``preparation`` gives.
        preparation: of the samples.
    """

    def __init__(
        self, shape: tuple[int, ...], n_classes: int, network: nn.Module, preparation: Preparation
    ) -> None:
        super().__init__(shape, n_classes)
        self.preparation, self.network = preparation, network
        self.at_once = at_once(preparation, shape)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (B, K) of ``x`` (B, C, *spatial) in [-1, 1]."""
        logits: Tensor = self.network(self.preparation(x))
        return logits


def last_linear(network: nn.Module) -> tuple[str, nn.Linear] | None:
    """Return name and module of the last linear layer, in the order in which layers were made."""
    found = [(name, one) for name, one in network.named_modules() if isinstance(one, nn.Linear)]
    return found[-1] if found else None


def replace(network: nn.Module, name: str, layer: nn.Module) -> None:
    """Put ``layer`` in the place of the module ``name`` of a network."""
    parent, _, last = name.rpartition(".")
    setattr(network.get_submodule(parent) if parent else network, last, layer)


def without_last_linear(network: nn.Module) -> None:
    """Take off the last linear layer: the network then gives what that layer was given.

    Raises:
        ConfigError: if there is none.
    """
    found = last_linear(network)
    if found is None:
        raise ConfigError("evaluation.model: the network has no linear layer that could be taken off")
    replace(network, found[0], nn.Identity())


def at_once(preparation: Preparation, shape: tuple[int, ...]) -> int:
    """Return how many samples (C, *spatial) a network is given together when nothing is learnt."""
    with torch.no_grad():
        values = int(preparation(torch.zeros(1, *shape)).numel())
    return max(1, min(Classifier.at_once, VALUES_AT_ONCE // values))


def resampling(before: int, after: int) -> Tensor:
    """Return the matrix (after, before) that brings so many values to so many others along a line.

    Linear interpolation between cell centres where it grows. Where it shrinks the triangle is as much wider,
    so that no pattern is made that was not there (low-pass). Rows sum to one.
    """
    ratio = before / after
    width = max(1.0, ratio)
    centres = (torch.arange(after, dtype=torch.float64) + 0.5) * ratio
    cells = torch.arange(before, dtype=torch.float64) + 0.5
    weights = (1 - (cells - centres[:, None]).abs() / width).clamp(min=0)
    return (weights / weights.sum(1, keepdim=True)).float()
