"""Lookup tables for flips, rotations, translations and cutout of grids.

A transform acts on each axis by itself, so the source positions of a batch are looked up in small tables, one
row for each transform of an axis, and summed to flat positions. Building the tables once keeps a draw at some
twenty small kernels, which matters where a whole training step takes a few milliseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product

import torch
from torch import Tensor

from augmentor.objectives.operations import FLIPS

TRANSLATION_RATIO = 0.125  # Zhao 2020, appendix: up to an eighth of each side
CUTOUT_RATIO = 0.5  # Zhao 2020, appendix: a box of half of each side


@dataclass(frozen=True)
class GridTransforms:
    """All transforms of one grid, as tables.

    A *choice* is one integer for each sample and row of ``counts``, 0 meaning "nothing happens"; the rows are
    the flips of each spatial axis (first axis first), the rotation, the shifts and the cuts of each axis.

    Attributes:
        sides: The grid.
        names: The operation that switches each row of choices on.
        counts: ``(rows, 1)`` how many values each row's draw has.
        first: ``(rows, 1)`` the smallest value of each row: 1 for cuts, where being drawn means to be cut.
        place_value: ``(n + 1, 1)`` turns flips and rotation into one number.
        turns: ``(n, flips and rotations)`` that number to the first row of ``reads`` of each axis.
        reads: For each axis ``(rows, side)``, its share of the flat source position; hugely negative where
            the position comes from outside.
        uncut_tables: For each axis ``(cuts, side)``, False inside the cut.
        moving: whether flips, rotations or translations are possible.
        shifting: whether positions can come from outside the grid.
        cutting: whether cutout is possible.
    """

    sides: tuple[int, ...]
    names: tuple[str, ...]
    counts: Tensor
    first: Tensor
    place_value: Tensor
    turns: Tensor
    reads: tuple[Tensor, ...]
    uncut_tables: tuple[Tensor, ...]
    moving: bool
    shifting: bool
    cutting: bool

    def source(self, choice: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Return the flat source ``(B, S)`` int64 and whether it lies inside ``(B, S)``, None for "all"."""
        if not self.moving:
            return None, None
        axes = len(self.sides)
        turn = (choice[: axes + 1] * self.place_value).sum(0)
        rows = self.turns[:, turn] + choice[axes + 1 : 2 * axes + 1]
        position = self._spread(self.reads[0][rows[0]], 0)
        for axis in range(1, axes):
            position = position + self._spread(self.reads[axis][rows[axis]], axis)
        position = position.flatten(1)
        if not self.shifting:
            return position, None
        return position.clamp_min(0), position >= 0

    def uncut(self, choice: Tensor) -> Tensor | None:
        """Return ``(B, S)`` bool, False inside the cutout; None without cutout."""
        if not self.cutting:
            return None
        axes = len(self.sides)
        rows = choice[2 * axes + 1 :]
        uncut = self._spread(self.uncut_tables[0][rows[0]], 0)
        for axis in range(1, axes):
            uncut = uncut | self._spread(self.uncut_tables[axis][rows[axis]], axis)
        return uncut.flatten(1)

    def _spread(self, values: Tensor, axis: int) -> Tensor:
        """View ``(B, side)`` as ``(B, 1, side, 1)`` with the side at its axis."""
        axes = len(self.sides)
        return values.view(len(values), *[1] * axis, self.sides[axis], *[1] * (axes - axis - 1))


def rotations(sides: tuple[int, ...]) -> list[tuple[tuple[int, ...], tuple[bool, ...]]]:
    """Return the right-angle rotations that keep the grid's shape, the identity first.

    They are the signed permutations of the axes with determinant 1: 4 of a square, 2 of another rectangle,
    24 of a cube, 1 of a series. Each is (the input axis that every output axis reads, whether backwards).
    """
    axes = range(len(sides))
    found = []
    for order in permutations(axes):
        if any(sides[source] != side for source, side in zip(order, sides, strict=True)):
            continue
        swaps = sum(order[i] > order[j] for i in axes for j in axes if i < j)
        signs = product((False, True), repeat=len(sides))
        found += [(order, sign) for sign in signs if (swaps + sum(sign)) % 2 == 0]
    return found


@lru_cache(maxsize=32)
def grid_transforms(
    operations: frozenset[str], strength: float, sides: tuple[int, ...], device: torch.device
) -> GridTransforms:
    """Build the tables for one grid; operations that are not wanted get one row that does nothing."""
    axes = len(sides)
    flips = FLIPS[:axes][::-1]  # now in the order of the axes
    turning = rotations(sides) if "rotation" in operations else rotations(sides)[:1]
    ratio = TRANSLATION_RATIO * strength if "translation" in operations else 0.0
    reaches = [math.floor(side * ratio + 0.5) for side in sides]
    sizes = [math.floor(side * CUTOUT_RATIO * strength + 0.5) for side in sides]
    cutting = "cutout" in operations and all(sizes)
    # A box of even size has its centre between positions, so there is one place more.
    places = [side + 1 - size % 2 if cutting else 0 for side, size in zip(sides, sizes, strict=True)]

    counts = [2 if name in operations else 1 for name in flips]
    counts += [len(turning), *[2 * reach + 1 for reach in reaches], *places]
    turns = [
        [
            (2 * source + (backwards ^ bool(bits >> source & 1))) * (2 * reaches[axis] + 1)
            for order, sign in turning
            for bits in range(2**axes)
            for source, backwards in [(order[axis], sign[axis])]
        ]
        for axis in range(axes)
    ]
    return GridTransforms(
        sides=sides,
        names=(*flips, "rotation", *["translation"] * axes, *["cutout"] * axes),
        counts=torch.tensor(counts, device=device)[:, None],
        first=torch.tensor([0] * (2 * axes + 1) + [1 if cutting else 0] * axes, device=device)[:, None],
        place_value=torch.tensor([2**axis for axis in range(axes)] + [2**axes], device=device)[:, None],
        turns=torch.tensor(turns, device=device),
        reads=tuple(_reads(sides, axis, reaches[axis]).to(device) for axis in range(axes)),
        uncut_tables=tuple(
            _uncut_tables(side, size, place).to(device)
            for side, size, place in zip(sides, sizes, places, strict=True)
        ),
        moving=any(count > 1 for count in counts[: 2 * axes + 1]),
        shifting=any(reaches),
        cutting=cutting,
    )


def _reads(sides: tuple[int, ...], axis: int, reach: int) -> Tensor:
    """Return the table of what output axis ``axis`` reads: by input axis, direction and shift."""
    side, size = sides[axis], math.prod(sides)
    here = torch.arange(side)
    rows = []
    for source in range(len(sides)):
        stride = math.prod(sides[source + 1 :])
        for backwards in (False, True):
            for shift in (0, *range(1, reach + 1), *range(-reach, 0)):
                there = here - shift
                inside = (there >= 0) & (there < side)
                there = side - 1 - there if backwards else there
                # Negative enough that no sum over the other axes brings it back.
                rows.append(torch.where(inside, there * stride, -len(sides) * size))
    return torch.stack(rows)


def _uncut_tables(side: int, size: int, places: int) -> Tensor:
    """Return ``(places + 1, side)``: row 0 keeps everything, row k cuts the box at place k - 1."""
    here = torch.arange(side)
    rows = [torch.ones(side, dtype=torch.bool)]
    for place in range(places):
        first = place - size // 2
        rows.append((here < first) | (here >= first + size))
    return torch.stack(rows)
