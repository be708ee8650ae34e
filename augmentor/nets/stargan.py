"""The generator of StarGAN: from a sample and a label to the same sample in another class (Choi 2018)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from augmentor.nets.blocks import BRANCH_GAIN, critic_stages
from augmentor.nets.classifier import groups_of
from augmentor.nets.layers import LAST_GAIN, activate, convolution, downsample, upsample
from augmentor.nets.spec import NetworkSpec

HALVINGS = 2
"""The bottleneck is so many times halved, as in the paper (appendix, table 4)."""

BLOCKS = 3
"""Residual blocks of the bottleneck; six in the paper, for pictures of 128 pixels."""


class NormedBlock(nn.Module):
    """x + convolution(activation(norm(convolution(activation(norm(x)))))) (He 2016b, figure 4e).

    Maps (B, C, *grid) to (B, C, *grid). Normalises over groups of channels, each row by itself, where the
    paper does so over single channels (instance normalisation): that takes the mean of each channel away, and
    with it nearly all that the planes of a label leave behind a convolution.
    """

    def __init__(self, ndim: int, channels: int) -> None:
        super().__init__()
        self.first_norm = nn.GroupNorm(groups_of(channels), channels)
        self.first = convolution(ndim, channels, channels, 3)
        self.second_norm = nn.GroupNorm(groups_of(channels), channels)
        self.second = convolution(ndim, channels, channels, 3, gain=BRANCH_GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, *grid)."""
        inner = self.first(activate(self.first_norm(x)))
        branch: Tensor = self.second(activate(self.second_norm(inner)))
        return x + branch


class StarGANGenerator(nn.Module):
    """G(x, c) of Choi 2018, section 3.1: a sample beside its label's planes, halved, changed and doubled.

    The paper's network (appendix, table 4) at the size of a few hundred images: the label as one plane per
    class, 0 or ``label_weight``, residual blocks at the bottleneck, tanh at the end. In the few hundred
    generator steps of such a training, it would learn one image per class long before it learns to keep
    anything of x. So x has two ways past the bottleneck: skip connections at every resolution, and a mask
    m in (0, 1) blends the output with the input, m tanh(h) + (1 - m) x (Pumarola 2018,
    GANimation, equation 1).

    Args:
        spec: the network's declaration; ``width`` must be a number by now.
        shape: (C, *spatial) of one sample.
        n_classes: number of classes K; 0 for a network of one class, which has no label.

    Attributes:
        stages: 1, as it does not grow.
    """

    stages = 1

    def __init__(self, spec: NetworkSpec, shape: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        ndim, width, grids, widths = critic_stages(spec, shape)
        grids, widths = grids[: HALVINGS + 1], widths[: HALVINGS + 1]
        self.n_classes, self.grids = n_classes, grids
        self.first = convolution(ndim, shape[0] + n_classes, width, 3)
        self.pools = nn.ModuleList(downsample(before, after) for before, after in pairwise(grids))
        self.down = nn.ModuleList(convolution(ndim, before, after, 3) for before, after in pairwise(widths))
        self.blocks = nn.Sequential(*(NormedBlock(ndim, widths[-1]) for _ in range(BLOCKS)))
        rising = widths[::-1]
        self.up = nn.ModuleList(convolution(ndim, before, after, 3) for before, after in pairwise(rising))
        self.ends = nn.ModuleList(NormedBlock(ndim, channels) for channels in rising[1:])
        self.last = convolution(ndim, width, shape[0] + 1, 3, gain=LAST_GAIN)

    def forward(
        self, x: Tensor, y: Tensor, label_weight: float = 1.0, draws: torch.Generator | None = None
    ) -> Tensor:
        """Return samples (B, C, *spatial) in [-1, 1].

        Args:
            x: samples (B, C, *spatial) in [-1, 1] of any classes.
            y: (B,) the classes they are to be of.
            label_weight: weight of the label, 0 (ignored) to 1.
            draws: not needed; the same sample and label always give the same sample.
        """
        h = self.first(self._labelled(x, y, label_weight))
        kept: list[Tensor] = []
        for pool, change in zip(self.pools, self.down, strict=True):
            kept.append(h)
            h = change(pool(activate(h)))
        h = self.blocks(h)
        for change, block, grid in zip(self.up, self.ends, self.grids[-2::-1], strict=True):
            h = block(kept.pop() + change(upsample(activate(h), grid)))
        made, mask = self.last(activate(h)).split([x.shape[1], 1], 1)
        share = torch.sigmoid(mask)
        return share * torch.tanh(made) + (1 - share) * x

    def _labelled(self, x: Tensor, y: Tensor, label_weight: float) -> Tensor:
        """Return samples beside their labels' planes, (B, C + K, *spatial)."""
        if not self.n_classes:
            return x
        planes = functional.one_hot(y, self.n_classes).to(x.dtype) * label_weight
        planes = planes.view(*planes.shape, *[1] * (x.ndim - 2)).expand(-1, -1, *x.shape[2:])
        return torch.cat([x, planes], 1)
