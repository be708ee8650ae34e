"""Building blocks shared by architectures, for any number of dimensions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from augmentor.nets.layers import activate, convolution, linear
from augmentor.nets.layout import channels_last_gradient
from augmentor.nets.sizing import resolutions, stage_widths
from augmentor.nets.spec import NetworkSpec

BRANCH_GAIN = 0.5
"""Initial scale of a residual branch's last convolution: small, so that depth does not amplify."""


class ResidualBlock(nn.Module):
    """x + convolution(activation(convolution(activation(x)))), without normalisation (He 2016b, figure 4e).

    Maps (B, C, *grid) to (B, C, *grid). The branch starts small instead of being normalised, as
    Zhang 2019 (Fixup) and Huang 2024 (R3GAN) do; not at zero, so that every weight learns from the
    first step.
    """

    def __init__(self, ndim: int, channels: int) -> None:
        super().__init__()
        self.first = convolution(ndim, channels, channels, 3)
        self.second = convolution(ndim, channels, channels, 3, gain=BRANCH_GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, *grid)."""
        branch: Tensor = self.second(activate(self.first(activate(x))))
        return x + branch


class Top(nn.Module):
    """The end of a critic: the minibatch standard deviation, then one dense layer to the features.

    Maps activated maps (B, C, *grid) to features (B, F).

    Args:
        spec: gives the groups of the minibatch standard deviation.
        channels: C.
        positions: cells of the grid.
        features: F.
    """

    def __init__(self, spec: NetworkSpec, channels: int, positions: int, features: int) -> None:
        super().__init__()
        self.group = spec.minibatch_group
        self.layer = linear((channels + (1 if self.group else 0)) * positions, features)

    def forward(self, x: Tensor) -> Tensor:
        """Return activated features (B, F)."""
        x = channels_last_gradient(x)
        if self.group:
            x = torch.cat([x, minibatch_std(x, self.group)], 1)
        return activate(self.layer(x.flatten(1)))


def minibatch_std(x: Tensor, group: int) -> Tensor:
    """Return the mean standard deviation within each group of rows, as a channel.

    Karras 2018, section 3, over groups of consecutive rows: group k holds rows k·group to
    (k+1)·group - 1. With rows sorted so that a group holds one class, the collapse of one class
    is visible, however varied the other classes are.

    Args:
        x: (B, C, *grid), B a multiple of ``group``.
        group: rows in a group, at least 2.

    Returns:
        (B, 1, *grid), in the dtype of ``x``.

    Raises:
        ValueError: if B is not a multiple of ``group``.
    """
    rows = len(x)
    if rows % group:
        raise ValueError(f"minibatch standard deviation needs a multiple of {group} rows, got {rows}")
    # Half precision would lose small spreads, which are the sign of a collapse.
    grouped = x.to(torch.promote_types(x.dtype, torch.float32)).reshape(
        rows // group, group, x.shape[1:].numel()
    )
    centred = grouped - grouped.mean(1, keepdim=True)
    # The root of a variance has no slope at 0, which is where a collapsed class lies.
    spread = (centred.square().mean(1) + 1e-8).sqrt().mean(1)
    channel = spread.repeat_interleave(group).reshape(rows, 1, *[1] * (x.ndim - 2))
    return channel.expand(rows, 1, *x.shape[2:]).to(x.dtype)


class Stages(NamedTuple):
    """The resolutions that a network goes through.

    Attributes:
        ndim: number of dimensions of a grid.
        width: channels at full resolution.
        grids: cells along each dimension, stage by stage.
        widths: channels, stage by stage.
    """

    ndim: int
    width: int
    grids: list[tuple[int, ...]]
    widths: list[int]


def generator_stages(spec: NetworkSpec, shape: tuple[int, ...]) -> Stages:
    """Return a generator's stages for samples (C, *spatial), coarsest first.

    Raises:
        ValueError: if the width is still "auto".
    """
    grids, width = resolutions(shape[1:]), numeric_width(spec)
    return Stages(len(shape) - 1, width, grids, stage_widths(width, len(grids)))


def critic_stages(spec: NetworkSpec, shape: tuple[int, ...]) -> Stages:
    """Return a critic's stages: those of :func:`generator_stages`, finest first."""
    stages = generator_stages(spec, shape)
    return stages._replace(grids=stages.grids[::-1], widths=stages.widths[::-1])


def numeric_width(spec: NetworkSpec) -> int:
    """Return the width as a number.

    Raises:
        ValueError: if it is still "auto".
    """
    if spec.width == "auto":
        raise ValueError("resolve width 'auto' with nets.architectures.sized(spec, shape, images) first")
    return spec.width
