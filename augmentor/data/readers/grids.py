"""Arrays of volumes and series to samples of one grid, channels first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.kinds import SERIES, Kind
from augmentor.data.cards import Card
from augmentor.data.readers.arrays import check_alike, find_range, own_dtypes
from augmentor.data.readers.decide import MOST_CHANNELS
from augmentor.data.readers.resample import centred
from augmentor.data.readers.series import fit_series, series_range
from augmentor.data.spec import ImageSpec, SeriesSpec

VOLUME_CHANNELS = 4

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Gridded:
    """Volumes or series as samples need them.

    Attributes:
        x: (N, C, *S) by part.
        kept: boolean mask by part over the rows that came in.
        sides: int64 (N, ndim): the sides of every kept row before any resizing, parts in order.
        value_range: (low, high) of all parts.
        notes: what was done, in words.
    """

    x: dict[str, npt.NDArray[Any]]
    kept: dict[str, npt.NDArray[np.bool_]]
    sides: npt.NDArray[np.int64]
    value_range: tuple[float, float]
    notes: list[str]


def gridded(
    arrays: Arrays,
    kind: Kind,
    *,
    image: ImageSpec,
    series: SeriesSpec,
    card: Card | None,
    where: str,
    like: tuple[int, ...] | None = None,
    known_range: tuple[float, float] | None = None,
) -> Gridded:
    """Bring volumes or series by part to one grid.

    Args:
        arrays: by part; of one shape.
        kind: VOLUME or SERIES.
        image: the side that volumes are brought to: the largest centred cube, resampled.
        series: the length that series are brought to.
        card: what is known about the data.
        where: names the source in errors.
        like: (C, *S) that the result must match, instead of what ``image`` and ``series`` say.
        known_range: the values that are allowed, where they are known.

    Raises:
        DataError: if shapes or values cannot be used.
    """
    if kind == SERIES:
        return _series(arrays, series, where, like, known_range)
    x = own_dtypes(
        {part: volumes_first(rows, where) for part, rows in arrays.items()}, dict.fromkeys(arrays, where)
    )
    check_alike(x, f"the parts of {where}")
    sides = _sides(x)
    bounds = find_range(x, known_range, where)
    size = image.size or (card.image_size if card else None)
    if like is not None:
        _match(x, like, where)
        size = like[1] if len(set(like[1:])) == 1 else None
    notes = []
    if size is not None:
        shape = next(iter(x.values())).shape[2:]
        if shape != (size,) * 3:
            notes.append(
                f"volumes of {' x '.join(map(str, shape))} voxels were brought to {size} a side (the "
                "largest centred cube, resampled)"
            )
        x = {part: centred(rows, size) for part, rows in x.items()}
    elif like is not None and next(iter(x.values())).shape[2:] != like[1:]:
        raise DataError(
            f"{where} holds volumes of {next(iter(x.values())).shape[2:]} voxels and the real ones have "
            f"{like[1:]}, no cube; bring both to one, e.g. --set image.size=32"
        )
    kept = {part: np.ones(len(rows), dtype=np.bool_) for part, rows in x.items()}
    return Gridded({k: np.ascontiguousarray(v) for k, v in x.items()}, kept, sides, bounds, notes)


def volumes_first(x: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    """Return volumes (N, D, H, W), (N, C, D, H, W) or (N, D, H, W, C) as (N, C, D, H, W).

    Raises:
        DataError: for any other shape, and more than four channels.
    """
    if x.ndim == 4:
        return x[:, None]
    if x.ndim == 5 and x.shape[1] <= VOLUME_CHANNELS:
        return x
    if x.ndim == 5 and x.shape[4] <= VOLUME_CHANNELS:
        return np.moveaxis(x, 4, 1)
    raise DataError(
        f"{where} has the shape {x.shape}; volumes are (N, D, H, W), (N, C, D, H, W) or (N, D, H, W, C) "
        f"with at most {VOLUME_CHANNELS} channels"
    )


def series_first(x: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    """Return series (N, T), (N, C, T), or (N, T, C) with few channels and many steps, as (N, C, T).

    Raises:
        DataError: for any other shape.
    """
    if x.ndim == 2:
        return x[:, None]
    if x.ndim != 3:
        raise DataError(f"{where} has the shape {x.shape}; series are (N, T) or (N, C, T)")
    if x.shape[2] <= MOST_CHANNELS and x.shape[1] >= 4 * x.shape[2]:
        return np.moveaxis(x, 2, 1)
    return x


def _series(
    arrays: Arrays,
    spec: SeriesSpec,
    where: str,
    like: tuple[int, ...] | None,
    known_range: tuple[float, float] | None,
) -> Gridded:
    x = {part: _series_dtype(series_first(rows, where), where) for part, rows in arrays.items()}
    # Series may differ in length between parts; they are brought to one.
    check_alike({part: rows[..., :1] for part, rows in x.items()}, f"the parts of {where}")
    if like is not None:
        _match(x, like, where)
    fitted = fit_series(x, spec, None if like is None else like[1])
    kept = {part: np.ones(len(rows), dtype=np.bool_) for part, rows in x.items()}
    for part, rows in fitted.empty.items():
        kept[part][rows] = False
    bounds = known_range or series_range(fitted.x)
    find_range(fitted.x, bounds, where)
    sides = np.concatenate([*fitted.steps.values()])[:, None]
    return Gridded(
        {part: np.ascontiguousarray(rows) for part, rows in fitted.x.items()},
        kept,
        sides,
        bounds,
        fitted.notes,
    )


def _series_dtype(x: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    """Return series as uint8, uint16 or float32; NaN stands for a missing value."""
    if x.dtype in (np.uint8, np.uint16):
        return x
    if x.dtype.kind not in "iuf":
        raise DataError(f"{where} has the dtype {x.dtype}; series are numbers")
    if np.isinf(x).any():
        raise DataError(f"{where} holds infinite values; repair them first (NaN marks a missing value)")
    return x.astype(np.float32)


def _match(x: Arrays, like: tuple[int, ...], where: str) -> None:
    channels = next(iter(x.values())).shape[1]
    if channels != like[0]:
        raise DataError(f"{where} has {channels} channels and the real data {like[0]}; write the same ones")


def _sides(x: Arrays) -> npt.NDArray[np.int64]:
    return np.concatenate(
        [np.tile(np.array(rows.shape[2:], dtype=np.int64), (len(rows), 1)) for rows in x.values()]
    )
