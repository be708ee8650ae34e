"""Networks that grow from coarse to fine (progressive growing, Karras 2018, section 2 and table 2).

Samples have full resolution at every stage, in blocks of equal cells while the networks are small: what
lies between the two networks (augmentation, penalties, sampling) need not know about growth.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from augmentor.core.errors import ConfigError
from augmentor.nets.blocks import generator_stages
from augmentor.nets.equalised import EqualisedConv, EqualisedLinear, EqualisedTop, pixel_norm
from augmentor.nets.layers import LAST_GAIN, activate, cells, downsample, upsample
from augmentor.nets.layout import channels_last
from augmentor.nets.spec import NetworkSpec


class Growth(nn.Module):
    """Where a network stands between its coarsest and its finest stage.

    The position is a buffer, so that copies and checkpoints carry it; ``stage`` and ``alpha`` are the same as
    plain numbers, as reading a buffer would wait for a GPU at every step.

    Args:
        stages: number of resolutions. The position starts at the last, fully grown.

    Attributes:
        stage: index of the finest stage that counts in full, 0 to stages - 1.
        alpha: share with which the next stage has faded in, in [0, 1).
    """

    position: Tensor

    def __init__(self, stages: int) -> None:
        super().__init__()
        self.stages = stages
        self.register_buffer("position", torch.tensor(float(stages - 1)))
        self.stage, self.alpha = stages - 1, 0.0
        self.register_load_state_dict_post_hook(_read_position)  # type: ignore[no-untyped-call]  # torch's

    @property
    def top(self) -> int:
        """Index of the finest stage that is computed."""
        return self.stage + (self.alpha > 0)

    def set(self, position: float) -> None:
        """Move to ``position``: the whole part is the stage, the rest alpha.

        Raises:
            ConfigError: if it lies outside [0, stages - 1].
        """
        if not 0 <= position <= self.stages - 1:
            raise ConfigError(
                f"a network of {self.stages} stages grows from position 0 to {self.stages - 1}; "
                f"asked for position {position}"
            )
        self.position.fill_(position)
        # Rounded as the buffer is, so that a restored network blends by the same bits.
        rounded = float(torch.tensor(position, dtype=torch.float32))
        self.stage, self.alpha = int(rounded), rounded - int(rounded)


class Pyramid(nn.Module):
    """Samples on every grid from coarse to fine; a sample moves one step at a time.

    Coarser is the mean of cells, finer a repetition. Going up and down again gives the same bits, whatever
    the size: the critic sees a small generator's samples as they were made.

    Args:
        grids: coarsest first.
    """

    def __init__(self, grids: list[tuple[int, ...]]) -> None:
        super().__init__()
        self.grids = grids
        self.pools = nn.ModuleList(downsample(fine, coarse) for coarse, fine in pairwise(grids))

    def down(self, x: Tensor, start: int, end: int) -> Tensor:
        """Return ``x`` on the grid of stage ``start`` pooled to the one of stage ``end``."""
        for pool in reversed(self.pools[end:start]):
            x = pool(x)
        return x

    def up(self, x: Tensor, start: int, end: int) -> Tensor:
        """Return ``x`` on the grid of stage ``start`` repeated to the one of stage ``end``."""
        for grid in self.grids[start + 1 : end + 1]:
            x = upsample(x, grid)
        return x


class Stage(nn.Module):
    """Equalised convolutions on one grid, each with leaky ReLU and, if asked, pixel normalisation.

    Args:
        ndim: number of dimensions of the grid.
        channels: input channels, then the output channels of each convolution.
        normalised: whether pixel normalisation follows.
    """

    def __init__(self, ndim: int, channels: Sequence[int], normalised: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EqualisedConv(ndim, *pair, 3) for pair in pairwise(channels))
        self.normalised = normalised

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, last of channels, *grid) for ``x`` (B, first of channels, *grid)."""
        for layer in self.layers:
            x = activate(layer(x))
            x = pixel_norm(x) if self.normalised else x
        return x


