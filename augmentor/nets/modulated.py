"""Layers controlled by a style: modulated convolutions and adaptive instance normalisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from augmentor.nets.equalised import ACTIVATION_GAIN, EPSILON, EqualisedConv, across
from augmentor.nets.layers import activate, upsample

VARIANCE_EPSILON = 1e-5
"""Added to a variance before its root; of a channel that is constant nothing is left but the shift."""


class StyledLayer(nn.Module):
    """A layer that takes a part of the style.

    Attributes:
        neutral: the style (n,) that changes nothing; as many numbers are the layer's part.
    """

    neutral: Tensor


class ModulatedConv(StyledLayer):
    """A convolution with weights scaled by a style, row by row, and brought back to unit norm.

    Karras 2020: w'_ijk = s_i · w_ijk (equation 1) and w''_ijk = w'_ijk / sqrt(sum over i, k of w'_ijk² + eps)
    (equation 3). A convolution is linear, so all rows can share the weights w: s_i scales what comes in, the
    root divides what goes out. This equals one set of weights per row, at the cost of a plain
    convolution. Then come noise, bias and leaky ReLU.

    Args:
        ndim: number of dimensions of the grid.
        inputs: input channels.
        outputs: output channels.
    """

    def __init__(self, ndim: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layer = EqualisedConv(ndim, inputs, outputs, 3, gain=1.0)
        self.neutral = torch.ones(inputs)

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None, grid: tuple[int, ...]) -> Tensor:
        """Return (B, outputs, *grid).

        Args:
            x: (B or 1, inputs, *coarser), repeated to ``grid``.
            style: s, (B, inputs).
            noise: (B, 1, *grid) or None.
            grid: cells along each dimension.
        """
        ndim = len(grid)
        made = self.convolve(x, style, grid)
        made = made + across(self.layer.bias, ndim).to(made.dtype)
        return activate(made if noise is None else made + noise.to(made.dtype))

    def convolve(self, x: Tensor, style: Tensor, grid: tuple[int, ...]) -> Tensor:
        """Return the modulated and demodulated convolution alone; arguments as :meth:`forward`.

        Its gain makes up for the leaky ReLU after it.
        """
        layer, ndim = self.layer, len(grid)
        style = style * layer.scale
        # Scaled before it is repeated, which is less work.
        made = upsample(x * across(style, ndim), grid)
        made = layer.convolve(made, layer.weight, padding=layer.padding)
        power = style.square() @ layer.weight.square().flatten(2).sum(2).T
        return made * across(ACTIVATION_GAIN * (power + EPSILON).rsqrt(), ndim).to(made.dtype)


class AdainConv(StyledLayer):
    """A convolution, noise, bias and leaky ReLU, then adaptive instance normalisation.

    Karras 2019, equation 1: y_s · (x - mean(x)) / deviation(x) + y_b, mean and deviation over the cells of
    each channel of each row.

    Args: as :class:`ModulatedConv`.
    """

    def __init__(self, ndim: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layer = EqualisedConv(ndim, inputs, outputs, 3)
        self.neutral = torch.cat([torch.ones(outputs), torch.zeros(outputs)])

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None, grid: tuple[int, ...]) -> Tensor:
        """Return (B, outputs, *grid); as :meth:`ModulatedConv.forward` with ``style`` (B, 2 · outputs)."""
        made = self.layer(upsample(x, grid))
        made = activate(made if noise is None else made + noise.to(made.dtype))
        scale, shift = (across(part, len(grid)).to(made.dtype) for part in style.chunk(2, 1))
        # By hand: torch's instance_norm copies channels-last maps, which costs half as much again.
        cells = tuple(range(2, made.ndim))
        centred = made - made.mean(cells, keepdim=True)
        variance = (centred * centred).mean(cells, keepdim=True)
        return centred * ((variance + VARIANCE_EPSILON).rsqrt().to(made.dtype) * scale) + shift


class ModulatedOutput(StyledLayer):
    """A 1x1 convolution to samples, modulated without demodulation (Karras 2020, section B.1).

    Args:
        ndim: number of dimensions of the grid.
        inputs: input channels.
        outputs: channels of a sample.
        gain: initial scale.
    """

    def __init__(self, ndim: int, inputs: int, outputs: int, gain: float) -> None:
        super().__init__()
        self.layer = EqualisedConv(ndim, inputs, outputs, 1, gain=gain)
        self.neutral = torch.ones(inputs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Return (B, outputs, *grid) for ``x`` (B, inputs, *grid) and scales ``style`` (B, inputs)."""
        # One small matrix per row: scaling x instead would go through all of it once more.
        weight = self.layer.weight.flatten(1) * (style * self.layer.scale)[:, None]
        # Channels last, as the maps lie: flattened otherwise they would be copied, their gradients too.
        cells = x.movedim(1, -1)
        made = torch.bmm(cells.flatten(1, -2), weight.transpose(1, 2)) + self.layer.bias
        drawn: Tensor = made.unflatten(1, cells.shape[1:-1]).movedim(-1, 1)
        return drawn


class PlainOutput(StyledLayer):
    """A 1x1 convolution to samples that no style reaches; arguments as :class:`ModulatedOutput`."""

    def __init__(self, ndim: int, inputs: int, outputs: int, gain: float) -> None:
        super().__init__()
        self.layer = EqualisedConv(ndim, inputs, outputs, 1, gain=gain)
        self.neutral = torch.ones(0)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Return (B, outputs, *grid) for ``x`` (B, inputs, *grid); ``style`` is (B, 0)."""
        made: Tensor = self.layer(x)
        return made


class StyleLayers(NamedTuple):
    """What tells one generator with styles from another.

    Attributes:
        layer: ``(ndim, inputs, outputs) -> layer``, called with (x, style, noise, grid).
        output: ``(ndim, inputs, channels, gain) -> layer``, called with (x, style).
        skips: whether every stage makes a sample and these are summed (Karras 2020, figure 7b), or only
            the last one does.
    """

    layer: Callable[[int, int, int], StyledLayer]
    output: Callable[[int, int, int, float], StyledLayer]
    skips: bool


MODULATED = StyleLayers(ModulatedConv, ModulatedOutput, skips=True)
ADAIN = StyleLayers(AdainConv, PlainOutput, skips=False)
