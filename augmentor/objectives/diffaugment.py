"""Differentiable augmentation of what the critic sees, real and generated alike (Zhao 2020).

Parameters are drawn first and applied after, so that one draw can serve several tensors and every random
number comes from one given generator. Everything that moves pixels (flips, right-angle rotations, whole-pixel
translation) becomes one gather by a precomputed index, and cutout one mask: no interpolation, no padding
copies, the same code for series, images and volumes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product
from typing import NamedTuple

import torch
from torch import Tensor

from augmentor.core.errors import ConfigError

GROUPS: Mapping[str, tuple[str, ...]] = {
    "colour": ("brightness", "saturation", "contrast"),
    "translation": ("translation",),
    "cutout": ("cutout",),
    "geometry": ("flip_horizontal", "flip_vertical", "flip_depth", "rotation"),
}
FLIPS = ("flip_horizontal", "flip_vertical", "flip_depth")  # the last spatial axis, the one before, ...
OPERATIONS = tuple(operation for group in GROUPS.values() for operation in group)
TRANSLATION_RATIO = 0.125  # Zhao 2020, appendix: up to an eighth of each side
CUTOUT_RATIO = 0.5  # Zhao 2020, appendix: a square of half of each side


class Parameters(NamedTuple):
    """One draw for a batch; None where the augmentation does nothing of the kind.

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


