"""Labelled samples in the data's own units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from augmentor.core.calibration import Calibration, joined
from augmentor.core.errors import DataError
from augmentor.core.factorize import all_unique
from augmentor.core.files import sha256_bytes, sha256_chunks
from augmentor.core.kinds import Kind
from augmentor.core.scratch import chunks, collect, take_rows

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Values: TypeAlias = npt.NDArray[Any] | pd.DataFrame
"""The rows of samples in the data's own form and units."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled cases: images, volumes, series (an array) or table rows (a DataFrame).

    Attributes:
        x: array of shape (N, C, *spatial), channels first, in the data's own units and dtype
            (never silently scaled to [-1, 1]); or a DataFrame of N rows.
        y: int64 labels of shape (N,), each in [0, len(classes)).
        classes: the class names, in label order, unique.
        ids: unicode array of shape (N,), unique; says where each row came from.
        group: unicode array of shape (N,) or None; rows of one group (a patient) are never
            divided between splits.
        subgroup: unicode array of shape (N,) or None; what kind of case each is (sex, site), for scores by
            subgroup alone. It takes no part in the digest.
        value_range: (low, high) that ``x`` may take, e.g. (0, 255); None for tables.
        calibration: what values and cells are in the world, one row per sample, for samples of medical
            files; None for others. It takes no part in the digest.
        kind: what one sample is, as the reader that made the samples decided; by keyword.

    Raises:
        DataError: at construction, if the parts disagree.
    """

    x: Values
    y: IntArray
    classes: tuple[str, ...]
    ids: npt.NDArray[np.str_]
    group: npt.NDArray[np.str_] | None = None
    subgroup: npt.NDArray[np.str_] | None = field(default=None, kw_only=True)
    value_range: tuple[float, float] | None = None
    calibration: Calibration | None = None
    kind: Kind = field(kw_only=True)

    def __post_init__(self) -> None:
        """Check that the parts agree."""
        n = len(self.x)
        lengths = {"x": n, "y": len(self.y), "ids": len(self.ids)}
        if self.group is not None:
            lengths["group"] = len(self.group)
        if self.subgroup is not None:
            lengths["subgroup"] = len(self.subgroup)
        if self.calibration is not None:
            lengths["calibration"] = len(self.calibration)
        if len(set(lengths.values())) != 1:
            raise DataError(f"samples need parts of one length, got {lengths}")
        if len(set(self.classes)) != len(self.classes):
            raise DataError(f"class names must be unique, got {list(self.classes)}")
        if self.y.dtype != np.int64 or self.y.ndim != 1:
            raise DataError(
                f"labels must be int64 of shape (N,), got {self.y.dtype} {self.y.shape}; {_way(self.y)}"
            )
        if n and not (self.y.min() >= 0 and self.y.max() < len(self.classes)):
            raise DataError(
                f"labels must lie in [0, {len(self.classes)}) for classes {list(self.classes)}, "
                f"got {self.y.min()} to {self.y.max()}"
            )
        if not all_unique(self.ids):
            raise DataError("sample ids must be unique")
        if isinstance(self.x, np.ndarray):
            if self.x.ndim < 3:
                raise DataError(f"an array of samples has shape (N, C, *spatial), got {self.x.shape}")
            if self.value_range is None:
                raise DataError("an array of samples needs its value_range, e.g. (0, 255)")

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.y)

    @property
    def array(self) -> npt.NDArray[np.generic]:
        """``x`` as an array.

        Raises:
            DataError: if the samples are a table.
        """
        if not isinstance(self.x, np.ndarray):
            raise DataError("these samples are a table; this step needs images, volumes or series")
        return self.x

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample, (C, *spatial)."""
        return tuple(self.array.shape[1:])

    @property
    def row_form(self) -> tuple[object, ...]:
        """What all rows share: dtype and shape of one array, or name and dtype of every column."""
        if isinstance(self.x, pd.DataFrame):
            return tuple((str(name), str(dtype)) for name, dtype in self.x.dtypes.items())
        return str(self.x.dtype), self.shape

    @property
    def n_classes(self) -> int:
        """Number of classes, including classes without samples."""
        return len(self.classes)

    @property
    def counts(self) -> dict[str, int]:
        """Number of samples of each class, in label order, zeros included."""
        found = np.bincount(self.y, minlength=len(self.classes))
        return {name: int(n) for name, n in zip(self.classes, found, strict=True)}

    def take(self, index: npt.NDArray[np.integer] | npt.NDArray[np.bool_] | Sequence[int]) -> Samples:
        """Return the rows at ``index`` (positions or a mask), in that order."""
        rows = np.asarray(index)
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        rows = rows.astype(np.int64)
        return replace(
            self,
            x=rows_at(self.x, rows),
            y=self.y[rows],
            ids=take_rows(self.ids, rows),
            group=None if self.group is None else take_rows(self.group, rows),
            subgroup=None if self.subgroup is None else take_rows(self.subgroup, rows),
            calibration=None if self.calibration is None else self.calibration.take(rows),
        )

    @cached_property
    def row_digests(self) -> npt.NDArray[np.str_]:
        """SHA-256 of each row's decoded content (shape, dtype, values), labels not included."""
        if not len(self):
            return np.empty(0, dtype=np.str_)
        if isinstance(self.x, pd.DataFrame):
            head = ",".join(map(str, self.x.columns)).encode()
            rows = _row_bytes(self.x)
        else:
            head = f"{self.x.dtype.str}{self.x.shape[1:]}".encode()
            rows = (np.ascontiguousarray(row).tobytes() for row in self.x)
        return collect((sha256_bytes(head, row) for row in rows), "U64")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all rows with their labels, ids, groups and class names, in order.

        The kind takes no part: it says how the rows are read, and the rows are here.
        """
        return sha256_chunks(
            chain(
                _lines(self.row_digests),
                [self.y.tobytes()],
                _lines(self.ids),
                [] if self.group is None else _lines(self.group),
                ["\n".join(self.classes).encode(), repr(self.value_range).encode()],
            )
        )


def _way(y: npt.NDArray[Any]) -> str:
    """Return how labels of another form become what samples need."""
    if y.ndim == 2:
        whole = "y.reshape(-1)" if y.shape[1] == 1 else "y.argmax(axis=1), if each row has one 1,"
        return f"write {whole} as np.int64"
    return "write y.astype(np.int64)" if y.dtype.kind in "iub" else "number the classes from 0, as np.int64"


def _row_bytes(table: pd.DataFrame) -> Iterator[bytes]:
    """Yield every row's values: numbers as 64-bit floats, all else as text that says its length."""
    columns = [
        [np.float64(value).tobytes() for value in column]
        if pd.api.types.is_numeric_dtype(column)
        else [f"{len(str(value))}:{value}".encode() for value in column]
        for _, column in table.items()
    ]
    yield from (b"".join(values) for values in zip(*columns, strict=True))


