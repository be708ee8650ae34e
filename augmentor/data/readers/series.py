"""Series of unequal lengths, with gaps, to arrays of one length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.data.readers.resample import resampled
from augmentor.data.spec import SeriesSpec

LONGEST_AS_IS = 512
"""Series of one shared length are used as they are up to this many steps."""
SHORTEST = 8

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Fitted:
    """Series of one length.

    Attributes:
        x: (N, C, T) by part, without a missing value; rows in ``empty`` are left out.
        steps: int64 (N,) by part: steps that each series had of its own.
        empty: by part, rows of the input without any value in some channel.
        notes: what was done, in words.
    """

    x: Arrays
    steps: Arrays
    empty: dict[str, list[int]]
    notes: list[str] = field(default_factory=list)


def fit_series(arrays: Mapping[str, npt.NDArray[Any]], spec: SeriesSpec, length: int | None = None) -> Fitted:
    """Bring series (N, C, T), NaN where there is no value, to one length.

    A series' own span runs from its first to its last step with a value in any channel. Missing
    values inside it are interpolated linearly in their channel, held at its ends. Then ``spec``
    says how spans become one length.

    Args:
        arrays: by part.
        spec: the treatment, and the length where a person chose one.
        length: the length, before what ``spec`` says; for series that must match others.
    """
    spans = {part: [_span(row) for row in x] for part, x in arrays.items()}
    empty = {part: [row for row, span in enumerate(rows) if span is None] for part, rows in spans.items()}
    steps = {
        part: np.array([span[1] - span[0] for span in rows if span], dtype=np.int64)
        for part, rows in spans.items()
    }
    whole = [n for part in steps.values() for n in part.tolist()]
    if not whole:
        raise DataError("there is no series with a value in every channel")
    alike = len(set(whole)) == 1
    train = steps.get("train", np.empty(0, dtype=np.int64))
    known = train if len(train) else np.array(whole)
    wanted = length or spec.length or _default_length(known, alike, spec)
    made: Arrays = {}
    gaps = 0
    for part, x in arrays.items():
        rows = []
        for row, span in zip(x, spans[part], strict=True):
            if span is not None:
                filled, missing = _filled(row[:, span[0] : span[1]])
                gaps += missing
                rows.append(_to_length(filled, wanted, spec))
        made[part] = np.stack(rows) if rows else np.empty((0, x.shape[1], wanted), dtype=x.dtype)
    notes = [] if alike and wanted == whole[0] else [_length_note(whole, wanted, spec)]
    if gaps:
        notes.append(f"{gaps} missing values inside series were interpolated from their neighbours in time")
    return Fitted(made, steps, empty, notes)


def series_range(arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[float, float]:
    """Return a round (low, high) that holds every value: 1, 2 or 5 times a power of ten.

    Sensors have no common range as pixels have; a round number tells the units and nothing about
    single cases.
    """
    largest = max((float(np.abs(x).max()) for x in arrays.values() if x.size), default=0.0) or 1.0
    power = 10.0 ** np.floor(np.log10(largest))
    high = float(next(step * power for step in (1, 2, 5, 10) if step * power >= largest))
    return (-high if any(bool((x < 0).any()) for x in arrays.values()) else 0.0), high


def _span(row: npt.NDArray[Any]) -> tuple[int, int] | None:
    """Return first and one past the last step with a value; None where a channel has none at all."""
    there = ~np.isnan(row) if row.dtype.kind == "f" else np.ones(row.shape, dtype=np.bool_)
    if not there.any(axis=1).all():
        return None
    steps = np.flatnonzero(there.any(axis=0))
    return int(steps[0]), int(steps[-1]) + 1


def _filled(row: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], int]:
    missing = np.isnan(row) if row.dtype.kind == "f" else np.zeros(row.shape, dtype=np.bool_)
    if not missing.any():
        return row, 0
    steps = np.arange(row.shape[1])
    row = row.copy()
    for channel, gap in zip(row, missing, strict=True):
        channel[gap] = np.interp(steps[gap], steps[~gap], channel[~gap])
    return row, int(missing.sum())


def _to_length(row: npt.NDArray[Any], length: int, spec: SeriesSpec) -> npt.NDArray[Any]:
    if spec.treatment == "resample":
        return np.asarray(resampled(row[None], (length,))[0])
    row = row[:, :length]
    rest = ((0, 0), (0, length - row.shape[1]))
    return np.pad(row, rest, mode="edge") if spec.treatment == "pad_last" else np.pad(row, rest)


def _default_length(steps: npt.NDArray[np.int64], alike: bool, spec: SeriesSpec) -> int:
    if alike:
        return min(int(steps[0]), LONGEST_AS_IS)
    # A multiple of four halves evenly in the networks.
    if spec.treatment == "resample":
        length = 4 * round(float(np.median(steps)) / 4)
    else:
        length = 4 * -(-int(steps.max()) // 4)
    return min(max(SHORTEST, length), LONGEST_AS_IS)


def _length_note(steps: list[int], length: int, spec: SeriesSpec) -> str:
    spread = f"{min(steps)} to {max(steps)}" if min(steps) != max(steps) else str(steps[0])
    head = f"the series have {spread} steps of their own; "
    if spec.treatment == "resample":
        longest = 4 * -(-max(steps) // 4)
        return (
            f"{head}each was resampled to {length} (averaged where it shrinks, interpolated where it grows), "
            "so a classifier no longer sees how long it was or how fast it ran; --set "
            f"series.treatment=pad_last series.length={longest} keeps its time axis"
        )
    cut = sum(n > length for n in steps)
    filling = "its last value" if spec.treatment == "pad_last" else "0"
    return f"{head}shorter ones were filled with {filling} to {length}, and {cut} longer ones were cut there"
