"""Settled scans to the arrays of samples: one dtype, one number of channels, one range of values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.calibration import Calibration
from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE
from augmentor.data.loaded import SkippedFile
from augmentor.data.readers.pictures import to_channels
from augmentor.data.readers.reading import Reading
from augmentor.data.readers.scan_shape import Settled
from augmentor.data.readers.series import series_range


@dataclass(frozen=True, eq=False)
class Gathered:
    """Scans as samples hold them.

    Attributes:
        x: (N, C, *S).
        rows: which of the scans they are.
        value_range: (low, high) that values may take.
        calibration: what values and cells are in the world.
        sides: int64 (N, ndim) before resizing.
        channels: int64 (N,) before they were brought to one number.
        bits: int64 (N,) of one value in the file.
        skipped: scans that fit with no others.
        notes: what was done, in words.
    """

    x: npt.NDArray[Any]
    rows: list[int]
    value_range: tuple[float, float]
    calibration: Calibration
    sides: npt.NDArray[np.int64]
    channels: npt.NDArray[np.int64]
    bits: npt.NDArray[np.int64]
    skipped: list[SkippedFile]
    notes: list[str]


def gathered(scans: Sequence[Settled], ids: Sequence[str], how: Reading, where: str) -> Gathered:
    """Put scans of one kind together; those in other units than most are skipped.

    Raises:
        DataError: if their sizes or channels differ, or values lie beyond the card's range.
    """
    units = Counter(scan.units for scan in scans)
    usual = units.most_common(1)[0][0]
    rows = [row for row, scan in enumerate(scans) if scan.units == usual]
    skipped = [
        SkippedFile(ids[row], f"its values are in {scan.units or 'unknown units'}, and most are in "
                    f"{usual or 'unknown units'}")
        for row, scan in enumerate(scans)
        if scan.units != usual
    ]  # fmt: skip
    kept = [scans[row] for row in rows]
    notes: list[str] = []
    x = _stacked(kept, [ids[row] for row in rows], how, notes)
    for remark, n in sorted(Counter(r for scan in kept for r in dict.fromkeys(scan.remarks)).items()):
        notes.append(f"{n} scans: {remark}")
    return Gathered(
        x=x,
        rows=rows,
        value_range=_range(kept, x, how, where, notes),
        calibration=Calibration(
            np.array([scan.scale for scan in kept], dtype=np.float64),
            np.array([scan.spacing for scan in kept], dtype=np.float64),
            usual,
            _window(how),
        ),
        sides=np.array([scan.sides for scan in kept], dtype=np.int64),
        channels=np.array([len(scan.x) for scan in kept], dtype=np.int64),
        bits=np.array([scan.bits for scan in kept], dtype=np.int64),
        skipped=skipped,
        notes=notes,
    )


def _stacked(
    scans: Sequence[Settled], ids: Sequence[str], how: Reading, notes: list[str]
) -> npt.NDArray[Any]:
    found = Counter(len(scan.x) for scan in scans)
    most = max(found)
    images = scans[0].kind == IMAGE
    if images:
        most = {"grey": 1, "rgb": 3, "auto": 3 if found[3] else 1}[how.image.colour]
        if len(found) > 1:
            notes.append(f"{found[1]} grey and {found[3]} colour images: all are used as "
                         f"{'grey' if most == 1 else 'rgb'}")  # fmt: skip
    elif len(found) > 1:
        odd = next(row for row, scan in enumerate(scans) if len(scan.x) != most)
        raise DataError(
            f"volumes of one dataset have the same channels, got {ids[odd]} with {len(scans[odd].x)} and "
            f"others with {most}; leave one sort out"
        )
    shapes = {scan.x.shape[1:] for scan in scans}
    if len(shapes) > 1:
        raise DataError(
            f"the scans have {len(shapes)} sizes after reading, e.g. {min(shapes)} and {max(shapes)}; choose "
            "one with --set image.size=32"
        )
    kinds = {scan.x.dtype for scan in scans}
    whole = all(kind in (np.uint8, np.uint16) for kind in kinds)
    dtype: npt.DTypeLike = (
        np.float32 if not whole else np.uint16 if np.dtype(np.uint16) in kinds else np.uint8
    )
    rows = [scan.x for scan in scans]
    if images:
        rows = [np.moveaxis(to_channels(np.moveaxis(row, 0, 2), most), 2, 0) for row in rows]
    return np.stack([row.astype(dtype) for row in rows])


def _range(
    scans: Sequence[Settled], x: npt.NDArray[Any], how: Reading, where: str, notes: list[str]
) -> tuple[float, float]:
    """Return the card's range, that of the files' bits, else a round one beyond all values."""
    low, high = float(x.min()), float(x.max())
    if how.card is not None and how.card.value_range is not None:
        known = how.card.value_range
        if low < known[0] or high > known[1]:
            raise DataError(
                f"{where} holds values from {low:g} to {high:g}, and its card says {known[0]:g} to "
                f"{known[1]:g}; correct value_range in the card"
            )
        return known
    bounds = {scan.bounds for scan in scans}
    told = [one for one in bounds if one is not None]
    if len(told) < len(bounds):
        return series_range({"all": x.astype(np.float64)})
    if len(told) > 1:
        notes.append(
            f"the files have {len(told)} ranges of values ({_ranges(told)}) and are used as they are; where "
            "that says nothing of the patients, --set image.window=percentile brings each to its own"
        )
    return min(one[0] for one in told), max(one[1] for one in told)


def _ranges(bounds: Sequence[tuple[float, float]]) -> str:
    shown = [f"{low:g} to {high:g}" for low, high in sorted(bounds)]
    return ", ".join(shown[:3]) + (", ..." if len(shown) > 3 else "")


def _window(how: Reading) -> str:
    window = how.image.window
    if window is None:
        return ""
    if window == "file":
        return "each file's own window, brought to 0 to 1"
    if window == "percentile":
        return "percentiles 0.5 to 99.5 of each file, brought to 0 to 1"
    return f"cut to {window[0]:g} to {window[1]:g}"
