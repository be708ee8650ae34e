"""Layers with an equalised learning rate (Karras 2018, section 4.1), and pixel normalisation.

Weights start as standard normal numbers and are scaled at run time, w' = w · c, with He's constant
c = gain / sqrt(fan in). An optimiser that divides each step by the gradient's size (Adam) then moves every
weight by the same share of its spread, however many inputs its layer has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from augmentor.nets.blocks import Top
from augmentor.nets.layers import SLOPE
from augmentor.nets.spec import NetworkSpec

ACTIVATION_GAIN = math.sqrt(2 / (1 + SLOPE**2))
"""Keeps the second moment through a leaky ReLU (He 2015, equation 15)."""

EPSILON = 1e-8
"""Keeps roots of sums of squares away from 0, as in the papers."""

CONVOLUTIONS: Mapping[int, Callable[..., Tensor]] = {
    1: functional.conv1d,
    2: functional.conv2d,
    3: functional.conv3d,
}


class EqualisedLinear(nn.Linear):
    """A dense layer with an equalised learning rate.

    Maps (B, inputs) to (B, outputs).

    Args:
        inputs: input features.
        outputs: output features.
        gain: of He's constant.
        rate: share of the optimiser's learning rate that the layer gets (Karras 2019, appendix C): weights
            and biases are kept divided by it and multiplied by it at run time.
        bias: initial bias.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        gain: float = ACTIVATION_GAIN,
        rate: float = 1.0,
        bias: float = 0.0,
    ) -> None:
        super().__init__(inputs, outputs)
        self.scale, self.rate = gain * rate / math.sqrt(inputs), rate
        nn.init.normal_(self.weight, std=1 / rate)
        nn.init.constant_(self.bias, bias / rate)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs)."""
        bias = self.bias if self.rate == 1 else self.bias * self.rate
        return functional.linear(x, self.weight * self.scale, bias)


class EqualisedConv(nn.Module):
    """A convolution that keeps the grid, with an equalised learning rate.

    Maps (B, inputs, *grid) to (B, outputs, *grid), for 1, 2 or 3 dimensions.

    Args:
        ndim: number of dimensions of the grid.
        inputs: input channels.
        outputs: output channels.
        kernel: cells along a side, odd.
        gain: of He's constant.
    """

    def __init__(
        self, ndim: int, inputs: int, outputs: int, kernel: int, *, gain: float = ACTIVATION_GAIN
    ) -> None:
        super().__init__()
        self.convolve = CONVOLUTIONS[ndim]
        self.padding, self.scale = kernel // 2, gain / math.sqrt(inputs * kernel**ndim)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, *[kernel] * ndim))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, *grid)."""
        return self.convolve(x, self.weight * self.scale, self.bias, padding=self.padding)


class EqualisedTop(Top):
    """The end of a critic (:class:`augmentor.nets.blocks.Top`) with an equalised dense layer."""

    def __init__(self, spec: NetworkSpec, channels: int, positions: int, features: int) -> None:
        super().__init__(spec, channels, positions, features)
        self.layer = EqualisedLinear(self.layer.in_features, features)


def pixel_norm(x: Tensor) -> Tensor:
    """Return ``x`` (B, C, ...) over the root mean square of its channels (Karras 2018, section 4.2)."""
    # x * x is twice as fast as x.square() here, backwards.
    power = (x * x).mean(1, keepdim=True)
    return x * (power + EPSILON).rsqrt().to(x.dtype)


def across(x: Tensor, ndim: int) -> Tensor:
    """Return ``x`` (..., C) as (..., C, 1, ...), to go with every cell of a grid of ``ndim`` dimensions."""
    return x.reshape(*x.shape, *[1] * ndim)
