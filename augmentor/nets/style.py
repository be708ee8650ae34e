"""Generators with styles, and the residual critic that goes with them.

A mapping network turns latent and label into a style, which sets the scale of every channel of every
convolution: by modulated weights (StyleGAN2, Karras 2020) or by adaptive instance normalisation (StyleGAN,
Karras 2019). Pure tensor operations, twice differentiable, for any number of dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from augmentor.core.ranks import all_gather_detached, draw_rows
from augmentor.nets.blocks import critic_stages, generator_stages
from augmentor.nets.conditional import MEAN_STYLE_DECAY
from augmentor.nets.equalised import EqualisedConv, EqualisedLinear, EqualisedTop, pixel_norm
from augmentor.nets.layers import LAST_GAIN, activate, cells, downsample, upsample
from augmentor.nets.layout import channels_last
from augmentor.nets.modulated import ADAIN, MODULATED, StyleLayers
from augmentor.nets.spec import NetworkSpec

STYLE_WIDTH = 128
"""Dimension W of a style."""

MAPPING_LAYERS = 3
"""Dense layers from vector to style; the papers' 8 are for faces of a thousand pixels a side."""

MAPPING_RATE = 0.1
"""Share of the learning rate that the mapping network gets.

Karras 2019, appendix C, has 0.01, for 8 layers and millions of images. In the some thousand steps of a small
set that moves them little: on digits (60,000 images) `stylegan2` met 0.86 of the labels asked for with 0.01
and a learning rate of 2e-3, and 0.95 with 0.1 and 5e-3; the two changes were not measured separately.
"""

RUN_ROWS = 4
"""Rows of one class that stand together in a batch."""


class MappingNetwork(nn.Module):
    """From a vector to a style, and the moving mean of styles.

    Karras 2019, section 2: the vector is brought to unit mean square, then go dense layers with leaky ReLU.

    Args:
        inputs: numbers in the vector.

    Attributes:
        mean: (W,) moving mean of the styles made in training (appendix B).
    """

    mean: Tensor

    def __init__(self, inputs: int) -> None:
        super().__init__()
        sizes = [inputs, *[STYLE_WIDTH] * MAPPING_LAYERS]
        self.layers = nn.ModuleList(
            EqualisedLinear(before, after, rate=MAPPING_RATE) for before, after in pairwise(sizes)
        )
        self.register_buffer("mean", torch.zeros(STYLE_WIDTH))

    def forward(self, vector: Tensor) -> Tensor:
        """Return styles (B, W) for vectors (B, inputs); in training, move the mean."""
        x = pixel_norm(vector)
        for layer in self.layers:
            x = activate(layer(x))
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(all_gather_detached(x).mean(0).to(self.mean.dtype), 1 - MEAN_STYLE_DECAY)
        return x

    def truncate(self, styles: Tensor, truncation: float) -> Tensor:
        """Return mean + truncation · (styles - mean) for ``styles`` (B, W): Karras 2019, appendix B."""
        mean = self.mean.to(styles.dtype)
        return mean + truncation * (styles - mean)


