"""EfficientNet-Lite0: EfficientNet-B0 (Tan and Le 2019, table 1) without squeeze-and-excitation, with ReLU6.

The changes are those of the Lite variants that were published with the paper's own code: they run fast where
there is no special hardware. Names of parameters are those of the published weights in torch. Paddings are
those of TensorFlow ("same"), which the weights were trained with: the odd cell goes to the far side.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

STAGES: Final = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
"""Of each stage: expansion, channels, blocks, stride of the first one, side of the kernel."""
STEM, HEAD = 32, 1280
EPSILON, MOMENTUM = 1e-3, 0.01
"""Of batch normalisation, as TensorFlow has them."""


class SameConv(nn.Conv2d):
    """A convolution whose output has ceil(side / stride) cells a side, padded as TensorFlow does."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C_out, ceil(H / stride), ceil(W / stride)) of ``x`` (B, C_in, H, W)."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        missing = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:]]
        high, wide = missing
        if high or wide:
            x = functional.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        return super().forward(x)


class InvertedResidual(nn.Module):
    """Widen, convolve each channel alone, narrow, and add the input where its form stays (Sandler 2018)."""

    def __init__(self, inputs: int, outputs: int, *, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.widens, self.adds = expansion != 1, stride == 1 and inputs == outputs
        if self.widens:
            self._expand_conv = SameConv(inputs, wide, 1, bias=False)
            self._bn0 = _norm(wide)
        self._depthwise_conv = SameConv(wide, wide, kernel, stride=stride, groups=wide, bias=False)
        self._bn1 = _norm(wide)
        self._project_conv = SameConv(wide, outputs, 1, bias=False)
        self._bn2 = _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        inner = functional.relu6(self._bn0(self._expand_conv(x))) if self.widens else x
        inner = functional.relu6(self._bn1(self._depthwise_conv(inner)))
        narrow: Tensor = self._bn2(self._project_conv(inner))
        return narrow + x if self.adds else narrow


class EfficientNetLite0(nn.Module):
    """Images (B, C, H, W) to logits (B, K); without the published network's dropout before its last layer.

    Args:
        channels: C.
        n_classes: K.
    """

    def __init__(self, channels: int, n_classes: int) -> None:
        super().__init__()
        self._conv_stem = SameConv(channels, STEM, 3, stride=2, bias=False)
        self._bn0 = _norm(STEM)
        blocks, width = [], STEM
        for expansion, outputs, count, stride, kernel in STAGES:
            for number in range(count):
                first = stride if number == 0 else 1
                blocks.append(
                    InvertedResidual(width, outputs, expansion=expansion, kernel=kernel, stride=first)
                )
                width = outputs
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = SameConv(width, HEAD, 1, bias=False)
        self._bn1 = _norm(HEAD)
        self._fc = nn.Linear(HEAD, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (B, K)."""
        x = self._blocks(functional.relu6(self._bn0(self._conv_stem(x))))
        x = functional.relu6(self._bn1(self._conv_head(x)))
        logits: Tensor = self._fc(torch.mean(x, dim=(2, 3)))
        return logits


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=MOMENTUM)