def _lines(texts: npt.NDArray[np.str_]) -> Iterator[bytes]:
    """Yield the texts with a line feed between them, a piece at a time."""
    for piece in chunks(texts):
        yield (("\n" if piece.start else "") + "\n".join(texts[piece])).encode()


def rows_at(x: Values, rows: npt.NDArray[np.integer]) -> Values:
    """Return the rows of ``x`` at these positions, in that order."""
    return x.iloc[rows] if isinstance(x, pd.DataFrame) else take_rows(x, rows.astype(np.int64))


def rows_joined(parts: Sequence[Values]) -> Values:
    """Return the rows of all parts, which are of one form, one after the other."""
    tables = [part for part in parts if isinstance(part, pd.DataFrame)]
    if tables:
        return pd.concat(tables, ignore_index=True)
    return np.concatenate([part for part in parts if isinstance(part, np.ndarray)])


def concatenate(parts: Sequence[Samples]) -> Samples:
    """Join samples of the same classes, shape and units, in order.

    Raises:
        DataError: if there is nothing to join, or classes, shapes or units differ.
    """
    if not parts:
        raise DataError("nothing to concatenate")
    first = parts[0]
    for other in parts[1:]:
        same = (other.classes, other.value_range, other.kind) == (
            first.classes, first.value_range, first.kind
        )  # fmt: skip
        if not same or isinstance(other.x, pd.DataFrame) != isinstance(first.x, pd.DataFrame):
            raise DataError("samples to concatenate must share classes, kind and value range")
        if isinstance(first.x, np.ndarray) and other.shape != first.shape:
            raise DataError(f"samples to concatenate must share a shape, got {first.shape}, {other.shape}")
    grouped = all(part.group is not None for part in parts)
    kinds = [part.subgroup for part in parts if part.subgroup is not None]
    return Samples(
        x=rows_joined([part.x for part in parts]),
        y=np.concatenate([part.y for part in parts]),
        classes=first.classes,
        ids=np.concatenate([part.ids for part in parts]),
        group=np.concatenate([part.group for part in parts if part.group is not None]) if grouped else None,
        subgroup=np.concatenate(kinds) if len(kinds) == len(parts) else None,
        value_range=first.value_range,
        calibration=joined([part.calibration for part in parts]),
        kind=first.kind,
    )
