"""How large a network is, by resolution and number of images. Free of torch: arithmetic only."""

from __future__ import annotations

from collections.abc import Sequence

LARGEST_BASE = 7
"""The coarsest grid has 4 to 7 cells per side; smaller images keep their size."""

WIDTHS = ((1_000, 24), (10_000, 32), (50_000, 48))
"""Channels of a small picture's networks for fewer than so many images; above the last, 64."""

WIDEST = 8
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
    """Return the channels at full resolution, a multiple of 8.

    A wide critic memorises few images: on digits with 8 images in some
    classes, 48 channels collapse where 24 do not. Every doubling of the side costs four times the
    work, so the full resolution gets fewer channels (two thirds above 16 pixels, a third above 32, a
    sixth above 64) while coarser stages double them: sets of a few hundred images then train in
    minutes on two cores. Volumes get half.
    """
    width = float(next((width for below, width in WIDTHS if images < below), 64))
    side = max(spatial)
    width *= 1 if side <= 16 else 2 / 3 if side <= 32 else 1 / 3 if side <= 64 else 1 / 6
    if len(spatial) == 3:
        width /= 2
    # Vector units work on 8 or 16 channels at once.
    return max(8, 8 * round(width / 8))


def stage_widths(width: int, stages: int) -> list[int]:
    """Return the channels of all stages, coarsest first: doubling, up to :data:`WIDEST` times."""
    return [min(width * 2**step, width * WIDEST) for step in reversed(range(stages))]


def auto_gamma(spatial: Sequence[int]) -> float:
    """Return the weight of R1 and R2: 0.1 at 8 pixels a side, growing with the side.

    The squared gradient norm sums over pixels while neighbouring pixels are alike, so gamma has
    to grow with resolution; published presets grow between the first and second power of the side.
    """
    return 0.1 * max(spatial) / 8
