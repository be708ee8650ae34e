"""The residual generator and critic, without normalisation in either.

Huang 2024 (R3GAN) shows that a residual network with a relativistic loss and two gradient penalties
needs neither normalisation nor the tricks of StyleGAN; this is that idea at the size of a few
hundred images, written by number of dimensions.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from augmentor.nets.blocks import ResidualBlock, Top, critic_stages, generator_stages
from augmentor.nets.layers import LAST_GAIN, activate, cells, convolution, downsample, linear, upsample
from augmentor.nets.spec import NetworkSpec


class ResidualBody(nn.Module):
    """From a vector to a sample, before the tanh: a dense base, then one block per resolution.

    Args:
        spec: the network's declaration; ``width`` must be a number by now.
        inputs: numbers in the vector.
        shape: (C, *spatial) of one sample.
    """

    def __init__(self, spec: NetworkSpec, inputs: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        ndim, width, self.grids, widths = generator_stages(spec, shape)
        self.base = linear(inputs, widths[0] * cells(self.grids[0]))
        self.changes = nn.ModuleList(
            convolution(ndim, before, after, 1) for before, after in pairwise(widths)
        )
        self.blocks = nn.ModuleList(self.stage(ndim, channels) for channels in widths)
        self.last = convolution(ndim, width, shape[0], 3, gain=LAST_GAIN)

    @staticmethod
    def stage(ndim: int, channels: int) -> nn.Module:
        """Return what one resolution consists of, (B, C, *grid) to (B, C, *grid)."""
        return ResidualBlock(ndim, channels)

    def forward(self, vector: Tensor, draws: torch.Generator | None = None) -> Tensor:
        """Return (B, C, *spatial) for vectors (B, inputs); ``draws`` is not needed."""
        x = self.base(vector)
        x = self.blocks[0](x.unflatten(1, (-1, *self.grids[0])))
        for change, block, grid in zip(self.changes, self.blocks[1:], self.grids[1:], strict=True):
            x = block(upsample(change(x), grid))
        made: Tensor = self.last(activate(x))
        return made


class ResidualTrunk(nn.Module):
    """From a sample to features (B, 4 · width): the body's blocks in reverse, with average pooling.

    Args:
        spec: as :class:`ResidualBody`.
        shape: (C, *spatial) of what comes in.
    """

    def __init__(self, spec: NetworkSpec, shape: tuple[int, ...]) -> None:
        super().__init__()
        ndim, width, grids, widths = critic_stages(spec, shape)
        self.first = convolution(ndim, shape[0], width, 3)
        self.blocks = nn.ModuleList(self.stage(ndim, channels) for channels in widths)
        self.pools = nn.ModuleList(downsample(before, after) for before, after in pairwise(grids))
        self.changes = nn.ModuleList(
            convolution(ndim, before, after, 1) for before, after in pairwise(widths)
        )
        self.features = 4 * width
        self.top = Top(spec, widths[-1], cells(grids[-1]), self.features)

    @staticmethod
    def stage(ndim: int, channels: int) -> nn.Module:
        """Return what one resolution consists of, (B, C, *grid) to (B, C, *grid)."""
        return ResidualBlock(ndim, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, F) of samples (B, C, *spatial)."""
        x = self.blocks[0](self.first(x))
        for pool, change, block in zip(self.pools, self.changes, self.blocks[1:], strict=True):
            x = block(change(pool(x)))
        features: Tensor = self.top(activate(x))
        return features
