"""Samples as small pictures for a report: images as they are, volumes in three slices, series as lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.samples import Samples

LARGEST = 96
"""Images with longer sides, and volumes with longer axes, are thinned to at most this many pixels."""
GAP = 1
WIDTH = 192
LANE = 44
MOST_LANES = 6
"""A series with more channels shows its first six."""
FINE = 3
"""Lines are drawn this many times larger and averaged down, so that they are smooth."""
PAPER = (250, 250, 248)
RULE = (222, 222, 218)
# Okabe and Ito's colours, dark enough on paper, told apart by the colour-blind.
INKS = ((0, 90, 160), (190, 80, 0), (0, 120, 90), (150, 70, 125), (90, 90, 90), (120, 95, 0))

Rows = npt.NDArray[Any]
Pictures = npt.NDArray[np.uint8]


def painter(train: Samples) -> Callable[[Rows], Pictures]:
    """Return a function of rows (n, C, *S) in the data's units to pictures uint8 (n, H, W, 1 or 3).

    What is shown from black to white, or from the bottom to the top of a lane, is read off the
    training part and the same for all rows, real and synthetic.
    """
    kind = train.kind.name
    if kind == "series":
        low, high = (f(train.array, axis=(0, 2)).astype(np.float64) for f in (np.min, np.max))
        return lambda rows: plots(rows, low, high)
    window = display_window(train)
    if kind == "volume":
        return lambda rows: grey_levels(middle_slices(rows), window)
    return lambda rows: as_pictures(rows, window)


def display_window(train: Samples) -> tuple[float, float]:
    """Return the range shown from black to white: the declared one for 8-bit, else the training one."""
    if train.array.dtype == np.uint8 and train.value_range is not None:
        return train.value_range
    return float(train.array.min()), float(train.array.max())


def as_pictures(rows: Rows, window: tuple[float, float]) -> Pictures:
    """Return images (n, C, H, W) as uint8 (n, H, W, 1 or 3), ``window`` mapped to 0..255.

    Images with two or more than three channels show their first channel.
    """
    planes = np.moveaxis(rows.astype(np.float64), 1, -1)
    if planes.shape[-1] not in {1, 3}:
        planes = planes[..., :1]
    step = -(-max(planes.shape[1:3]) // LARGEST)
    return grey_levels(planes[:, ::step, ::step], window)


def grey_levels(planes: npt.NDArray[np.float64], window: tuple[float, float]) -> Pictures:
    """Return ``planes`` with ``window`` mapped to 0..255; NaN, the gap between slices, becomes grey."""
    low, high = window
    scaled = (planes - low) / (high - low if high > low else 1.0) * 255.0
    gap = np.isnan(scaled)
    return np.clip(np.rint(np.where(gap, 128.0, scaled)), 0, 255).astype(np.uint8)


def middle_slices(rows: Rows) -> npt.NDArray[np.float64]:
    """Return the three middle slices of volumes (n, C, D, H, W) side by side, (n, side, width, 1).

    From left to right: the slice across depth (rows are height, columns width), across height (rows
    depth, columns width) and across width (rows depth, columns height). Volumes of several channels
    show their first. Slices of different heights stand at the top.
    """
    volume = rows[:, 0].astype(np.float64)
    step = -(-max(volume.shape[1:]) // LARGEST)
    depth, height, width = (side // 2 for side in volume.shape[1:])
    slices = [volume[:, depth], volume[:, :, height], volume[:, :, :, width]]
    slices = [one[:, ::step, ::step] for one in slices]
    tall = max(one.shape[1] for one in slices)
    wide = sum(one.shape[2] for one in slices) + GAP * (len(slices) - 1)
    sheet = np.full((len(rows), tall, wide), np.nan)
    left = 0
    for one in slices:
        sheet[:, : one.shape[1], left : left + one.shape[2]] = one
        left += one.shape[2] + GAP
    return sheet[..., None]


def plots(rows: Rows, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]) -> Pictures:
    """Return series (n, C, T) as line plots, uint8 (n, H, 192, 3): a lane a channel, time to the right.

    Args:
        rows: in the data's units.
        low: (C,) value at the bottom of each lane.
        high: (C,) value at its top.
    """
    lanes = min(rows.shape[1], MOST_LANES)
    return np.stack([_plot(row[:lanes].astype(np.float64), low, high) for row in rows])


def _plot(
    row: npt.NDArray[np.float64], low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]
) -> Pictures:
    from PIL import Image, ImageDraw

    # One channel alone gets two lanes' height.
    lane = LANE * FINE * (2 if len(row) == 1 else 1)
    width, margin = WIDTH * FINE, 4 * FINE
    sheet = Image.new("RGB", (width, lane * len(row)), PAPER)
    pen = ImageDraw.Draw(sheet)
    across = np.linspace(margin, width - margin, row.shape[1])
    for number, values in enumerate(row):
        top = number * lane
        if number:
            pen.line([(0, top), (width, top)], fill=RULE, width=FINE)
        span = high[number] - low[number]
        share = np.clip((values - low[number]) / span, 0, 1) if span > 0 else np.full(len(values), 0.5)
        down = top + lane - margin - share * (lane - 2 * margin)
        places = list(zip(across.tolist(), down.tolist(), strict=True))
        pen.line(places, fill=INKS[number % len(INKS)], width=2 * FINE, joint="curve")
    return np.asarray(sheet.reduce(FINE), dtype=np.uint8)