class Synthesis(nn.Module):
    """From the layers' styles and noise to a sample: a learnt constant, then convolutions stage by stage.

    Args:
        kind: which layers.
        spec: the network's declaration; ``width`` must be a number by now.
        shape: (C, *spatial) of one sample.

    Attributes:
        grids: of all convolutions in order: one at the coarsest stage, two at each finer one.
        neutral: for each layer in order, the style that changes nothing. An output layer comes after the
            convolutions of its stage.
        depths: for each layer, how many convolutions come before it.
    """

    def __init__(self, kind: StyleLayers, spec: NetworkSpec, shape: tuple[int, ...]) -> None:
        super().__init__()
        ndim, _, stages, widths = generator_stages(spec, shape)
        gain = LAST_GAIN / math.sqrt(len(stages)) if kind.skips else LAST_GAIN
        self.start = nn.Parameter(torch.randn(1, widths[0], *stages[0]))
        self.layers, self.outputs = nn.ModuleList(), nn.ModuleDict()
        self.grids: list[tuple[int, ...]] = []
        self.neutral: list[Tensor] = []
        self.depths: list[int] = []
        for grid, before, width in zip(stages, [widths[0], *widths], widths, strict=False):
            for inputs in (before, width) if self.grids else (width,):
                layer = kind.layer(ndim, inputs, width)
                self.layers.append(layer)
                self.neutral.append(layer.neutral)
                self.depths.append(len(self.grids))
                self.grids.append(grid)
            if kind.skips or grid == stages[-1]:
                output = kind.output(ndim, width, shape[0], gain)
                self.outputs[str(len(self.grids))] = output
                self.neutral.append(output.neutral)
                self.depths.append(len(self.grids))

    def forward(self, styles: Sequence[Tensor], noise: Sequence[Tensor | None]) -> Tensor:
        """Return (B, C, *spatial), before the tanh.

        Args:
            styles: for each layer, (B, its part).
            noise: for each convolution (B, 1, *grid) or None.
        """
        x, parts = self.start, iter(styles)
        made: Tensor | None = None
        for depth, (layer, grid, added) in enumerate(zip(self.layers, self.grids, noise, strict=True), 1):
            x = layer(x, next(parts), added, grid)
            if str(depth) in self.outputs:
                sample: Tensor = self.outputs[str(depth)](x, next(parts))
                made = sample if made is None else upsample(made, grid) + sample
        assert made is not None
        return made


class StyledBody(nn.Module):
    """From a vector by way of a style to a sample, before the tanh.

    Args:
        spec: the network's declaration; ``width`` must be a number by now.
        inputs: numbers in the vector.
        shape: (C, *spatial) of one sample.
        kind: which layers.
    """

    depths: Tensor

    def __init__(self, spec: NetworkSpec, inputs: int, shape: tuple[int, ...], kind: StyleLayers) -> None:
        super().__init__()
        self.mixing, self.truncation = spec.style_mixing, spec.truncation
        self.mapping = MappingNetwork(inputs)
        self.synthesis = Synthesis(kind, spec, shape)
        self.sizes = [len(part) for part in self.synthesis.neutral]
        # All layers' affine maps (Karras 2019, figure 1b, "A") in one product.
        self.affine = EqualisedLinear(STYLE_WIDTH, sum(self.sizes), gain=1.0)
        self.strengths = nn.Parameter(torch.zeros(len(self.synthesis.grids)))
        with torch.no_grad():
            self.affine.bias.copy_(torch.cat(self.synthesis.neutral))
        depths = torch.tensor(self.synthesis.depths).repeat_interleave(torch.tensor(self.sizes))
        self.register_buffer("depths", depths, persistent=False)

    def forward(self, vector: Tensor, draws: torch.Generator | None = None) -> Tensor:
        """Return (B, C, *spatial) for vectors (B, inputs); noise and mixing come from ``draws``, if any."""
        return self.render(self.styles(vector), draws, self.mixing, self.truncation)

    def styles(self, vector: Tensor) -> Tensor:
        """Return styles (B, W) for vectors (B, inputs)."""
        made: Tensor = self.mapping(vector)
        return made

    def render(
        self, styles: Tensor, draws: torch.Generator | None, mixing: float = 0.0, truncation: float = 1.0
    ) -> Tensor:
        """Return samples (B, C, *spatial), before the tanh.

        Args:
            styles: (B, W).
            draws: where noise and mixing come from, as many numbers whatever the mode; None leaves both
                out.
            mixing: chance that a row takes another row's style from a random convolution on (Karras 2019,
                section 3.1); in training only. The other is the next of its run of four rows.
            truncation: share of the way from the mean style; in evaluation only.
        """
        if not self.training and truncation != 1:
            styles = self.mapping.truncate(styles, truncation)
        scales = self.affine(styles)
        noise: list[Tensor | None] = [None] * len(self.synthesis.grids)
        if draws is not None:
            chances = draw_rows(torch.rand, (2, len(styles), 1), generator=draws, dim=1)
            noise = self._noise(styles, draws)
            if self.training and mixing:
                scales = self._mix(scales, chances.to(scales.device), mixing)
        made: Tensor = self.synthesis(scales.split(self.sizes, 1), noise)
        return made

    def _mix(self, scales: Tensor, chances: Tensor, mixing: float) -> Tensor:
        """Return the layers' styles (B, all) with those of the neighbours from a random depth on."""
        last = max(1, len(self.synthesis.grids) - 1)
        cut = 1 + (chances[1] * last).floor()
        taken = (chances[0] < mixing) & (self.depths >= cut)
        return torch.where(taken, neighbours(scales), scales)

    def _noise(self, styles: Tensor, draws: torch.Generator) -> list[Tensor | None]:
        """Return noise (B, 1, *grid) for each convolution, times its learnt strength."""
        counts = [cells(grid) for grid in self.synthesis.grids]
        drawn = draw_rows(torch.randn, (len(styles), sum(counts)), generator=draws).to(styles.device)
        parts = zip(drawn.split(counts, 1), self.strengths, self.synthesis.grids, strict=True)
        return [(part * strength).unflatten(1, (1, *grid)) for part, strength, grid in parts]


