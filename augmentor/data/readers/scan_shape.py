"""Scans as samples need them: one orientation, one window, one spacing, one size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from augmentor.core.kinds import IMAGE, Kind
from augmentor.data.readers.pictures import to_square
from augmentor.data.readers.resample import resampled
from augmentor.data.readers.scan import Scan, UnreadableScan, check_bytes
from augmentor.data.spec import ImageSpec

TARGETS: Final = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
"""The directions that depth, height and width of every volume get: superior, posterior, left."""
PERCENTILES: Final = (0.5, 99.5)
OBLIQUE: Final = float(np.cos(np.deg2rad(25)))
LARGE: Final = 2**24
"""Cells above which a volume is resampled a few slices at a time."""


@dataclass(frozen=True, eq=False)
class Settled:
    """A scan in the form of a sample.

    Attributes:
        kind: IMAGE or VOLUME.
        x: uint8, uint16 or float32 array (C, *S).
        scale: (slope, intercept): slope * x + intercept is in ``units``.
        spacing: millimetres between the cells of ``x``, NaN where unknown.
        bounds: (low, high) of what values may be; None where nothing says so.
        units: of the measured values.
        sides: of the scan before it was resized, in its final orientation.
        bits: of one value in the file.
        patient: what the file calls its patient.
        remarks: what was done.
        traits: properties that may tell the class by accident.
        part: which part of its file it is; empty for its number.
    """

    kind: Kind
    x: npt.NDArray[Any]
    scale: tuple[float, float]
    spacing: tuple[float, ...]
    bounds: tuple[float, float] | None
    units: str
    sides: tuple[int, ...]
    bits: int
    patient: str | None
    remarks: tuple[str, ...]
    traits: Mapping[str, str]
    part: str


def settled(scan: Scan, image: ImageSpec, size: int | None) -> Settled:
    """Bring a scan to the form of a sample.

    Cells without a number get the lowest value of the file. Volumes are turned so that depth, height and
    width point to superior, posterior and left, as near as their axes allow without interpolation.

    Args:
        scan: as its file has it.
        image: window, spacing.
        size: side of the square or cube; None keeps the sides.

    Raises:
        UnreadableScan: if it cannot be brought there.
    """
    remarks = list(scan.remarks)
    bits = 8 * scan.x.dtype.itemsize
    x, spacing = _numbers(scan.x, remarks), scan.spacing
    if scan.axes is not None and scan.kind != IMAGE:
        x, spacing = _turned(x, spacing, scan.axes, remarks)
    sides = x.shape[1:]
    x, scale, bounds = _windowed(x, scan, image)
    if image.spacing is not None:
        if spacing is None:
            raise UnreadableScan("it does not say how far its cells are apart; leave image.spacing away")
        x, spacing = _to_spacing(x, spacing, image.spacing)
    if size is not None and image.spacing is not None:
        x = cut_or_padded(x, size)
    elif size is not None:
        x, spacing = _resized(x, spacing, size)
    return Settled(
        kind=scan.kind,
        x=np.ascontiguousarray(x if x.dtype in (np.uint8, np.uint16) else x.astype(np.float32)),
        scale=scale,
        spacing=(np.nan,) * len(sides) if spacing is None else spacing,
        bounds=bounds,
        units=scan.units,
        sides=sides,
        bits=bits,
        patient=scan.patient,
        remarks=tuple(remarks),
        traits=scan.traits,
        part=scan.part,
    )


def _numbers(x: npt.NDArray[Any], remarks: list[str]) -> npt.NDArray[Any]:
    """Return ``x`` without NaN and infinity."""
    if x.dtype.kind != "f":
        return x
    finite = np.isfinite(x)
    if finite.all():
        return x
    if not finite.any():
        raise UnreadableScan("none of its values is a number (all NaN)")
    remarks.append("cells without a number (NaN) were given the lowest value of their file")
    return np.where(finite, x, x[finite].min())


def _turned(
    x: npt.NDArray[Any],
    spacing: tuple[float, ...] | None,
    axes: npt.NDArray[np.float64],
    remarks: list[str],
) -> tuple[npt.NDArray[Any], tuple[float, ...] | None]:
    """Return (C, D, H, W) with its axes reordered and reversed to the nearest of :data:`TARGETS`."""
    along = axes @ TARGETS.T  # [own axis, wanted axis]
    own, wanted = linear_sum_assignment(-np.abs(along))
    order = [int(axis) for axis in own[np.argsort(wanted)]]
    signs = [along[axis, place] for place, axis in enumerate(order)]
    if min(np.abs(signs)) < OBLIQUE:
        remarks.append("slices oblique to the patient's axes: each axis was taken as the nearest one")
    x = np.transpose(x, (0, *(axis + 1 for axis in order)))
    x = x[(slice(None), *(slice(None, None, -1 if sign < 0 else 1) for sign in signs))]
    return x, None if spacing is None else tuple(spacing[axis] for axis in order)


def _windowed(
    x: npt.NDArray[Any], scan: Scan, image: ImageSpec
) -> tuple[npt.NDArray[Any], tuple[float, float], tuple[float, float] | None]:
    """Return the values, (slope, intercept) back to the scanner's units, and what values may be."""
    if image.window is None:
        return (x if x.dtype in (np.uint8, np.uint16) else _float32(x)), (1.0, 0.0), scan.bounds
    if len(x) == 3 and scan.kind == IMAGE:
        raise UnreadableScan("it is in colour, and a window is for grey values; leave image.window away")
    if isinstance(image.window, tuple):
        return np.clip(_float32(x), *image.window), (1.0, 0.0), image.window
    if image.window == "file":
        if scan.window is None:
            raise UnreadableScan(
                "it names no window of its own; choose one with --set image.window=[lowest,highest], or "
                "image.window=percentile"
            )
        low, high = scan.window
    else:
        low, high = (float(value) for value in np.percentile(x, PERCENTILES))
    slope = high - low if high > low else 1.0
    return np.clip((_float32(x) - low) / slope, 0, 1).astype(np.float32), (slope, low), (0.0, 1.0)


