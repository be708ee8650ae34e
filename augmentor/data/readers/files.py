"""The picture files of a dataset: a sequence that takes some twenty bytes a file, not a thousand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".xlsx", ".xls", ".parquet", ".feather"})
"""Tables, which are not read."""


def refuse_table(path: Path) -> None:
    """Refuse a file whose name says that it is a table.

    Raises:
        DataError: saying what is read.
    """
    if path.suffix.lower() in TABLE_SUFFIXES:
        raise DataError(
            f"{path} is a table; tables come in a later release, this one reads images, volumes and series"
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A file: the dataset's root, its id (path below the root), its part and its class."""

    root: Path
    id: str
    part: str
    label: str

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.root / self.id


class Folder:
    """The files of one class folder, sorted by name.

    Args:
        place: path of the folder below the root.
        part: of the dataset.
        label: the class.
        names: of the files, as UTF-8 can write them.
    """

    def __init__(self, place: str, part: str, label: str, names: Iterable[str]) -> None:
        self.place, self.part, self.label = place, part, label
        encoded = [name.encode() for name in sorted(names)]
        self._text = b"".join(encoded)
        self._ends = np.fromiter(accumulate(map(len, encoded)), dtype=np.int64, count=len(encoded))

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self._ends)

    def name(self, row: int) -> str:
        """Return the name of a file."""
        start = int(self._ends[row - 1]) if row else 0
        return self._text[start : int(self._ends[row])].decode()


class Files(Sequence[Found]):
    """Files in the order of their ids.

    Args:
        root: of the dataset.
        folders: its class folders.
        index: which of their files, counted through the folders in order; None for all.
    """

    def __init__(
        self, root: Path, folders: Iterable[Folder], index: npt.NDArray[np.integer] | None = None
    ) -> None:
        self.root = root
        # The order of ids: "a/..." comes after "a b/...", because "/" comes after " ".
        self.folders = sorted(folders, key=lambda folder: f"{folder.place}/")
        self._ends = np.cumsum([0, *map(len, self.folders)])[1:]
        total = int(self._ends[-1]) if self.folders else 0
        self._index = np.arange(total, dtype=np.int32) if index is None else index.astype(np.int32)

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self._index)

    @overload
    def __getitem__(self, place: int) -> Found: ...

    @overload
    def __getitem__(self, place: slice) -> list[Found]: ...

    def __getitem__(self, place: int | slice) -> Found | list[Found]:
        """Return the file, or the list of files, at ``place``."""
        if isinstance(place, slice):
            return [self[row] for row in range(len(self))[place]]
        row = int(self._index[place])
        which = int(np.searchsorted(self._ends, row, side="right"))
        folder = self.folders[which]
        name = folder.name(row - int(self._ends[which]) + len(folder))
        return Found(self.root, f"{folder.place}/{name}", folder.part, folder.label)

    def pick(self, places: Sequence[int] | npt.NDArray[np.integer]) -> Files:
        """Return the files at ``places``, in that order."""
        return Files(self.root, self.folders, self._index[np.asarray(places, dtype=np.int64)])

    def where(self, wanted: Callable[[Found], bool]) -> Files:
        """Return the files that are ``wanted``, in their order."""
        return self.pick(np.flatnonzero(np.fromiter(map(wanted, self), dtype=np.bool_, count=len(self))))

    @property
    def longest(self) -> int:
        """Return the number of signs of the longest id."""
        return max((len(item.id) for item in self), default=1)
