"""Where the files of a dataset lie: in a folder, or in a zip archive that is read in place."""

from __future__ import annotations

import os
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, TypeAlias

from augmentor.core.errors import DataError
from augmentor.data.loaded import SkippedFile

MAX_FILE_BYTES = 2**30
"""A file with more bytes holds no single sample; it is skipped."""
MAX_DEPTH = 64
"""Folders in an archive may lie so deep; no real one does."""
DEBRIS = frozenset(
    {
        *("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "lost+found"),
        *("system volume information", "__pycache__"),
    }
)
"""What operating systems and archivers leave behind; ignored like hidden files. In small letters."""


class ZippedFolder:
    """A folder inside a zip archive; nothing is ever written.

    Args:
        archive: the open archive.
        path: of the archive, for messages.
        place: of the folder in the archive; empty for the archive itself.
    """

    def __init__(self, archive: zipfile.ZipFile, path: Path, place: str = "") -> None:
        self.archive, self.path, self.place = archive, path, place

    def open(self, name: str) -> IO[bytes]:
        """Return the open member ``name`` below this folder.

        Raises:
            OSError: if it cannot be opened.
        """
        full = f"{self.place}/{name}" if self.place else name
        try:
            return self.archive.open(full)
        except (KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
            raise OSError(f"it cannot be read from the archive: {error}") from error

    def __str__(self) -> str:
        """Return the archive's path and the folder in it."""
        return f"{self.path}/{self.place}" if self.place else str(self.path)


Root: TypeAlias = Path | ZippedFolder
"""What the ids of files are relative to."""


def opened(root: Root, name: str) -> IO[bytes]:
    """Return the open file ``name`` below ``root``.

    Raises:
        OSError: if it cannot be opened.
    """
    if isinstance(root, ZippedFolder):
        return root.open(name)
    return (root / name).open("rb")


@dataclass(frozen=True, slots=True)
class Entry:
    """What lies in a folder.

    Attributes:
        name: its own name.
        folder: whether it is a folder, or a link to one.
        link: whether it is a link.
        fault: why it cannot be used, where that is known without opening it.
    """

    name: str
    folder: bool
    link: bool = False
    fault: str | None = None


class Listing(Protocol):
    """Lists a dataset, place by place; a place is a path below what the user named, "" for that itself."""

    def entries(self, place: str) -> Iterator[Entry]:
        """Yield what is in the folder ``place``, hidden files and debris left out."""

    def link_fault(self, place: str) -> str | None:
        """Return why the link at ``place`` cannot be used, None where it can."""

    def below(self, place: str) -> Root:
        """Return the folder ``place`` as a root of files."""

    def exists(self, place: str) -> bool:
        """Return whether a regular file lies at ``place``, also through a link inside the dataset."""

    @property
    def faults(self) -> list[SkippedFile]:
        """Files that cannot be listed where they belong."""


class FolderListing:
    """Lists a folder on disk.

    Args:
        root: the folder the user named; links may lead anywhere inside it, and nowhere else.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.faults: list[SkippedFile] = []

    def entries(self, place: str) -> Iterator[Entry]:
        """Yield what is in the folder ``place``."""
        folder = self.root / place
        try:
            with os.scandir(folder) as found:
                for entry in found:
                    if not ignored(entry.name):
                        yield _entry(entry)
        except OSError as error:
            raise DataError(f"the folder {folder} cannot be read: {error.strerror or error}") from error

    def link_fault(self, place: str) -> str | None:
        """Return why the link at ``place`` cannot be used."""
        path = self.root / place
        target = path.resolve()
        if not target.is_relative_to(self.root):
            return (
                "it is a link that leads out of the folder; copy the files into it, or name the folder that "
                "holds both (of a DataLad or git-annex dataset its top)"
            )
        if not target.exists():
            return (
                "it cannot be opened: it is a link to a file that is not there (`datalad get` or `git annex "
                "get` fetches the files of such datasets)"
            )
        if not (target.is_file() or target.is_dir()):
            return NOT_REGULAR
        return None

    def below(self, place: str) -> Path:
        """Return the folder ``place``."""
        return self.root / place

    def exists(self, place: str) -> bool:
        """Return whether a regular file lies at ``place``, inside the folder."""
        path = self.root / place
        return path.is_file() and path.resolve().is_relative_to(self.root)


NOT_REGULAR = "it is no regular file (a pipe, socket or device)"


def _entry(entry: os.DirEntry[str]) -> Entry:
    if entry.is_symlink():
        return Entry(entry.name, entry.is_dir(), link=True)
    if entry.is_dir():
        return Entry(entry.name, folder=True)
    return Entry(entry.name, folder=False, fault=None if entry.is_file() else NOT_REGULAR)


class ZipListing:
    """Lists a zip archive.

    Args:
        archive: the open archive.
        path: of the archive.
    """

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self.archive, self.path = archive, path
        self.faults: list[SkippedFile] = []
        self._folders: dict[str, dict[str, Entry]] = {"": {}}
        for info in archive.infolist():
            self._add(info)

    def _add(self, info: zipfile.ZipInfo) -> None:
        parts = info.filename.rstrip("/").split("/")
        if any(ignored(part) for part in parts if part not in {"", "..", "."}):
            return
        odd = any(part in {"", ".", ".."} for part in parts) or "\\" in info.filename
        if odd or len(parts) > MAX_DEPTH:
            reason = "its path in the archive is not a plain one below the archive; pack it again"
            self.faults.append(SkippedFile(printable(info.filename), reason))
            return
        place = ""
        for part in parts[:-1]:
            self._folder(place, part)
            place = f"{place}/{part}" if place else part
        if info.is_dir():
            self._folder(place, parts[-1])
            return
        known = self._folders[place].get(parts[-1])
        fault = _zip_fault(info) if known is None else "the archive holds it twice; pack it again"
        self._folders[place][parts[-1]] = Entry(parts[-1], folder=False, fault=fault)

    def _folder(self, place: str, name: str) -> None:
        if name not in self._folders[place] or not self._folders[place][name].folder:
            self._folders[place][name] = Entry(name, folder=True)
        self._folders.setdefault(f"{place}/{name}" if place else name, {})

    def entries(self, place: str) -> Iterator[Entry]:
        """Yield what is in the folder ``place`` of the archive."""
        yield from self._folders[place].values()

    def link_fault(self, place: str) -> str | None:
        """Return None: links in an archive are files with a fault."""
        return None

    def below(self, place: str) -> ZippedFolder:
        """Return the folder ``place`` of the archive."""
        return ZippedFolder(self.archive, self.path, place)

    def exists(self, place: str) -> bool:
        """Return whether the archive holds a usable file at ``place``."""
        folder, _, name = place.rpartition("/")
        entry = self._folders.get(folder, {}).get(name)
        return entry is not None and not entry.folder and entry.fault is None


def _zip_fault(info: zipfile.ZipInfo) -> str | None:
    if info.flag_bits & 1:
        return "it is encrypted; write the archive without a password"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "it is a link in an archive, which is not followed; pack the file itself"
    if info.file_size > MAX_FILE_BYTES:
        return f"it has {info.file_size >> 20} MiB, and one sample has less"
    return None


@contextmanager
def listed(path: Path) -> Iterator[Listing]:
    """Yield the listing of a folder or a zip archive.

    Raises:
        DataError: if it cannot be opened.
    """
    if path.is_dir():
        yield FolderListing(path)
        return
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(f"{path} cannot be read as a zip archive: {error}; copy or pack it again") from error
    with archive:
        yield ZipListing(archive, path)


def ignored(name: str) -> bool:
    """Return whether a file or folder of that name is hidden, or debris of an operating system."""
    return name.startswith(".") or name.lower() in DEBRIS


def name_fault(name: str) -> str | None:
    """Return why a file of that name cannot be used, None where it can."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return "its name is not valid UTF-8; rename it"
    if any(unicodedata.category(sign) == "Cc" for sign in name):
        return "its name holds control characters; rename it"
    return None


def printable(name: str) -> str:
    """Return ``name`` as it can be shown: without control characters and broken UTF-8."""
    readable = name.encode("utf-8", errors="replace").decode("utf-8")
    return "".join("?" if unicodedata.category(sign) == "Cc" else sign for sign in readable)


def joined(place: str, name: str) -> str:
    """Return the place ``name`` below ``place``."""
    return f"{place}/{name}" if place else name
