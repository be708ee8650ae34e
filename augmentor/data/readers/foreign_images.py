"""Synthetic images made by anyone: resized, recoloured and in the units of the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.progress import Progress
from augmentor.core.samples import Samples
from augmentor.data.readers.arrays import channels_last, own_dtype, shaped
from augmentor.data.readers.files import Files
from augmentor.data.readers.folder import ReadPicture, read_pictures
from augmentor.data.readers.foreign import FolderRows, as_dtype, check_range, in_real_units, range_of
from augmentor.data.readers.pictures import to_channels
from augmentor.data.spec import ImageSpec


class ForeignImages:
    """Reads images as real ones are read."""

    def from_files(
        self, files: Files, like: Samples, *, as_stored: bool, where: str, progress: Progress
    ) -> FolderRows:
        """Read picture files; where they are not as stored, their full depth is the real value range."""
        height, width = like.shape[1:]
        read, broken = read_pictures(files, height if height == width else None, progress)
        if not read:
            return FolderRows([], like.array[:0], broken, [])
        low, high = range_of(like)
        if as_stored:
            low, high = 0.0, 255.0 if like.array.dtype == np.uint8 else 65535.0
        x = np.stack([_in_units(item, like, low, high) for item in read])
        check_range(x, like, where)
        return FolderRows([item.found for item in read], x, broken, _changes(read, like))

    def from_array(
        self, x: npt.NDArray[Any], arrays: Mapping[str, npt.NDArray[Any]], like: Samples, where: str
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_], list[str]]:
        """Bring images (N, H, W), (N, H, W, C) or (N, C, H, W) to the real ones' size and colour."""
        made, notes = _as_real_ones(x, arrays, like, where)
        return made, np.ones(len(made), dtype=np.bool_), notes


def _in_units(item: ReadPicture, like: Samples, low: float, high: float) -> npt.NDArray[Any]:
    pixels = item.picture.pixels
    if pixels.shape[:2] != like.shape[1:]:
        raise DataError(
            f"{item.found.id} has {pixels.shape[1]} x {pixels.shape[0]} pixels and the real pictures "
            f"{like.shape[2]} x {like.shape[1]}, no square; bring both to one, e.g. --set image.size=32"
        )
    top = 2**item.picture.bits - 1
    values = low + np.moveaxis(to_channels(pixels, like.shape[0]), 2, 0) / top * (high - low)
    return as_dtype(values, like.array.dtype)


def _changes(read: Sequence[ReadPicture], like: Samples) -> list[str]:
    height, width = like.shape[1:]
    sized = [item for item in read if (item.picture.height, item.picture.width) != (height, width)]
    notes = []
    if sized:
        first = sized[0].picture
        notes.append(
            f"{len(sized)} synthetic pictures of another size (e.g. {first.width} x {first.height}) were "
            f"brought to {width} x {height} pixels, as real ones are"
        )
    coloured = sum(item.picture.pixels.shape[2] == 3 for item in read)
    if like.shape[0] == 1 and coloured:
        notes.append(f"{coloured} synthetic pictures in colour were made grey, as the real ones are")
    return notes


def _as_real_ones(
    x: npt.NDArray[Any], arrays: Mapping[str, npt.NDArray[Any]], like: Samples, where: str
) -> tuple[npt.NDArray[Any], list[str]]:
    pixels = own_dtype(channels_last(x, where), where)
    pixels, notes = in_real_units(pixels, arrays, like, where)
    shape = pixels.shape[1:]
    height, width = like.shape[1:]
    if shape[:2] != (height, width) and height != width:
        raise DataError(
            f"{where} holds pictures of {shape[1]} x {shape[0]} pixels and the real ones have "
            f"{width} x {height}, no square; bring both to one, e.g. --set image.size=32"
        )
    colour = ImageSpec(colour="grey" if like.shape[0] == 1 else "rgb")
    made = shaped({"all": pixels}, colour, height if shape[:2] != (height, width) else None)["all"]
    if shape[:2] != (height, width):
        notes.append(
            f"{len(made)} synthetic pictures of {shape[1]} x {shape[0]} were brought to {width} x {height} "
            "pixels, as real ones are"
        )
    if shape[2] == 3 and like.shape[0] == 1:
        notes.append("synthetic pictures with three channels were made grey, as the real ones are")
    return made, notes