class GrowingBody(nn.Module):
    """From a vector to a sample, before the tanh; Karras 2018, table 2, left.

    A stage doubles the grid and has two equalised convolutions, each followed by leaky ReLU and pixel
    normalisation; a 1x1 convolution of its own gives samples. Those of other stages than the present one
    are not used, and get no gradient.

    Args:
        spec: the network's declaration; ``width`` must be a number by now.
        inputs: numbers in the vector.
        shape: (C, *spatial) of one sample.
    """

    def __init__(self, spec: NetworkSpec, inputs: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        ndim, _, grids, widths = generator_stages(spec, shape)
        self.stages = len(grids)
        self.normalised = spec.norms[0] == "pixel"
        self.growth, self.pyramid = Growth(self.stages), Pyramid(grids)
        self.base = EqualisedLinear(inputs, widths[0] * cells(grids[0]))
        channels = [widths[:1] * 2, *([before, after, after] for before, after in pairwise(widths))]
        self.blocks = nn.ModuleList(Stage(ndim, each, self.normalised) for each in channels)
        self.to_samples = nn.ModuleList(
            EqualisedConv(ndim, channels, shape[0], 1, gain=LAST_GAIN) for channels in widths
        )

    def grow(self, position: float) -> None:
        """Set the resolution: the integer part is a stage, the fraction how far the next one is faded in."""
        self.growth.set(position)

    def forward(self, vector: Tensor, draws: torch.Generator | None = None) -> Tensor:
        """Return (B, C, *spatial) for vectors (B, inputs); ``draws`` is not needed."""
        x = self.base(pixel_norm(vector) if self.normalised else vector)
        x = activate(x.unflatten(1, (-1, *self.pyramid.grids[0])))
        x = pixel_norm(x) if self.normalised else x
        below, growth, last = x, self.growth, self.stages - 1
        for block, grid in zip(self.blocks[: growth.top + 1], self.pyramid.grids, strict=False):
            below, x = x, block(upsample(x, grid))
        made: Tensor = self.to_samples[growth.top](x)
        if growth.alpha:
            coarse = self.pyramid.up(self.to_samples[growth.stage](below), growth.stage, growth.top)
            made = torch.lerp(coarse, made, growth.alpha)
        return self.pyramid.up(made, growth.top, last)

    def fade(self, real: Tensor) -> Tensor:
        """Return real samples (B, C, *spatial) as the present position shows them.

        Pooled to the present resolution, blended with the one below as the generator's samples are, and
        brought back to full size.
        """
        growth, last = self.growth, self.stages - 1
        fine = self.pyramid.down(real, last, growth.top)
        if growth.alpha:
            coarse = self.pyramid.down(fine, growth.top, growth.stage)
            fine = torch.lerp(self.pyramid.up(coarse, growth.stage, growth.top), fine, growth.alpha)
        return self.pyramid.up(fine, growth.top, last)


class GrowingTrunk(nn.Module):
    """From a sample to features (B, 4 · width); Karras 2018, table 2, right, a mirror of the body.

    A stage has two equalised convolutions with leaky ReLU and average pooling; a 1x1 convolution of its own
    takes samples in. The minibatch statistic enters the dense layer at the end.

    Args:
        spec: as :class:`GrowingBody`.
        shape: (C, *spatial) of the input.
    """

    def __init__(self, spec: NetworkSpec, shape: tuple[int, ...]) -> None:
        super().__init__()
        ndim, width, grids, widths = generator_stages(spec, shape)
        self.stages = len(grids)
        self.growth, self.pyramid = Growth(self.stages), Pyramid(grids)
        self.from_samples = nn.ModuleList(EqualisedConv(ndim, shape[0], channels, 1) for channels in widths)
        channels = [widths[:1] * 2, *([before, before, after] for after, before in pairwise(widths))]
        self.blocks = nn.ModuleList(Stage(ndim, each, normalised=False) for each in channels)
        self.features = 4 * width
        self.top = EqualisedTop(spec, widths[0], cells(grids[0]), self.features)

    def grow(self, position: float) -> None:
        """Set the resolution, as :meth:`GrowingBody.grow`."""
        self.growth.set(position)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, F) of samples (B, C, *spatial), at the present resolution."""
        growth, last = self.growth, self.stages - 1
        seen = self.pyramid.down(channels_last(x), last, growth.top)
        h = activate(self.from_samples[growth.top](seen))
        for stage in range(growth.top, -1, -1):
            h = self.pyramid.down(self.blocks[stage](h), stage, max(stage - 1, 0))
            if growth.alpha and stage == growth.top:
                coarse = self.pyramid.down(seen, growth.top, growth.stage)
                h = torch.lerp(activate(self.from_samples[growth.stage](coarse)), h, growth.alpha)
        features: Tensor = self.top(h)
        return features


def _read_position(module: nn.Module, _: object) -> None:
    """Set a Growth's plain numbers from the buffer that has just been loaded."""
    assert isinstance(module, Growth)
    module.set(float(module.position))
