"""The arrays of an .npz archive: headers first, and only those that are used are ever inflated."""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError

MOST_HEADER = 10_000
"""Bytes a header may have; numpy's own limit."""


class Header(ValueError):  # noqa: N818 - becomes a reason
    """Why an array cannot be read by what its header says."""


def read_header(handle: IO[bytes], size: int) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and dtype of the .npy bytes at ``handle``, of which there are ``size`` in all.

    Raises:
        Header: if it is no .npy array, holds Python objects, or says another size than it has.
    """
    try:
        version = np.lib.format.read_magic(handle)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(handle, max_header_size=MOST_HEADER)
    except (ValueError, EOFError, TypeError, RecursionError, OverflowError) as error:
        raise Header(f"it is no .npy array that can be read: {' '.join(str(error).split())[:160]}") from error
    if dtype.hasobject:
        raise Header(
            "it holds Python objects, which are never unpickled because that can run foreign code; save it "
            "as plain numbers or text"
        )
    there, said = size - handle.tell(), math.prod(shape) * dtype.itemsize
    if there != said:
        raise Header(
            f"its header says {dtype} {shape}, which are {said} bytes, and {there} are there; write it again"
        )
    return shape, dtype


def read_npy(handle: IO[bytes], size: int) -> npt.NDArray[Any]:
    """Return the .npy array of ``size`` bytes at ``handle``; its header is checked before anything is read.

    Raises:
        Header: as :func:`read_header`, or if it does not fit into the memory that is free.
    """
    shape, dtype = read_header(handle, size)
    needed, free = math.prod(shape) * dtype.itemsize, free_memory()
    if needed > free:
        raise Header(
            f"it is {dtype} {shape}, which fill {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB of "
            "memory are free; write smaller samples, or 8 bits in place of 64"
        )
    handle.seek(0)
    return np.lib.format.read_array(handle, allow_pickle=False, max_header_size=MOST_HEADER)


def free_memory() -> int:
    """Return the bytes of memory that can still be used, as the kernel tells them."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as handle:
            free = next(line.split()[1] for line in handle if line.startswith("MemAvailable"))
        return int(free) * 1024
    except (OSError, StopIteration):
        # Elsewhere than on Linux: what there is in all.
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


class NpzArrays(Mapping[str, npt.NDArray[Any]]):
    """The arrays of an archive by name, each read when it is first asked for.

    Args:
        archive: the open archive.
        path: of the archive, for messages.
    """

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive, self._path = archive, path
        self._members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        self._read: dict[str, npt.NDArray[Any]] = {}

    def __iter__(self) -> Iterator[str]:
        """Yield the names, in the archive's order."""
        return iter(self._members)

    def __len__(self) -> int:
        """Return the number of arrays."""
        return len(self._members)

    def __contains__(self, name: object) -> bool:
        """Return whether there is an array of that name; nothing is read."""
        return name in self._members

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """Return an array.

        Raises:
            KeyError: if there is none of that name.
            DataError: if it cannot be read.
        """
        if name not in self._read:
            info = self._members[name]
            try:
                with self._archive.open(info) as handle:
                    self._read[name] = read_npy(handle, info.file_size)
            except Header as error:
                raise DataError(f"the array {name!r} in {self._path} cannot be read: {error}") from error
            except _DAMAGE as error:
                raise DataError(
                    f"the array {name!r} in {self._path} cannot be read: {error}; copy the archive again, or "
                    "write it with numpy.savez"
                ) from error
        return self._read[name]

    @property
    def not_read(self) -> list[str]:
        """The names of arrays that nobody asked for, sorted."""
        return sorted(set(self._members) - set(self._read))


_DAMAGE = (OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)


@contextmanager
def opened_arrays(path: Path) -> Iterator[NpzArrays]:
    """Yield the arrays of an .npz archive; what was read stays when it is closed.

    Raises:
        DataError: if it is no archive.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(6)
        if head == b"\x93NUMPY":
            raise DataError(f"{path} is a single NumPy array; an .npz archive with labels is needed")
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        size = path.stat().st_size
        reason = f"its {size} bytes are not those of a whole zip file" if size else "the file is empty"
        raise DataError(
            f"{path} cannot be read as an .npz archive: {reason}; copy it again, or write it with numpy.savez"
        ) from error
    with archive:
        yield NpzArrays(archive, path)