@lru_cache(maxsize=64)
def _rotations(sides: tuple[int, ...]) -> tuple[tuple[tuple[int, ...], tuple[bool, ...]], ...]:
    """Return the right-angle rotations that keep the grid's shape, as (source axis, reversed) per axis.

    They are the signed permutations of the axes with determinant 1: 4 of a square, 2 of another rectangle,
    24 of a cube, 1 of a series.
    """
    axes = range(len(sides))
    found = []
    for order in permutations(axes):
        if any(sides[source] != side for source, side in zip(order, sides, strict=True)):
            continue
        swaps = sum(order[i] > order[j] for i in axes for j in axes if i < j)
        found += [
            (order, sign)
            for sign in product((False, True), repeat=len(sides))
            if (swaps + sum(sign)) % 2 == 0
        ]
    return tuple(found)


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
            x: ``(B, C, ...)``; only its shape and device are looked at.
            generator: The only source of randomness, on any device.
            probability: In place of :attr:`probability`, for an adaptive controller.
        """
        chance = self.probability if probability is None else probability
        batch, sides = len(x), tuple(x.shape[2:])
        columns = 2 * len(OPERATIONS) + 2 * len(sides)
        uniform = torch.rand(columns, batch, generator=generator, device=generator.device).to(x.device)
        on = dict(zip(OPERATIONS, uniform[: len(OPERATIONS)] < chance, strict=True))
        value = dict(zip(OPERATIONS, uniform[len(OPERATIONS) : 2 * len(OPERATIONS)], strict=True))
        places = uniform[2 * len(OPERATIONS) :]

        def centred(name: str, width: float) -> Tensor | None:
            if name not in self.operations:
                return None
            deviation: Tensor = (value[name] - 0.5) * (width * self.strength) * on[name]
            return deviation

        saturation = centred("saturation", 2.0) if x.shape[1] == 3 else None
        contrast = centred("contrast", 1.0)
        source, inside = self._draw_source(sides, on, value, places[: len(sides)])
        outside_cut = self._draw_cutout(sides, on, places[len(sides) :])
        keep = inside if outside_cut is None else outside_cut if inside is None else inside & outside_cut
        return Parameters(
            brightness=centred("brightness", 1.0),
            saturation=None if saturation is None else 1 + saturation,
            contrast=None if contrast is None else 1 + contrast,
            source=source,
            keep=keep,
        )

    def _draw_source(
        self, sides: tuple[int, ...], on: Mapping[str, Tensor], value: Mapping[str, Tensor], places: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return source index ``(B, S)`` and, where there is translation, which positions lie inside."""
        flips = [name for name in FLIPS[: len(sides)] if name in self.operations]
        turning = _rotations(sides) if "rotation" in self.operations else ()
        translating = "translation" in self.operations
        if not (flips or len(turning) > 1 or translating):
            return None, None
        batch, device = places.shape[1], places.device
        # Read from the output back to the input: undo the translation, then the rotation, then the flips.
        coordinates, inside = [], None
        for axis, side in enumerate(sides):
            here = torch.arange(side, device=device).expand(batch, side)
            if translating:
                reach = math.floor(side * TRANSLATION_RATIO * self.strength + 0.5)
                shift = torch.floor(places[axis] * (2 * reach + 1)).long() - reach
                here = here - (shift * on["translation"])[:, None]
                shape = [batch, *[1] * axis, side, *[1] * (len(sides) - axis - 1)]
                within = ((here >= 0) & (here < side)).view(shape)
                inside = within if inside is None else inside & within
                here = here.clamp(0, side - 1)
            coordinates.append(here)
        strides = [math.prod(sides[axis + 1 :]) for axis in range(len(sides))]
        reverse = torch.zeros(len(sides), batch, dtype=torch.bool, device=device)  # by axis of the input
        for name in flips:
            axis = len(sides) - 1 - FLIPS.index(name)
            reverse[axis] = on[name] & (value[name] < 0.5 * self.strength)
        # Where output axis k reads input axis order[k], its coordinate advances that axis's stride.
        step = torch.tensor(strides, device=device)[:, None].expand(-1, batch)
        if len(turning) > 1:
            # value in [0, strength) picks one of all rotations, the identity among them, uniformly.
            turned = on["rotation"] & (value["rotation"] < self.strength)
            pick = torch.floor(value["rotation"] / max(self.strength, 1e-12) * len(turning)).long() * turned
            pick = pick.clamp_max(len(turning) - 1)
            order = torch.tensor([rotation[0] for rotation in turning], device=device)[pick].T
            signs = torch.tensor([rotation[1] for rotation in turning], device=device)[pick].T
            step, reverse = step.gather(0, order), signs ^ reverse.gather(0, order)
        source: Tensor | None = None
        for axis, (side, here) in enumerate(zip(sides, coordinates, strict=True)):
            there = torch.where(reverse[axis][:, None], side - 1 - here, here) * step[axis][:, None]
            there = there.view(batch, *[1] * axis, side, *[1] * (len(sides) - axis - 1))
            source = there if source is None else source + there
        assert source is not None
        return source.reshape(batch, -1), None if inside is None else inside.reshape(batch, -1)

    def _draw_cutout(self, sides: tuple[int, ...], on: Mapping[str, Tensor], places: Tensor) -> Tensor | None:
        """Return ``(B, S)``: False inside a box of half of each side whose centre is uniform."""
        if "cutout" not in self.operations:
            return None
        batch, device = places.shape[1], places.device
        cut = on["cutout"].view(batch, *[1] * len(sides))
        for axis, side in enumerate(sides):
            size = math.floor(side * CUTOUT_RATIO * self.strength + 0.5)
            # A box of even size has its centre between pixels, so there is one place more.
            centre = torch.floor(places[axis] * (side + 1 - size % 2)).long()
            first = (centre - size // 2)[:, None]
            here = torch.arange(side, device=device)
            within = (here >= first) & (here < first + size)
            cut = cut & within.view(batch, *[1] * axis, side, *[1] * (len(sides) - axis - 1))
        return ~cut.reshape(batch, -1)

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
        return y.view(x.shape)

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
    - ``geometry``: a flip of each axis with chance 1/2, and a right-angle rotation drawn from all that keep
      the grid's shape.

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
    operations = {operation for group in groups for operation in GROUPS[group]} - set(forbid)
    if set(forbid) & set(FLIPS):
        operations -= {"rotation"}
    return Augment(frozenset(operations), strength, probability)