def neighbours(rows: Tensor) -> Tensor:
    """Return, for each row of (B, ...), the next one of its run of four; the last one's is the first.

    Rows of a run are of one class. If B is not a multiple of four, the last run is shorter.
    """
    whole = len(rows) // RUN_ROWS * RUN_ROWS
    runs = rows[:whole].unflatten(0, (-1, RUN_ROWS)).roll(-1, 1).flatten(0, 1)
    return runs if whole == len(rows) else torch.cat([runs, rows[whole:].roll(-1, 0)])


class StyleBody(StyledBody):
    """The generator of StyleGAN2 (Karras 2020): modulated convolutions and a skip generator.

    Args: as :class:`StyledBody`, less the kind.
    """

    def __init__(self, spec: NetworkSpec, inputs: int, shape: tuple[int, ...]) -> None:
        super().__init__(spec, inputs, shape, MODULATED)


class AdainBody(StyledBody):
    """The generator of StyleGAN (Karras 2019): adaptive instance normalisation after each convolution.

    Args: as :class:`StyledBody`, less the kind.
    """

    def __init__(self, spec: NetworkSpec, inputs: int, shape: tuple[int, ...]) -> None:
        super().__init__(spec, inputs, shape, ADAIN)


class SkipBlock(nn.Module):
    """A residual block that halves the grid (Karras 2020, figure 7c, right).

    (pooled(x) through a 1x1 convolution + two convolutions with leaky ReLU) / sqrt(2). The branch is pooled
    before its second convolution, where the paper's strides.

    Args:
        before: input grid.
        after: output grid.
        inputs: input channels.
        outputs: output channels.
    """

    def __init__(self, before: tuple[int, ...], after: tuple[int, ...], inputs: int, outputs: int) -> None:
        super().__init__()
        ndim = len(before)
        self.pool = downsample(before, after)
        self.first = EqualisedConv(ndim, inputs, inputs, 3)
        self.second = EqualisedConv(ndim, inputs, outputs, 3)
        self.skip = EqualisedConv(ndim, inputs, outputs, 1, gain=1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, *after) for ``x`` (B, inputs, *before)."""
        branch = activate(self.second(self.pool(activate(self.first(x)))))
        return torch.add(self.skip(self.pool(x)), branch) * math.sqrt(0.5)


class SkipTrunk(nn.Module):
    """From a sample to features (B, 4 · width): the residual critic of StyleGAN2 (Karras 2020, figure 7c).

    Args:
        spec: the network's declaration; ``width`` must be a number by now.
        shape: (C, *spatial) of the input.
    """

    def __init__(self, spec: NetworkSpec, shape: tuple[int, ...]) -> None:
        super().__init__()
        ndim, width, grids, widths = critic_stages(spec, shape)
        self.first = EqualisedConv(ndim, shape[0], width, 1)
        self.blocks = nn.ModuleList(
            SkipBlock(*sides, *channels)
            for sides, channels in zip(pairwise(grids), pairwise(widths), strict=True)
        )
        self.last = EqualisedConv(ndim, widths[-1], widths[-1], 3)
        self.features = 4 * width
        self.top = EqualisedTop(spec, widths[-1], cells(grids[-1]), self.features)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, F) of samples (B, C, *spatial)."""
        x = activate(self.first(channels_last(x)))
        for block in self.blocks:
            x = block(x)
        features: Tensor = self.top(activate(self.last(x)))
        return features
