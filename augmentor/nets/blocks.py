"""Building blocks shared by architectures, for any number of dimensions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from augmentor.nets.layers import activate, convolution

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


def minibatch_std(x: Tensor, group: int) -> Tensor:
    """Append the mean standard deviation within each group of rows as one more channel.

    Karras 2018, section 3, over groups of consecutive rows: group k holds rows k·group to
    (k+1)·group - 1. With rows sorted so that a group holds one class, a class whose samples are all
    alike shows as such, however varied the other classes are.

    Args:
        x: (B, C, *grid), B a multiple of ``group``.
        group: rows in a group, at least 2.

    Returns:
        (B, C + 1, *grid).

    Raises:
        ValueError: if B is not a multiple of ``group``.
    """
    rows = len(x)
    if rows % group:
        raise ValueError(f"minibatch standard deviation needs a multiple of {group} rows, got {rows}")
    grouped = x.reshape(rows // group, group, -1)
    centred = grouped - grouped.mean(1, keepdim=True)
    # The root of a variance has no slope at 0, which is where a collapsed class lies.
    spread = (centred.square().mean(1) + 1e-8).sqrt().mean(1)
    channel = spread.repeat_interleave(group).reshape(rows, 1, *[1] * (x.ndim - 2))
    return torch.cat([x, channel.expand(rows, 1, *x.shape[2:])], 1)
