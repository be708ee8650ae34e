"""Residual networks of grouped convolutions without normalisation (R3GAN, Huang 2024, section 4).

A block widens by a 1x1 convolution, mixes space by a grouped 3x3 convolution and returns by a 1x1
convolution (the inverted bottleneck of the paper's configuration E). The last convolution of a branch
starts small instead of at zero (Fixup, Zhang 2019), so that every weight learns from the first step.
"""

from __future__ import annotations

from monai.networks.layers.factories import Conv
from torch import Tensor, nn

from augmentor.nets.blocks import BRANCH_GAIN
from augmentor.nets.layers import SLOPE, activate, convolution
from augmentor.nets.residual import ResidualBody, ResidualTrunk

EXPANSION = 2
"""Channels inside a block for each channel outside."""

GROUP_SIZE = 8
"""Channels of one group of the grouped convolution."""

BLOCKS = 2
"""Blocks per resolution, as in the paper."""


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


class GroupedBody(ResidualBody):
    """The residual body with two grouped blocks per resolution; arguments and shapes are the same."""

    @staticmethod
    def stage(ndim: int, channels: int) -> nn.Module:
        """Return two grouped blocks."""
        return _stage(ndim, channels)


class GroupedTrunk(ResidualTrunk):
    """The residual trunk with two grouped blocks per resolution; arguments and shapes are the same."""

    @staticmethod
    def stage(ndim: int, channels: int) -> nn.Module:
        """Return two grouped blocks."""
        return _stage(ndim, channels)


def _stage(ndim: int, channels: int) -> nn.Sequential:
    return nn.Sequential(*(GroupedBlock(ndim, channels) for _ in range(BLOCKS)))
