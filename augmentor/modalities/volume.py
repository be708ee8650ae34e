"""Volumes: three spatial axes, one or several channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from augmentor.core.kinds import VOLUME, Kind
from augmentor.core.samples import Samples
from augmentor.data.readers.foreign import ForeignForm
from augmentor.data.readers.foreign_arrays import ForeignArrays
from augmentor.data.writers.arrays import VolumeFiles
from augmentor.data.writers.export import Writer
from augmentor.modalities.base import Grid, Preview
from augmentor.modalities.grid import LARGEST, GridModality, display_window, grey_levels

GAP = 1
"""Grey columns between the slices of a volume."""


@dataclass(frozen=True)
class VolumeModality(GridModality):
    """Volumes (C, D, H, W)."""

    kind: Kind = VOLUME
    operations: ClassVar[tuple[str, ...]] = (
        *("identity", "shift", "scale", "rotate", "shear", "brightness", "contrast", "sharpness", "noise"),
    )
    writer: ClassVar[Writer] = VolumeFiles()
    foreign: ClassVar[ForeignForm] = ForeignArrays()

    def windows_by_channel(self, shape: tuple[int, ...]) -> bool:
        """Return True for several channels: they are different quantities, say two MRI contrasts."""
        return shape[0] > 1

    def values(self, encoded: Grid) -> Grid:
        """Return the values at the resolution of the search for copies: volumes have very many voxels."""
        return super().values(self.copy_view(encoded))

    def preview(self, train: Samples) -> Preview:
        """Return how volumes are shown: in three slices."""
        window = display_window(train)
        return Preview(
            lambda rows: grey_levels(middle_slices(np.asarray(rows)), window),
            note="Each is shown, without smoothing, as its three middle slices: across depth, across height "
            "and across width.",
            panels=3,
        )


def middle_slices(rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
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
