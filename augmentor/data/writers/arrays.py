"""Series and volumes of an expanded dataset: one .npy file each, in the data's own units and dtype.

No picture format holds them, and a medical one (NIfTI) would claim a voxel size and a direction that
nobody gave.
"""

from __future__ import annotations

import io
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from augmentor.core.samples import Samples
from augmentor.data.writers.files import FilePerSample, image_archive


class ArrayFiles(FilePerSample):
    """A .npy file for each sample."""

    ending = "npy"
    axes: ClassVar[tuple[str, ...]]
    """Of one array, after the channels."""

    def encode(self, row: npt.NDArray[Any], value_range: tuple[float, float]) -> bytes:
        """Return the array as a .npy file; values are written as they are."""
        return npy(row)

    def describe(self, train: Samples) -> str:
        """Say what the arrays hold."""
        low, high = train.value_range or (0, 0)
        return (
            f"Each {train.kind.name} is a .npy array ({', '.join(('channels', *self.axes))}) of the shape "
            f"{train.shape} and the dtype {train.array.dtype}, in the data's own units, {low:g} to {high:g}; "
            "read it with `numpy.load(file, allow_pickle=False)`. An .npz file beside them, where there is "
            "one, holds all of them."
        )


class VolumeFiles(ArrayFiles):
    """Volumes (C, D, H, W)."""

    axes = ("depth", "height", "width")

    def archive(
        self, x: npt.NDArray[Any], labels: npt.NDArray[np.int64], source: npt.NDArray[np.str_]
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays as MedMNIST names them."""
        return image_archive(x, labels, source)


class SeriesFiles(ArrayFiles):
    """Series (C, T)."""

    axes = ("time",)

    def archive(
        self, x: npt.NDArray[Any], labels: npt.NDArray[np.int64], source: npt.NDArray[np.str_]
    ) -> dict[str, npt.NDArray[Any]]:
        """Return X_train (N, C, T), y_train (N,) and source_train (N,)."""
        return {"X_train": x, "y_train": labels, "source_train": source}


def npy(row: npt.NDArray[Any]) -> bytes:
    """Encode one series (C, T) or volume (C, D, H, W) as a .npy file, version 1.0, without pickle."""
    handle = io.BytesIO()
    np.lib.format.write_array(handle, np.ascontiguousarray(row), version=(1, 0), allow_pickle=False)
    return handle.getvalue()
