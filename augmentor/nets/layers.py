"""Layers by number of dimensions, and resampling that fits any size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from monai.networks.layers.factories import Conv, Pool
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
"""Negative slope of every leaky ReLU."""

LAST_GAIN = 0.3
"""Initial scale of a generator's last layer: the tanh starts where it has a slope."""


def convolution(ndim: int, inputs: int, outputs: int, kernel: int, *, gain: float = 1.0) -> nn.Module:
    """Return a convolution that keeps the grid, for 1, 2 or 3 dimensions.

    Weights are He-normal for leaky ReLU (He 2015, equation 15) times ``gain``, biases zero.
    """
    layer: nn.Module = Conv[Conv.CONV, ndim](inputs, outputs, kernel, padding=kernel // 2)
    assert isinstance(layer.weight, Tensor)
    assert isinstance(layer.bias, Tensor)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    nn.init.zeros_(layer.bias)
    with torch.no_grad():
        layer.weight.mul_(gain)
    return layer


def linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """Return a linear layer with He-normal weights for leaky ReLU and zero bias, or none."""
    layer = nn.Linear(inputs, outputs, bias=bias)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def downsample(before: Sequence[int], after: Sequence[int]) -> nn.Module:
    """Return the average pooling that takes the grid ``before`` to ``after``.

    Sides that stay have a window of 1. A last window that hangs over an odd side averages the
    cells that exist.
    """
    window = tuple(1 if old == new else 2 for old, new in zip(before, after, strict=True))
    layer: nn.Module = Pool[Pool.AVG, len(window)](window, ceil_mode=True)
    return layer


def activate(x: Tensor) -> Tensor:
    """Return leaky ReLU of ``x``."""
    return functional.leaky_relu(x, SLOPE)


def upsample(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return ``x`` (B, C, *grid) resampled by the nearest neighbour to (B, C, *size)."""
    return x if x.shape[2:] == size else functional.interpolate(x, size=size, mode="nearest")


def cells(grid: Sequence[int]) -> int:
    """Return the number of cells of a grid."""
    return math.prod(grid)
