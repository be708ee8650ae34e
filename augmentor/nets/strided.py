"""Strided convolutions and batch normalisation (DCGAN, Radford 2015, section 3), by ndim.

The same file makes the volumes of 3D-GAN (Wu 2016, section 3.1), which is this architecture with
three-dimensional kernels.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from monai.networks.layers.factories import Conv, Norm
from torch import Tensor, nn

from augmentor.nets.blocks import Top, critic_stages, generator_stages
from augmentor.nets.layers import LAST_GAIN, SLOPE, activate, cells, convolution, linear
from augmentor.nets.spec import NetworkSpec


class StridedBody(nn.Module):
    """From a vector to a sample: a dense base, then transposed convolutions of stride 2.

    Args:
        spec: the network's declaration; ``width`` must be a number by now.
        inputs: numbers in the vector.
        shape: (C, *spatial) of one sample.
    """

    def __init__(self, spec: NetworkSpec, inputs: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        ndim, width, self.grids, widths = generator_stages(spec, shape)
        self.base = linear(inputs, widths[0] * cells(self.grids[0]))
        normed = spec.norms[0] == "batch"
        self.norms = nn.ModuleList(
            Norm[Norm.BATCH, ndim](channels) if normed else nn.Identity() for channels in widths
        )
        self.ups = nn.ModuleList(
            _transposed(ndim, widths[k], widths[k + 1], before, after, bias=not normed)
            for k, (before, after) in enumerate(pairwise(self.grids))
        )
        self.last = convolution(ndim, width, shape[0], 3, gain=LAST_GAIN)

    def forward(self, vector: Tensor, draws: torch.Generator | None = None) -> Tensor:
        """Return (B, C, *spatial) for vectors (B, inputs); ``draws`` is not needed."""
        x = self.base(vector).unflatten(1, (-1, *self.grids[0]))
        x = activate(self.norms[0](x))
        for up, norm in zip(self.ups, self.norms[1:], strict=True):
            x = activate(norm(up(x)))
        made: Tensor = self.last(x)
        return made


class StridedTrunk(nn.Module):
    """From a sample to features (B, 4 · width) through convolutions of stride 2.

    Args:
        spec: as :class:`StridedBody`; its norm is "batch" (Radford 2015), "layer" (one group over all
            channels, as Gulrajani 2017, section 4, asks for with a gradient penalty) or "none".
        shape: (C, *spatial) of what comes in.
    """

    def __init__(self, spec: NetworkSpec, shape: tuple[int, ...]) -> None:
        super().__init__()
        ndim, width, grids, widths = critic_stages(spec, shape)
        # No normalisation on the first layer (Radford 2015, section 3).
        self.first = convolution(ndim, shape[0], width, 3)
        self.downs = nn.ModuleList(
            _strided(ndim, widths[k], widths[k + 1], before, after, bias=spec.norms[1] != "batch")
            for k, (before, after) in enumerate(pairwise(grids))
        )
        self.norms = nn.ModuleList(_critic_norm(spec.norms[1], ndim, channels) for channels in widths[1:])
        self.features = 4 * width
        self.top = Top(spec, widths[-1], cells(grids[-1]), self.features)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, F) of samples (B, C, *spatial)."""
        x = activate(self.first(x))
        for down, norm in zip(self.downs, self.norms, strict=True):
            x = activate(norm(down(x)))
        features: Tensor = self.top(x)
        return features


def _critic_norm(name: str, ndim: int, channels: int) -> nn.Module:
    if name == "batch":
        batch: nn.Module = Norm[Norm.BATCH, ndim](channels)
        return batch
    return nn.GroupNorm(1, channels) if name == "layer" else nn.Identity()


def _strided(
    ndim: int, inputs: int, outputs: int, before: tuple[int, ...], after: tuple[int, ...], *, bias: bool
) -> nn.Module:
    """Return a convolution that halves (rounding up) the sides that shrink and keeps the others.

    Batch normalisation would subtract a bias at once: such layers have none.
    """
    stride = tuple(1 if old == new else 2 for old, new in zip(before, after, strict=True))
    layer: nn.Module = Conv[Conv.CONV, ndim](inputs, outputs, 3, stride=stride, padding=1, bias=bias)
    return _initialised(layer)


def _transposed(
    ndim: int, inputs: int, outputs: int, before: tuple[int, ...], after: tuple[int, ...], *, bias: bool
) -> nn.Module:
    """Return a transposed convolution from the grid ``before`` to exactly ``after``.

    A side s that doubles goes to 2s with a kernel of 4 (which covers every output alike; 3 would leave
    a checkerboard), to 2s - 1 with a kernel of 3; a side that stays has a kernel of 3 and stride 1.
    """
    kernel = tuple(4 if new == 2 * old else 3 for old, new in zip(before, after, strict=True))
    stride = tuple(1 if old == new else 2 for old, new in zip(before, after, strict=True))
    layer: nn.Module = Conv[Conv.CONVTRANS, ndim](
        inputs, outputs, kernel, stride=stride, padding=1, bias=bias
    )
    # Each output meets about kernel / stride cells of the input along a side.
    gain = 1.0
    for size, step in zip(kernel, stride, strict=True):
        gain *= size / step
    return _initialised(layer, fan_in=inputs * gain)


def _initialised(layer: nn.Module, fan_in: float | None = None) -> nn.Module:
    """Return ``layer`` with He-normal weights for leaky ReLU (He 2015, equation 15) and zero bias."""
    assert isinstance(layer.weight, Tensor)
    if fan_in is None:
        nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    else:
        nn.init.normal_(layer.weight, std=(2 / (1 + SLOPE**2) / fan_in) ** 0.5)
    if layer.bias is not None:
        assert isinstance(layer.bias, Tensor)
        nn.init.zeros_(layer.bias)
    return layer
