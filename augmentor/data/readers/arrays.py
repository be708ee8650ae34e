"""Arrays of pictures to :class:`Samples`: layout, dtype, value range, colour and size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.data.readers.pictures import to_channels, to_square
from augmentor.data.spec import ImageSpec

FLOAT_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))


def channels_last(x: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    """Return pictures (N, H, W), (N, H, W, C) or (N, C, H, W) as (N, H, W, C) with C of 1 or 3.

    Raises:
        DataError: for any other shape.
    """
    if x.ndim == 3:
        return x[:, :, :, None]
    if x.ndim == 4 and x.shape[3] in (1, 3):
        return x
    if x.ndim == 4 and x.shape[1] in (1, 3):
        return np.moveaxis(x, 1, 3)
    if x.ndim == 4 and x.shape[3] == 4:
        raise DataError(f"{where} holds pictures with 4 channels {x.shape}; drop the transparency first")
    raise DataError(
        f"{where} has the shape {x.shape} and holds no images, which are (N, H, W), (N, H, W, C) or "
        "(N, C, H, W) with 1 or 3 channels; for volumes (N, D, H, W) and series (N, T) or (N, C, T) write a "
        "dataset card that says modality: volume or series"
    )


def own_dtype(x: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    """Return ``x`` as uint8, uint16 or float32, without changing a value that matters.

    Raises:
        DataError: for other dtypes, numbers outside 16 bits, and values that are not finite.
    """
    if x.dtype in (np.uint8, np.uint16):
        return x
    if np.issubdtype(x.dtype, np.floating):
        if not np.isfinite(x).all():
            raise DataError(
                f"{where} holds values that are not finite (NaN or infinity); repair them first, or, where "
                "NaN stands for the missing steps of series, write a dataset card that says modality: series"
            )
        return x.astype(np.float32)
    if np.issubdtype(x.dtype, np.integer):
        low, high = (int(x.min()), int(x.max())) if x.size else (0, 0)
        if low >= 0 and high <= 65535:
            return x.astype(np.uint8 if high <= 255 else np.uint16)
        raise DataError(f"{where} holds whole numbers from {low} to {high}; 0 to 65535 can be used")
    raise DataError(f"{where} has the dtype {x.dtype}; pictures are uint8, uint16 or float32")


def own_dtypes(
    arrays: Mapping[str, npt.NDArray[Any]], where: Mapping[str, str]
) -> dict[str, npt.NDArray[Any]]:
    """Return :func:`own_dtype` of every part; parts of one wider dtype (int32, say) get one dtype again.

    Raises:
        DataError: as :func:`own_dtype`.
    """
    made = {part: own_dtype(x, where[part]) for part, x in arrays.items()}
    if len({x.dtype for x in arrays.values()}) == 1 and len({x.dtype for x in made.values()}) > 1:
        # One part reaches beyond 255 and another does not: both are of 16 bits.
        return {part: x.astype(np.uint16) for part, x in made.items()}
    return made


def check_alike(arrays: Mapping[str, npt.NDArray[Any]], where: str) -> None:
    """Refuse parts that differ in dtype or in the shape of one sample.

    Raises:
        DataError: naming each part with both.
    """
    if len({(x.dtype, x.shape[1:]) for x in arrays.values()}) > 1:
        raise DataError(
            f"{where} must share dtype and shape, got "
            + ", ".join(f"{part} {x.dtype} {x.shape[1:]}" for part, x in arrays.items())
        )


def find_range(
    arrays: Mapping[str, npt.NDArray[Any]], known: tuple[float, float] | None, where: str
) -> tuple[float, float]:
    """Return the (low, high) that values may take: the known one, else the dtype's.

    Floating-point data has no range of its own; it is read off as the first of [0, 1], [-1, 1] and
    [0, 255] that holds every value, which tells the units and nothing about single cases.

    Raises:
        DataError: if values lie outside ``known``, or floats outside all three ranges.
    """
    low = min((float(x.min()) for x in arrays.values() if x.size), default=0.0)
    high = max((float(x.max()) for x in arrays.values() if x.size), default=0.0)
    dtype = next(iter(arrays.values())).dtype
    if known is not None:
        if low < known[0] or high > known[1]:
            raise DataError(
                f"{where} holds values from {low:g} to {high:g}, and its card says {known[0]:g} to "
                f"{known[1]:g}; correct value_range in the card"
            )
        return known
    if np.issubdtype(dtype, np.integer):
        return (0.0, float(np.iinfo(dtype).max))
    for bounds in FLOAT_RANGES:
        if bounds[0] <= low and high <= bounds[1]:
            return bounds
    raise DataError(
        f"{where} holds floating-point values from {low:g} to {high:g}, and their range is not known; "
        "write a dataset card with value_range: [low, high]"
    )


def shaped(
    arrays: Mapping[str, npt.NDArray[Any]], image: ImageSpec, size: int | None
) -> dict[str, npt.NDArray[Any]]:
    """Return (N, H, W, C) pictures as (N, C, H, W) in the requested colour and size.

    With colour "auto", three channels that are equal everywhere become one.
    """
    colour = any(x.shape[3] == 3 and bool(np.any(x != x[..., :1])) for x in arrays.values())
    channels = {"grey": 1, "rgb": 3, "auto": 3 if colour else 1}[image.colour]
    result = {}
    for name, x in arrays.items():
        same = x.shape[3] == channels and (size is None or x.shape[1:3] == (size, size))
        if not same:
            rows = [_one(row, channels, size) for row in x]
            side = size or 0
            empty = np.empty((0, side or x.shape[1], side or x.shape[2], channels), dtype=x.dtype)
            x = np.stack(rows) if rows else empty
        result[name] = np.ascontiguousarray(np.moveaxis(x, 3, 1))
    return result


def _one(row: npt.NDArray[Any], channels: int, size: int | None) -> npt.NDArray[Any]:
    # Colours shown by no pixel: the first of three equal channels is the grey itself.
    if channels == 1 and row.shape[2] == 3 and not np.any(row != row[..., :1]):
        row = row[..., :1]
    row = to_channels(row, channels)
    return row if size is None else to_square(row, size)
