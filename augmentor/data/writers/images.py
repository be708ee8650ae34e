"""Images of an expanded dataset: one PNG file each."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.samples import Samples
from augmentor.data.writers.files import FilePerSample, image_archive


class ImageFiles(FilePerSample):
    """8-bit PNG files of uint8 images, 16-bit ones of uint16 and float32 images."""

    ending = "png"

    def check(self, train: Samples) -> None:
        """Refuse images that PNG cannot hold.

        Raises:
            DataError: if they have other than 1 or 3 channels.
        """
        if train.shape[0] not in (1, 3):
            raise DataError(f"images to write have 1 or 3 channels, got {train.shape[0]}")

    def encode(self, row: npt.NDArray[Any], value_range: tuple[float, float]) -> bytes:
        """Return the image (C, H, W) as PNG."""
        return png(row, value_range)

    def archive(
        self, x: npt.NDArray[Any], labels: npt.NDArray[np.int64], source: npt.NDArray[np.str_]
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays as MedMNIST names them, colours last."""
        return image_archive(x, labels, source)

    def describe(self, train: Samples) -> str:
        """Say how the values of the data became those of the files."""
        dtype = train.array.dtype
        top = 255 if dtype == np.uint8 else 65535
        low, high = train.value_range or (0, top)
        if (low, high) == (0, top) and dtype != np.float32:
            return f"Pixels are written as they are, 0 to {top}."
        return (
            f"The data's own values run from {low:g} to {high:g} ({dtype}). The PNG files hold them "
            f"stretched linearly to 0 to {top}: value = {low:g} + png / {top} * {high - low:g}. An .npz file "
            "beside them, where there is one, holds the own values."
        )


def png(picture: npt.NDArray[Any], value_range: tuple[float, float]) -> bytes:
    """Encode one picture (C, H, W) as PNG: uint8 with 8 bits, uint16 and float32 with 16 bits.

    Values are written as they are where ``value_range`` is that of the PNG, else stretched linearly.
    """
    import cv2  # writes 16-bit colour, which Pillow cannot; slow to import, only needed here

    deep = picture.dtype != np.uint8
    top = 65535 if deep else 255
    low, high = value_range
    pixels = picture
    if (low, high) != (0, top) or not np.issubdtype(picture.dtype, np.integer):
        stretched = (picture.astype(np.float64) - low) / (high - low) * top
        pixels = np.clip(np.rint(stretched), 0, top).astype(np.uint16 if deep else np.uint8)
    # OpenCV keeps colours in the order blue, green, red.
    plane = pixels[0] if len(pixels) == 1 else np.moveaxis(pixels[::-1], 0, 2)
    done, data = cv2.imencode(".png", np.ascontiguousarray(plane))
    if not done:
        raise DataError(f"a picture of the shape {picture.shape} cannot be written as PNG")
    return bytes(data)
