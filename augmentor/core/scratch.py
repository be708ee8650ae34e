"""Arrays larger than memory: rows go to an unnamed file and are read back through a memory map.

The file has no name, so nothing is left behind however the process ends; its pages belong to the file
cache, which the kernel takes back when memory is short. Arrays that are small never touch the disk.
"""

from __future__ import annotations

import mmap
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from augmentor.core.files import storage_errors

Array = npt.NDArray[Any]

SPILL = 16 * 2**20
"""Bytes from which the rows of an array go to a file."""
TEXT_SPILL = 2**20
"""The same for texts (ids, digests), of which each row has several."""
CHUNK = 2 * 2**20
"""Bytes processed at a time."""

_place: ContextVar[Path | None] = ContextVar("augmentor_scratch", default=None)


@contextmanager
def scratch_in(folder: Path) -> Iterator[None]:
    """Put the files of the block into ``folder``; elsewhere they go where temporary files go."""
    token = _place.set(folder)
    try:
        yield
    finally:
        _place.reset(token)


class RowWriter:
    """Collects rows one after the other into one array.

    Args:
        dtype: of the array.
        shape: of one row.

    Raises:
        StorageError: from :meth:`add`, if the disk is full.
    """

    def __init__(self, dtype: npt.DTypeLike, shape: Sequence[int] = ()) -> None:
        self.dtype, self.shape = np.dtype(dtype), tuple(shape)
        self._rows = 0
        self._held: list[Array] = []
        self._file: IO[bytes] | None = None

    def __del__(self) -> None:
        """Close the file if :meth:`finish` was never called, for example after an error."""
        if self._file is not None:
            with suppress(OSError):  # a full disk refuses what is still to be written
                self._file.close()

    def add(self, rows: Array) -> None:
        """Append ``rows`` (n, *shape); they are copied."""
        rows = np.array(rows, dtype=self.dtype, order="C").reshape(-1, *self.shape)
        self._rows += len(rows)
        if self._file is None:
            self._held.append(rows)
            if sum(part.nbytes for part in self._held) <= (TEXT_SPILL if self.dtype.kind == "U" else SPILL):
                return
            place = _place.get()
            with self._refusals():
                self._file = tempfile.TemporaryFile(prefix="augmentor-", dir=place)  # noqa: SIM115 - see finish
            for part in self._held:
                self._write(part)
            self._held = []
        else:
            self._write(rows)

    def finish(self) -> Array:
        """Return all rows (N, *shape); read-only where they lie in a file."""
        if self._file is None:
            return np.concatenate([np.empty((0, *self.shape), self.dtype), *self._held])
        with self._file as handle:
            with self._refusals():
                handle.flush()
            mapped = np.memmap(handle, dtype=self.dtype, mode="r", shape=(self._rows, *self.shape))
        # As a plain array: numpy's own class for maps shows up in results that are no maps.
        return np.asarray(mapped)

    def _write(self, rows: Array) -> None:
        assert self._file is not None
        with self._refusals():
            self._file.write(rows.data if rows.nbytes else b"")

    @staticmethod
    def _refusals() -> AbstractContextManager[None]:
        return storage_errors((_place.get() or Path(tempfile.gettempdir())) / "augmentor-rows")


def collect(values: Iterable[Any], dtype: npt.DTypeLike) -> Array:
    """Return the ``values``, one scalar each, as an array (N,), without a list of them all."""
    writer = RowWriter(dtype)
    values = iter(values)
    at_once = max(1, CHUNK // max(1, writer.dtype.itemsize))
    while part := list(islice(values, at_once)):
        writer.add(np.array(part, dtype=dtype))
    return writer.finish()


def on_disk(x: Array) -> bool:
    """Return whether ``x`` is a view of a memory map."""
    base: Any = x
    while base is not None:
        if isinstance(base, mmap.mmap):
            return True
        base = getattr(base, "base", None)
    return False


def chunks(x: Array, at_least: int = 1) -> Iterator[slice]:
    """Yield slices that cover the rows of ``x``, each of about :data:`CHUNK` bytes."""
    step = max(at_least, CHUNK // max(1, x[:1].nbytes))
    for start in range(0, len(x), step):
        yield slice(start, min(start + step, len(x)))


def take_rows(x: Array, rows: npt.NDArray[np.int64]) -> Array:
    """Return ``x[rows]``; an array in a file is copied to another file, a chunk at a time."""
    if not on_disk(x):
        return x[rows]
    writer = RowWriter(x.dtype, x.shape[1:])
    step = max(1, CHUNK // max(1, x[:1].nbytes))
    for start in range(0, len(rows), step):
        writer.add(x[rows[start : start + step]])
    return writer.finish()


def concatenate_rows(parts: Sequence[Array]) -> Array:
    """Return the rows of all ``parts``, in order; in a file if one of them is."""
    if not any(on_disk(part) for part in parts):
        return np.concatenate(parts)
    writer = RowWriter(np.result_type(*parts), parts[0].shape[1:])
    for part in parts:
        for piece in chunks(part):
            writer.add(part[piece])
    return writer.finish()


def free_bytes() -> int:
    """Return the free bytes where the files are written."""
    return shutil.disk_usage(_place.get() or tempfile.gettempdir()).free
