"""The picture files of a dataset: a sequence that takes some twenty bytes per file, not a thousand."""

from __future__ import annotations

import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import IO, overload

import numpy as np
import numpy.typing as npt

from augmentor.data.readers.places import MAX_FILE_BYTES, Root, opened


class FileTooLarge(OSError):  # noqa: N818 - becomes the reason why a file is skipped
    """A file that is larger than any sample may be."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file: the dataset's root, its id (path below the root), its part and its class."""

    root: Root
    id: str
    part: str
    label: str

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.id.rpartition("/")[2]

    def open(self) -> IO[bytes]:
        """Return the open file.

        Raises:
            OSError: if it cannot be opened.
        """
        return opened(self.root, self.id)

    def read(self) -> bytes:
        """Return the whole file.

        Raises:
            OSError: if it cannot be read, or is larger than :data:`MAX_FILE_BYTES`.
        """
        try:
            with self.open() as handle:
                data = handle.read(MAX_FILE_BYTES + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise OSError(f"it is damaged in its archive: {error}") from error
        if len(data) > MAX_FILE_BYTES:
            raise FileTooLarge(f"it has more than {MAX_FILE_BYTES >> 20} MiB, and one sample has less")
        return data


class Folder:
    """The files of one class folder, sorted by name.

    Args:
        place: path of the folder below the root; empty for the root itself.
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
        root: of the dataset: a folder, or a zipped one.
        folders: its class folders.
        index: which of their files, counted through the folders in order; None for all.
    """

    def __init__(
        self, root: Root, folders: Iterable[Folder], index: npt.NDArray[np.integer] | None = None
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
        return self._found(which, row - int(self._ends[which]) + len(self.folders[which]))

    def __iter__(self) -> Iterator[Found]:
        """Yield the files in order; the folder of one is mostly that of the one before."""
        which, start, end = 0, 0, 0
        for row in map(int, self._index):
            if not start <= row < end:
                which = int(np.searchsorted(self._ends, row, side="right"))
                end = int(self._ends[which])
                start = end - len(self.folders[which])
            yield self._found(which, row - start)

    def _found(self, which: int, row: int) -> Found:
        folder = self.folders[which]
        above = f"{folder.place}/" if folder.place else ""
        return Found(self.root, f"{above}{folder.name(row)}", folder.part, folder.label)

    @classmethod
    def of(cls, root: Root, rows: Iterable[tuple[str, str, str]]) -> Files:
        """Return files by (id, part, class), in any order, sorted by their ids.

        Example:
            >>> from pathlib import Path
            >>> [item.id for item in Files.of(Path("."), [("b/2.png", "all", "x"), ("1.png", "all", "y")])]
            ['1.png', 'b/2.png']
        """
        lots: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for row_id, part, label in rows:
            place, _, own = row_id.rpartition("/")
            lots[place, part, label].append(own)
        files = cls(root, [Folder(*key, names) for key, names in lots.items()])
        ids = [item.id for item in files]
        return files.pick(sorted(range(len(ids)), key=lambda row: ids[row]))

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
