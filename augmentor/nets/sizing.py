"""How large a network is, by resolution and number of images. Torch-free: plain arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

LARGEST_BASE = 7
"""The coarsest grid has 4 to 7 cells a side; smaller images keep their size."""

WIDTHS = ((1_000, 24), (10_000, 32), (50_000, 48))
"""Channels at full resolution for fewer than so many images; above the last, 64."""

WIDEST = 4
"""A coarse stage has at most so many times the channels of full resolution."""


def resolutions(spatial: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the grids of all stages, coarsest first, the last being ``spatial`` itself.

    Each step halves (rounding up) every side longer than :data:`LARGEST_BASE`, so any size comes
    out exactly: 28 = 7·2·2, and 33 goes 33, 17, 9, 5.
    """
    grids = [tuple(spatial)]
    while max(grids[0]) > LARGEST_BASE:
        grids.insert(0, tuple(-(-side // 2) if side > LARGEST_BASE else side for side in grids[0]))
    return grids


def auto_width(spatial: Sequence[int], images: int) -> int:
    """Return the channels at full resolution.

    Few images are remembered rather than learnt by a wide critic (on digits with 8 images in some
    classes, 48 channels collapse where 24 do not), and every doubling of the resolution beyond 32
    costs four times the work, so the width halves there: sets of a few hundred images train in
    minutes on two cores. In three dimensions a stage costs as much as a picture of many times its
    side, so the width halves once more.
    """
    width = next((width for below, width in WIDTHS if images < below), 64)
    if max(spatial) > 32:
        width //= 2
    if max(spatial) > 64:
        width //= 2
    if len(spatial) == 3:
        width //= 2
    return max(8, width)


def stage_widths(width: int, stages: int) -> list[int]:
    """Return the channels of all stages, coarsest first: doubling, up to :data:`WIDEST` times."""
    return [min(width * 2**step, width * WIDEST) for step in reversed(range(stages))]


def auto_gamma(spatial: Sequence[int]) -> float:
    """Return the weight of R1 and R2: 0.1 at 8 pixels a side, growing with the side.

    The squared gradient norm sums over pixels while neighbouring pixels say the same, so gamma has
    to grow with resolution; published presets grow between the first and second power of the side.
    """
    return 0.1 * max(spatial) / 8
