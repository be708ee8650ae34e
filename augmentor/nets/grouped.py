"""Residual networks of grouped convolutions without normalisation (R3GAN, Huang 2024, section 4).

A block widens by a 1x1 convolution, mixes space by a grouped 3x3 convolution and returns by a 1x1
convolution (the inverted bottleneck of the paper's configuration E). The last convolution of a branch
starts small instead of at zero (Fixup, Zhang 2019), so that every weight learns from the first step.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from monai.networks.layers.factories import Conv
from torch import Tensor, nn

from augmentor.nets.blocks import BRANCH_GAIN, Top, numeric_width
from augmentor.nets.layers import (
    LAST_GAIN,
    SLOPE,
    activate,
    cells,
    convolution,
    downsample,
    linear,
    upsample,
)
from augmentor.nets.sizing import resolutions, stage_widths
from augmentor.nets.spec import NetworkSpec

EXPANSION = 2
"""Channels inside a block for each channel outside."""

GROUP_SIZE = 8
"""Channels of one group of the grouped convolution."""

BLOCKS = 2
"""Blocks a resolution, as in the paper."""


class GroupedBlock(nn.Module):
    """x + narrow(activation(grouped(activation(widen(x))))), Huang 2024, figure 3 (configuration E).

    Maps (B, C, *grid) to (B, C, *grid).
    """

    def __init__(self, ndim: int, channels: int) -> None:
        super().__init__()
        inner = EXPANSION * channels
        groups = max(1, inner // GROUP_SIZE) if inner % GROUP_SIZE == 0 else 1
        self.widen = convolution(ndim, channels, inner, 1)
        self.grouped: nn.Module = Conv[Conv.CONV, ndim](inner, inner, 3, padding=1, groups=groups, bias=True)
        nn.init.kaiming_normal_(self.grouped.weight, a=SLOPE)
        nn.init.zeros_(self.grouped.bias)
        self.narrow = convolution(ndim, inner, channels, 1, gain=BRANCH_GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, *grid)."""
        branch: Tensor = self.narrow(activate(self.grouped(activate(self.widen(x)))))
        return x + branch


class GroupedBody(nn.Module):
    """From a vector to a sample: a dense base, then two grouped blocks a resolution.

    Args:
        spec: the network's declaration; ``width`` must be a number by now.
        inputs: numbers in the vector.
        shape: (C, *spatial) of one sample.
    """

    def __init__(self, spec: NetworkSpec, inputs: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        ndim, width = len(shape) - 1, numeric_width(spec)
        self.grids = resolutions(shape[1:])
        widths = stage_widths(width, len(self.grids))
        self.base = linear(inputs, widths[0] * cells(self.grids[0]))
        self.changes = nn.ModuleList(
            convolution(ndim, before, after, 1) for before, after in pairwise(widths)
        )
        self.blocks = nn.ModuleList(_stage(ndim, channels) for channels in widths)
        self.last = convolution(ndim, width, shape[0], 3, gain=LAST_GAIN)

    def forward(self, vector: Tensor, draws: torch.Generator | None = None) -> Tensor:
        """Return (B, C, *spatial) for vectors (B, inputs); ``draws`` is not needed."""
        x = self.blocks[0](self.base(vector).unflatten(1, (-1, *self.grids[0])))
        for change, blocks, grid in zip(self.changes, self.blocks[1:], self.grids[1:], strict=True):
            x = blocks(upsample(change(x), grid))
        made: Tensor = self.last(activate(x))
        return made


class GroupedTrunk(nn.Module):
    """From a sample to features (B, 4 · width): the body's stages in reverse.

    Args:
        spec: as :class:`GroupedBody`.
        shape: (C, *spatial) of what comes in.
    """

    def __init__(self, spec: NetworkSpec, shape: tuple[int, ...]) -> None:
        super().__init__()
        ndim, width = len(shape) - 1, numeric_width(spec)
        grids = resolutions(shape[1:])[::-1]
        widths = stage_widths(width, len(grids))[::-1]
        self.first = convolution(ndim, shape[0], width, 3)
        self.blocks = nn.ModuleList(_stage(ndim, channels) for channels in widths)
        self.pools = nn.ModuleList(downsample(before, after) for before, after in pairwise(grids))
        self.changes = nn.ModuleList(
            convolution(ndim, before, after, 1) for before, after in pairwise(widths)
        )
        self.features = 4 * width
        self.top = Top(spec, widths[-1], cells(grids[-1]), self.features)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, F) of samples (B, C, *spatial)."""
        x = self.blocks[0](self.first(x))
        for pool, change, blocks in zip(self.pools, self.changes, self.blocks[1:], strict=True):
            x = blocks(change(pool(x)))
        features: Tensor = self.top(activate(x))
        return features


def _stage(ndim: int, channels: int) -> nn.Sequential:
    return nn.Sequential(*(GroupedBlock(ndim, channels) for _ in range(BLOCKS)))
