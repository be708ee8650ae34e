"""DICOM files of one series put together: slices by their place in the patient."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from augmentor.core.kinds import VOLUME
from augmentor.data.readers.dicom import DicomHead, head_of, opened, quiet
from augmentor.data.readers.dicom_pixels import Measured, measured
from augmentor.data.readers.scan import Pixels, Scan, Stack, UnreadableScan, check_bytes, one_stack

FEWEST: Final = 4
"""Slices of one series that make a volume, where nobody says so."""
SAME_PLACE: Final = 0.01
"""Millimetres: slices nearer than this lie at one place."""
UNEVEN: Final = 0.1
MISSING: Final = 1.5
"""Gaps of more than so many usual ones hold slices that are missing."""
MOST_MISSING: Final = 0.25
TILTED: Final = 0.5
"""Degrees between the stack's direction and the slices' normal from which a tilt is told."""


@dataclass(frozen=True, eq=False)
class Series:
    """Slices of one volume.

    Attributes:
        rows: which files, from the lowest slice to the highest.
        places: millimetres along the normal of the slices, as ``rows``; None where they are not known.
        axes: (3, 3) directions of depth, height and width; None where not known.
        remarks: what is odd about them.
    """

    rows: tuple[int, ...]
    places: npt.NDArray[np.float64] | None
    axes: npt.NDArray[np.float64] | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Grouped:
    """Files by the volume they belong to.

    Attributes:
        series: the volumes.
        single: files that are no slices of a volume.
        left: files that cannot be used, and why.
    """

    series: tuple[Series, ...]
    single: tuple[int, ...]
    left: tuple[tuple[int, str], ...]


def group_series(
    heads: Sequence[DicomHead], *, keys: Sequence[object], stack: Stack | None, forced: bool = False
) -> Grouped:
    """Find the volumes among DICOM files.

    Files are slices of one volume where they share their series and their key, their size and direction,
    and lie at different places: at least four of them.

    Args:
        heads: of the files.
        keys: what slices of one volume must share besides, e.g. class and part.
        stack: how several stacks of one series (echoes, time points) are used.
        forced: whether two slices are enough, and files without a place are stacked by their number.
    """
    lots: dict[tuple[object, ...], list[int]] = defaultdict(list)
    single: list[int] = []
    for row, (head, key) in enumerate(zip(heads, keys, strict=True)):
        if head.series and head.frames == 1 and (forced or head.place is not None):
            lots[head.series, key].append(row)
        else:
            single.append(row)
    series: list[Series] = []
    left: list[tuple[int, str]] = []
    for lot in lots.values():
        alike = _largest_alike(heads, lot)
        if len(alike) < (2 if forced else FEWEST):
            single += lot
            continue
        left += [
            (row, "it differs in size or direction from the other slices of its series (a mixed series)")
            for row in lot
            if row not in alike
        ]
        made, more = _stacks(heads, alike, stack, forced)
        series += made
        left += more
    return Grouped(tuple(series), tuple(sorted(single)), tuple(left))


def read_series(series: Series, heads: Sequence[DicomHead], read: Callable[[int], bytes]) -> Scan:
    """Return the volume of a series' slices, evenly apart.

    Slices that are missing, or not evenly apart, are interpolated between their neighbours.

    Args:
        series: which files.
        heads: of all files.
        read: returns the content of a file.

    Raises:
        UnreadableScan: if a slice cannot be decoded, or too many are missing.
    """
    first = heads[series.rows[0]]
    check_bytes(len(series.rows) * first.rows * first.columns * 4, "its slices")
    slices = [_slice(read(row)) for row in series.rows]
    remarks = [*dict.fromkeys(remark for one in slices for remark in one.remarks), *series.remarks]
    x = np.stack([one.x[0] for one in slices])
    if x.ndim == 4:
        raise UnreadableScan("its slices are in colour, and volumes of colours are not read")
    step = first.thickness
    if series.places is not None:
        x, step = _even(x, series.places, remarks)
    bounds = [one.bounds for one in slices if one.bounds is not None]
    if len({one.units for one in slices}) > 1:
        raise UnreadableScan("its slices are in different units")
    return Scan(
        kind=VOLUME,
        x=x[None],
        spacing=None if first.spacing is None or not step else (float(step), *first.spacing),
        axes=series.axes,
        bounds=(min(low for low, _ in bounds), max(high for _, high in bounds)) if bounds else None,
        units=slices[0].units,
        window=slices[len(slices) // 2].window,
        patient=first.patient,
        remarks=tuple(remarks),
        traits=first.traits,
    )


def _slice(data: bytes) -> Measured:
    try:
        with quiet():
            dataset = opened(data, values=True)
            return measured(dataset, head_of(dataset), 1)
    except UnreadableScan:
        raise
    except Exception as error:  # a damaged element; its message may quote the patient's data
        raise UnreadableScan(f"the content of a slice is damaged ({type(error).__name__})") from error


def _largest_alike(heads: Sequence[DicomHead], rows: Iterable[int]) -> list[int]:
    """Return the most files of one size and direction."""
    lots: dict[object, list[int]] = defaultdict(list)
    for row in rows:
        head = heads[row]
        axes = None if head.axes is None else tuple(np.round(head.axes, 2).ravel() + 0.0)
        lots[head.rows, head.columns, head.channels, axes].append(row)
    return max(lots.values(), key=len)


def _stacks(
    heads: Sequence[DicomHead], rows: list[int], stack: Stack | None, forced: bool
) -> tuple[list[Series], list[tuple[int, str]]]:
    """Return the volumes of files that are alike, and those that are left."""
    head = heads[rows[0]]
    if head.axes is None or any(heads[row].place is None for row in rows):
        if not forced:
            return [], [(row, "its head does not say which way its slice lies") for row in rows]
        remark = "slices that do not say where they lie were stacked by their number"
        return [Series(tuple(sorted(rows, key=lambda row: heads[row].number)), None, None, (remark,))], []
    normal = np.cross(head.axes[1], head.axes[0])
    places = {row: float(np.dot(heads[row].place, normal)) for row in rows}  # type: ignore[arg-type]
    lots = _apart(heads, rows, places)
    if len(lots) == 1:
        made, left = _one_stack(heads, lots[0], places, normal)
        return [made], left
    what = f"{len(lots)} stacks of slices at the same places (echoes, time points or acquisitions)"
    try:
        way = one_stack(stack, len(lots), what, ("frames", "first"))
    except UnreadableScan as error:
        return [], [(row, f"its series {str(error).removeprefix('it ')}") for row in rows]
    chosen = lots[:1] if way == "first" else lots
    results = [_one_stack(heads, lot, places, normal) for lot in chosen]
    unused = [(row, "its stack is not the first of its series") for lot in lots[len(chosen) :] for row in lot]
    return [one for one, _ in results], [*unused, *(item for _, left in results for item in left)]


def _apart(heads: Sequence[DicomHead], rows: Sequence[int], places: dict[int, float]) -> list[list[int]]:
    """Return the stacks of a series: one, or those that echo, time or acquisition tell apart."""
    positions = len({round(places[row] / SAME_PLACE) for row in rows})
    if positions == len(rows):
        return [list(rows)]
    for which in range(3):
        lots: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            lots[heads[row].stacks[which]].append(row)
        whole = all(
            len({round(places[row] / SAME_PLACE) for row in lot}) == len(lot) == positions
            for lot in lots.values()
        )
        if len(lots) > 1 and whole:
            return [lots[name] for name in sorted(lots, key=lambda name: (len(name), name))]
    return [list(rows)]


def _one_stack(
    heads: Sequence[DicomHead],
    rows: Sequence[int],
    places: dict[int, float],
    normal: npt.NDArray[np.float64],
) -> tuple[Series, list[tuple[int, str]]]:
    order = sorted(rows, key=lambda row: (places[row], heads[row].number))
    kept, left = [order[0]], []
    for row in order[1:]:
        if places[row] - places[kept[-1]] < SAME_PLACE:
            left.append((row, "another slice of its series lies at the same place (a doubled slice)"))
        else:
            kept.append(row)
    first, last = heads[kept[0]], heads[kept[-1]]
    assert first.place is not None
    assert last.place is not None
    assert first.axes is not None
    remarks = []
    along = last.place - first.place
    if len(kept) > 1:
        cosine = float(along @ normal / np.linalg.norm(along))
        angle = float(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))))
        if max(angle, abs(first.tilt)) > TILTED:
            remarks.append("the gantry was tilted: the slices were stacked as they are, which shears them")
    if left:
        remarks.append("doubled slices were left out")
    axes = np.stack([normal, *first.axes])
    return Series(tuple(kept), np.array([places[row] for row in kept]), axes, tuple(remarks)), left


def _even(x: Pixels, places: npt.NDArray[np.float64], remarks: list[str]) -> tuple[Pixels, float | None]:
    """Return the slices at even places, and the millimetres between them."""
    if len(places) < 2:
        return x, None
    gaps = np.diff(places)
    step = float(np.median(gaps))
    if np.abs(gaps - step).max() <= UNEVEN * step:
        return x, step
    n = int(np.rint((places[-1] - places[0]) / step)) + 1
    if gaps.max() > MISSING * step:
        if n - len(places) > MOST_MISSING * n:
            raise UnreadableScan(
                f"{n - len(places)} of its {n} slices are missing; at most a quarter can be interpolated"
            )
        remarks.append("slices are missing: they were interpolated between their neighbours")
    else:
        remarks.append("slices are not evenly apart: they were interpolated to even places")
    at = np.interp(np.linspace(places[0], places[-1], n), places, np.arange(len(places), dtype=np.float64))
    low = np.minimum(at.astype(np.int64), len(places) - 2)
    share = (at - low)[:, None, None]
    made = x[low] * (1 - share) + x[low + 1] * share
    whole = x.dtype.kind in "iu"
    return (np.rint(made) if whole else made).astype(x.dtype), float(places[-1] - places[0]) / (n - 1)
