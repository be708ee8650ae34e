"""The residual generator and critic, without normalisation in either.

Huang 2024 (R3GAN) shows that a residual network with a relativistic loss and two gradient penalties
needs neither normalisation nor the tricks of StyleGAN; this is that idea at the size of a few
hundred images, written by number of dimensions.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from augmentor.nets.blocks import ResidualBlock, minibatch_std
from augmentor.nets.conditioning import CONDITIONINGS
from augmentor.nets.layers import activate, cells, convolution, downsample, linear, upsample
from augmentor.nets.sizing import resolutions, stage_widths
from augmentor.nets.spec import NetworkSpec

LABEL_WIDTH = 32
"""Dimension of the generator's label vector."""

LAST_GAIN = 0.3
"""Initial scale of the generator's last convolution: the tanh starts where it has a slope."""


class ResidualGenerator(nn.Module):
    """From a latent and a label to a sample in [-1, 1].

    Args:
        spec: the network's declaration; ``width`` must be a number by now.
        shape: (C, *spatial) of one sample.
        n_classes: number of classes.
    """

    def __init__(self, spec: NetworkSpec, shape: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        ndim, width = len(shape) - 1, numeric_width(spec)
        self.latent = spec.latent
        self.grids = resolutions(shape[1:])
        widths = stage_widths(width, len(self.grids))
        self.embedding = CONDITIONINGS[spec.conditioning].embedding(n_classes, LABEL_WIDTH)
        self.base = linear(spec.latent + self.embedding.width, widths[0] * cells(self.grids[0]))
        self.changes = nn.ModuleList(
            convolution(ndim, before, after, 1) for before, after in pairwise(widths)
        )
        self.blocks = nn.ModuleList(ResidualBlock(ndim, channels) for channels in widths)
        self.last = convolution(ndim, width, shape[0], 3, gain=LAST_GAIN)

    def forward(self, z: Tensor, y: Tensor, strength: float = 1.0) -> Tensor:
        """Return samples (B, C, *spatial) in [-1, 1].

        Args:
            z: latents (B, latent), standard normal.
            y: labels (B,).
            strength: weight of the label, 0 (ignored) to 1.
        """
        x = self.base(torch.cat([z, self.embedding(y, strength)], 1))
        x = self.blocks[0](x.unflatten(1, (-1, *self.grids[0])))
        for change, block, grid in zip(self.changes, self.blocks[1:], self.grids[1:], strict=True):
            x = block(upsample(change(x), grid))
        return torch.tanh(self.last(activate(x)))


class ResidualCritic(nn.Module):
    """From a sample and its label to one logit; larger means more real.

    Args: as :class:`ResidualGenerator`.
    """

    def __init__(self, spec: NetworkSpec, shape: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        ndim, width = len(shape) - 1, numeric_width(spec)
        grids = resolutions(shape[1:])[::-1]
        widths = stage_widths(width, len(grids))[::-1]
        self.group = spec.minibatch_group
        self.first = convolution(ndim, shape[0], width, 3)
        self.blocks = nn.ModuleList(ResidualBlock(ndim, channels) for channels in widths)
        self.pools = nn.ModuleList(downsample(before, after) for before, after in pairwise(grids))
        self.changes = nn.ModuleList(
            convolution(ndim, before, after, 1) for before, after in pairwise(widths)
        )
        inputs = (widths[-1] + (1 if self.group else 0)) * cells(grids[-1])
        features = 4 * width
        self.features = linear(inputs, features)
        self.head = CONDITIONINGS[spec.conditioning].head(features, n_classes)

    def forward(self, x: Tensor, y: Tensor, strength: float = 1.0) -> Tensor:
        """Return logits (B,).

        Args:
            x: samples (B, C, *spatial) in [-1, 1]; with a minibatch group of k, each run of k rows
                is one group and should share its label.
            y: labels (B,).
            strength: weight of the label, 0 (ignored) to 1.
        """
        x = self.blocks[0](self.first(x))
        for pool, change, block in zip(self.pools, self.changes, self.blocks[1:], strict=True):
            x = block(change(pool(x)))
        x = activate(x)
        if self.group:
            x = minibatch_std(x, self.group)
        logits: Tensor = self.head(activate(self.features(x.flatten(1))), y, strength)
        return logits


def numeric_width(spec: NetworkSpec) -> int:
    """Return the width as a number.

    Raises:
        ValueError: if it is still "auto".
    """
    if spec.width == "auto":
        raise ValueError("resolve width 'auto' with nets.architectures.sized(spec, shape, images) first")
    return spec.width
