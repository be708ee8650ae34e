"""Differentiable augmentation of the critic's input, real and generated alike (DiffAugment, Zhao 2020).

Parameters are drawn first and applied after, so that one draw can serve several tensors and every random
number comes from one given generator. Everything that moves pixels (flips, right-angle rotations, whole-pixel
translation) becomes one gather by a precomputed index, and cutout one mask: no interpolation, no padding
copies, the same code for series, images and volumes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

import torch
from torch import Tensor

from augmentor.core.errors import ConfigError
from augmentor.core.ranks import draw_rows
from augmentor.objectives.grid_transforms import GridTransforms, grid_transforms
from augmentor.objectives.operations import GROUPS, OPERATIONS, operations_of

COLOUR = GROUPS["colour"]
# Flips and rotations drawn evenly make an image and its turned copies equally likely, and then nothing tells
# the generator which of them the data hold: it makes turned ones (they "leak"). Karras 2020 (ADA), section
# 2.2, found them safe up to a probability of 0.8.
GEOMETRY_CHANCE = 0.8


class Parameters(NamedTuple):
    """One draw for a batch; None where the augmentation does not include it.

    Attributes:
        brightness: ``(B,)`` added to every value.
        saturation: ``(B,)`` factor around the mean over channels of each pixel.
        contrast: ``(B,)`` factor around the mean of the sample.
        source: ``(B, S)`` int64, the flat source position of each of the S output positions.
        keep: ``(B, S)`` bool, False where the output is 0 (moved in from outside, or cut out).
    """

    brightness: Tensor | None
    saturation: Tensor | None
    contrast: Tensor | None
    source: Tensor | None
    keep: Tensor | None


@dataclass(frozen=True)
class _Plan:
    """What one augmentation needs for one shape of batch; its ``(rows, 1)`` tensors scale a whole draw."""

    transforms: GridTransforms
    switch: Tensor  # (rows of transforms,) which operation switches the row on
    chance: Tensor  # by operation: scaled by strength for flips and rotation, 1 for those that have a size
    width: Tensor  # of the uniform distribution of brightness, saturation and contrast
    neutral: Tensor
    shades: tuple[bool, ...]  # which of the three are wanted


@lru_cache(maxsize=64)
def _plan(
    operations: frozenset[str], strength: float, channels: int, sides: tuple[int, ...], device: torch.device
) -> _Plan:
    table = grid_transforms(operations, strength, sides, device)
    shades = tuple(name in operations and (name != "saturation" or channels == 3) for name in COLOUR)
    column = partial(torch.tensor, dtype=torch.float32, device=device)
    return _Plan(
        transforms=table,
        switch=torch.tensor([OPERATIONS.index(name) for name in table.names], device=device),
        chance=column(
            [[GEOMETRY_CHANCE * strength if name in GROUPS["geometry"] else 1.0] for name in OPERATIONS]
        ),
        width=column([[strength], [2 * strength], [strength]]),
        neutral=column([[0.0], [1.0], [1.0]]),
        shades=shades,
    )


@dataclass(frozen=True)
class Augment:
    """A differentiable augmentation ``x (B, C, ...) -> x`` for one, two or three spatial axes.

    Made by :func:`make_augment`, which checks the names.

    Attributes:
        operations: What it may do, names from :data:`OPERATIONS`.
        strength: In [0, 1]: scales colour, shift and cut sizes, and the chance of a flip or rotation.
            0 is the identity.
        probability: In [0, 1]: each operation is applied to each row with this chance.
    """

    operations: frozenset[str]
    strength: float = 1.0
    probability: float = 1.0

    def draw(self, x: Tensor, generator: torch.Generator, *, probability: float | None = None) -> Parameters:
        """Draw the parameters for a batch of the shape and device of ``x``.

        The number of random numbers taken depends on the shape only, never on strength or probability.

        Args:
            x: ``(B, C, ...)``; only its shape and device are used.
            generator: The only source of randomness, on any device.
            probability: In place of :attr:`probability`, for an adaptive controller.
        """
        chance = self.probability if probability is None else probability
        plan = _plan(self.operations, self.strength, x.shape[1], tuple(x.shape[2:]), x.device)
        first, second = len(OPERATIONS), len(OPERATIONS) + len(COLOUR)
        rows = second + len(plan.switch)
        uniform = draw_rows(torch.rand, (rows, len(x)), generator=generator, dim=1).to(x.device)
        switches, shades, places = uniform[:first], uniform[first:second], uniform[second:]
        on = switches < plan.chance * chance
        drawn: Sequence[Tensor] = ()
        if any(plan.shades):
            drawn = torch.addcmul(plan.neutral, shades - 0.5, on[: len(COLOUR)] * plan.width).unbind()
        source, keep = None, None
        if plan.transforms.moving or plan.transforms.cutting:
            choice = ((places * plan.transforms.counts).long() + plan.transforms.first) * on[plan.switch]
            source, keep = plan.transforms.source(choice)
            uncut = plan.transforms.uncut(choice)
            keep = uncut if keep is None else keep if uncut is None else keep & uncut
        brightness, saturation, contrast = (
            drawn[row] if wanted else None for row, wanted in enumerate(plan.shades)
        )
        return Parameters(brightness, saturation, contrast, source, keep)

    def apply(self, x: Tensor, parameters: Parameters) -> Tensor:
        """Apply drawn parameters to ``x (B, C, ...)``, differentiable in ``x`` any number of times.

        Colour comes first, then movement, then cutout, so that what moves in is 0 whatever the brightness.
        """
        y = _colour(x, parameters)
        if parameters.source is None and parameters.keep is None:
            return y
        y = y.flatten(2)
        if parameters.source is not None:
            y = y.gather(2, parameters.source[:, None].expand(-1, x.shape[1], -1))
        if parameters.keep is not None:
            y = y * parameters.keep[:, None]
        return y.reshape(x.shape)

    def __call__(self, x: Tensor, generator: torch.Generator, *, probability: float | None = None) -> Tensor:
        """Draw and apply. Two calls with generators of one seed and state treat their rows alike."""
        return self.apply(x, self.draw(x, generator, probability=probability))


def _colour(x: Tensor, parameters: Parameters) -> Tensor:
    """Brightness, then saturation, then contrast, folded into one weighted sum."""
    tail = [1] * (x.ndim - 1)

    def wide(value: Tensor | None) -> Tensor | None:
        return None if value is None else value.to(x.dtype).view(-1, *tail)

    brightness, saturation, contrast = map(wide, parameters[:3])
    factor, offset = contrast, brightness
    if contrast is not None:
        # The mean over the sample is untouched by saturation and moved by brightness alone.
        middle = (1 - contrast) * x.flatten(1).mean(1).view(-1, *tail)
        offset = middle if offset is None else offset + middle
    if saturation is not None:
        scale = 1 - saturation if contrast is None else contrast * (1 - saturation)
        grey = scale * x.mean(1, keepdim=True)
        offset = grey if offset is None else offset + grey
        factor = saturation if contrast is None else contrast * saturation
    if factor is not None:
        return x * factor if offset is None else torch.addcmul(offset, x, factor)
    return x if offset is None else x + offset


def make_augment(
    groups: Sequence[str], *, strength: float = 1.0, probability: float = 1.0, forbid: Sequence[str] = ()
) -> Augment:
    """Build a critic augmentation from groups of operations, Zhao 2020, section 4 and appendix.

    - ``colour``: brightness by U(-0.5, 0.5), saturation by a factor U(0, 2) (three channels only), contrast
      by a factor U(0.5, 1.5). For values in about [-1, 1]; the result isn't clamped.
    - ``translation``: whole pixels, up to an eighth of each side, 0 moves in.
    - ``cutout``: a box of half of each side set to 0.
    - ``geometry``: with chance 0.8 each, a flip or not of every axis, and a right-angle rotation drawn from
      all that keep the grid's shape (the identity among them), so that the original stays the likeliest. With
      few images the critic sees that difference late: forbid what would make a wrong image, or lower the
      probability.

    Args:
        groups: Names from :data:`GROUPS`; empty gives the identity.
        strength: In [0, 1], 1 being the paper's.
        probability: In [0, 1], the chance of each operation for each row.
        forbid: Operations to leave out, from :data:`OPERATIONS`: a policy for data where a side or a grey
            value is the diagnosis. As a half turn after a vertical flip is a horizontal flip, forbidding any
            flip leaves out rotations too.

    Raises:
        ConfigError: An unknown name, or a number out of its range.
    """
    for what, given, allowed in (("group", groups, tuple(GROUPS)), ("operation", forbid, OPERATIONS)):
        unknown = sorted(set(given) - set(allowed))
        if unknown:
            raise ConfigError(
                f"Unknown augmentation {what} {', '.join(unknown)}; allowed are {', '.join(allowed)}. "
                "Correct the name in the recipe."
            )
    for what, number in (("strength", strength), ("probability", probability)):
        if not 0 <= number <= 1:
            raise ConfigError(
                f"The augmentation's {what} must lie in [0, 1], received {number}. Change it in the recipe."
            )
    return Augment(operations_of(groups, forbid), strength, probability)
