"""Multilayer perceptrons, for small samples of any number of dimensions (Goodfellow 2014).

The original uses rectifiers in the generator and maxout with dropout in the critic; leaky rectifiers
take the place of both in the critic, as everywhere since Radford 2015.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from augmentor.nets.blocks import Top, numeric_width
from augmentor.nets.layers import LAST_GAIN, activate, linear
from augmentor.nets.spec import NetworkSpec

HIDDEN = 8
"""Hidden units for each channel that a convolutional network of the same width would have."""


class DenseBody(nn.Module):
    """From a vector to a sample through two hidden layers.

    Args:
        spec: the network's declaration; ``width`` must be a number by now.
        inputs: numbers in the vector.
        shape: (C, *spatial) of one sample.
    """

    def __init__(self, spec: NetworkSpec, inputs: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape, hidden = shape, HIDDEN * numeric_width(spec)
        sizes = (inputs, hidden, 2 * hidden)
        normed = spec.norms[0] == "batch"
        # Batch normalisation would subtract a bias at once.
        self.layers = nn.ModuleList(linear(sizes[k], sizes[k + 1], bias=not normed) for k in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) if normed else nn.Identity() for size in sizes[1:])
        self.last = linear(sizes[-1], math.prod(shape))
        with torch.no_grad():
            self.last.weight.mul_(LAST_GAIN)

    def forward(self, vector: Tensor, draws: torch.Generator | None = None) -> Tensor:
        """Return (B, C, *spatial) for vectors (B, inputs); ``draws`` is not needed."""
        x = vector
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = activate(norm(layer(x)))
        made: Tensor = self.last(x).view(-1, *self.shape)
        return made


class DenseTrunk(nn.Module):
    """From a sample to features (B, 8 · width) through two hidden layers.

    Args:
        spec: as :class:`DenseBody`.
        shape: (C, *spatial) of what comes in.
    """

    def __init__(self, spec: NetworkSpec, shape: tuple[int, ...]) -> None:
        super().__init__()
        hidden = HIDDEN * numeric_width(spec)
        sizes = (math.prod(shape), 2 * hidden, hidden)
        self.layers = nn.ModuleList(linear(sizes[k], sizes[k + 1]) for k in range(2))
        normed = spec.norms[1] == "layer"
        self.norms = nn.ModuleList(nn.LayerNorm(size) if normed else nn.Identity() for size in sizes[1:])
        self.features = hidden
        self.top = Top(spec, hidden, 1, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, F) of samples (B, C, *spatial)."""
        x = x.flatten(1)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = activate(norm(layer(x)))
        features: Tensor = self.top(x.unsqueeze(2))
        return features