def _float32(x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        values = x.astype(np.float32)
    if not np.isfinite(values).all():
        raise UnreadableScan("it holds values beyond the range of 32-bit floats")
    return values


def _to_spacing(
    x: npt.NDArray[Any], spacing: tuple[float, ...], wanted: float
) -> tuple[npt.NDArray[Any], tuple[float, ...]]:
    grid = [max(1, round(side * own / wanted)) for side, own in zip(x.shape[1:], spacing, strict=True)]
    check_bytes(len(x) * int(np.prod(grid, dtype=np.float64)) * 8, f"it at a spacing of {wanted:g} mm")
    made = tuple(side * own / new for side, own, new in zip(x.shape[1:], spacing, grid, strict=True))
    return regridded(x, grid), made


def _resized(
    x: npt.NDArray[Any], spacing: tuple[float, ...] | None, size: int
) -> tuple[npt.NDArray[Any], tuple[float, ...] | None]:
    """Return the largest centred square or cube, in millimetres where the spacing is known."""
    if x.ndim == 3:
        x, spacing = _square_pixels(x, spacing)
        side = min(x.shape[1:])
        made = np.moveaxis(to_square(np.moveaxis(x, 0, 2), size), 2, 0)
        return made, None if spacing is None else tuple(own * side / size for own in spacing)
    steps = spacing or (1.0,) * (x.ndim - 1)
    length = min(side * step for side, step in zip(x.shape[1:], steps, strict=True))
    cells = [min(side, max(1, round(length / step))) for side, step in zip(x.shape[1:], steps, strict=True)]
    starts = [(side - own) // 2 for side, own in zip(x.shape[1:], cells, strict=True)]
    x = x[(slice(None), *(slice(at, at + own) for at, own in zip(starts, cells, strict=True)))]
    made = regridded(x, [size] * len(cells))
    if spacing is None:
        return made, None
    return made, tuple(own * step / size for own, step in zip(cells, spacing, strict=True))


def _square_pixels(
    x: npt.NDArray[Any], spacing: tuple[float, ...] | None
) -> tuple[npt.NDArray[Any], tuple[float, ...] | None]:
    if spacing is None or max(spacing) <= 1.01 * min(spacing):
        return x, spacing
    return _to_spacing(x, spacing, min(spacing))


def regridded(x: npt.NDArray[Any], grid: Sequence[int]) -> npt.NDArray[Any]:
    """Return (C, *S) resampled to the sides ``grid``, a few slices at a time where it is large."""
    if x.size <= LARGE or x.ndim < 4:
        return np.asarray(resampled(x[None], grid)[0])
    flat = [
        resampled(x[None, :, start : start + 1].astype(np.float32), (1, *grid[1:]))[0]
        for start in range(x.shape[1])
    ]
    made = np.asarray(resampled(np.concatenate(flat, axis=1)[None], grid)[0])
    return np.rint(made).astype(x.dtype) if x.dtype.kind in "iu" else made


def cut_or_padded(x: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Return (C, *S) with ``size`` cells a side about its middle: cut, or filled with its lowest value.

    Example:
        >>> cut_or_padded(np.array([[[1, 2, 3], [4, 5, 6]]]), 2).tolist()
        [[[1, 2], [4, 5]]]
    """
    starts = [max(0, (side - size) // 2) for side in x.shape[1:]]
    x = x[(slice(None), *(slice(at, at + size) for at in starts))]
    missing = [size - side for side in x.shape[1:]]
    rest = [(0, 0), *((gap // 2, gap - gap // 2) for gap in missing)]
    return np.pad(x, rest, constant_values=x.min()) if any(missing) else x
