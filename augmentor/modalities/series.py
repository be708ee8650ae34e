"""Series: channels over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from augmentor.core.kinds import SERIES, Kind
from augmentor.core.samples import Samples
from augmentor.data.readers.foreign import ForeignForm
from augmentor.data.readers.foreign_arrays import ForeignArrays
from augmentor.data.writers.arrays import SeriesFiles
from augmentor.data.writers.export import Writer
from augmentor.modalities.base import Preview
from augmentor.modalities.grid import GridModality

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

Float = npt.NDArray[np.float64]
Pictures = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class SeriesModality(GridModality):
    """Series (C, T)."""

    kind: Kind = SERIES
    lacking: tuple[str, ...] = ("rotate", "shear", "flip_vertical", "flip_depth", "quarter_turns")
    operations: ClassVar[tuple[str, ...]] = (
        *("identity", "shift", "scale", "brightness", "contrast", "sharpness", "noise", "mask"),
    )
    """Level and amplitude carry meaning, so none that sets them to a standard."""
    writer: ClassVar[Writer] = SeriesFiles()
    foreign: ClassVar[ForeignForm] = ForeignArrays()

    def windows_by_channel(self, shape: tuple[int, ...]) -> bool:
        """Return True: channels are different quantities, say a pressure beside a flow."""
        return True

    def preview(self, train: Samples) -> Preview:
        """Return how series are shown: as line plots, a lane a channel."""
        low, high = (f(train.array, axis=(0, 2)).astype(np.float64) for f in (np.min, np.max))
        return Preview(
            lambda rows: plots(np.asarray(rows), low, high),
            note="Each channel has a lane of its own, from the lowest to the highest value of the real "
            "training part, time from left to right; of many channels the first six are shown.",
            lines=True,
        )


def plots(rows: npt.NDArray[Any], low: Float, high: Float) -> Pictures:
    """Return series (n, C, T) as line plots, uint8 (n, H, 192, 3): a lane a channel, time to the right.

    Args:
        rows: in the data's units.
        low: (C,) value at the bottom of each lane.
        high: (C,) value at its top.
    """
    lanes = min(rows.shape[1], MOST_LANES)
    return np.stack([_plot(row[:lanes].astype(np.float64), low, high) for row in rows])


def _plot(row: Float, low: Float, high: Float) -> Pictures:
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
