"""Which files of a folder are pictures, and the part and class each belongs to."""

from __future__ import annotations

import csv
import difflib
import io
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from augmentor.core.cells import plain_cell
from augmentor.core.errors import ConfigError, DataError
from augmentor.data.loaded import SkippedFile
from augmentor.data.readers.files import Files, Folder
from augmentor.data.readers.formats import is_other_kind, may_hold_sample, other_kind, what_is_there
from augmentor.data.readers.nested import LAYOUT, Nesting, nesting_of
from augmentor.data.readers.places import Entry, Listing, Root, joined, name_fault, opened, printable
from augmentor.data.readers.scan_names import scan_format_name
from augmentor.data.readers.split_names import part_of

TOO_DEEP = "it lies in a folder below its class, and pictures lie directly in class folders; move it there"
NO_CLASS = "it lies outside the class folders; move it into one"


@dataclass
class Tree:
    """What a folder holds; ``classes`` are sorted, ``found`` is in the order of the ids.

    Attributes:
        root: what the ids are relative to.
        found: the files to read.
        classes: their classes.
        skipped: files that cannot be used.
        notes: what a user should know.
        group_of: the patient of a file by its id, where the layout or a table tells it.
        properties: further columns of a table by name, each with its value by id.
    """

    root: Root
    found: Files
    classes: list[str] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    group_of: Callable[[str], str] | None = None
    properties: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def subgroups(self, ids: Sequence[str]) -> npt.NDArray[np.str_] | None:
        """Return the subgroup of each of these files, the value of the first property; None without one."""
        known = next(iter(self.properties.values()), None)
        return None if known is None else np.array([known[name] for name in ids], dtype=np.str_)


class SplitsWithoutClasses(DataError):  # noqa: N818 - reads as what it says
    """Folders of parts that hold pictures directly: nothing there says what class they have."""


def walk(listing: Listing, *, synthetic: bool = False, classes: Sequence[str] | None = None) -> Tree:
    """List the pictures of a dataset, which is entered further while it holds a single folder.

    Hidden files and debris of operating systems are ignored. Whatever else lies in a class folder and is
    not read is skipped: files of other kinds, files in folders below it, links that lead out of what the
    user named, names that are not plain text. So are pictures outside class folders, and pictures that a
    metadata.csv beside the class folders calls synthetic, or with ``synthetic`` those that it does not
    call so. Folders between class and pictures are patients, see :func:`nesting_of`.

    Args:
        listing: of a folder or a zip archive.
        synthetic: read what an earlier run made, and not what is real.
        classes: the class names, where a card lists them.

    Raises:
        DataError: if the layout is not that of class folders, with or without split folders.
    """
    return _Walk(listing, synthetic, classes).tree


def read_metadata(root: Root) -> list[dict[str, str]]:
    """Return the rows of ``root``/metadata.csv that have a ``source``; none where there is no such file."""
    try:
        with opened(root, "metadata.csv") as handle:
            text = io.TextIOWrapper(handle, encoding="utf-8", newline="")
            return [
                # Cells beyond the header's come as a list, missing ones as None.
                {
                    plain_cell(name): plain_cell(cell)
                    for name, cell in row.items()
                    if isinstance(name, str) and isinstance(cell, str)
                }
                for row in csv.DictReader(text)
                if row.get("source")
            ]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


class _Walk:
    """One walk over a listing; its places are below what the user named, ids below where classes begin."""

    def __init__(self, listing: Listing, synthetic: bool, classes: Sequence[str] | None) -> None:
        self.listing = listing
        self.top = _enter(listing, "")
        self.tree = Tree(listing.below(self.top), Files(listing.below(self.top), ()))
        self._lots: list[Folder] = []
        self._told: set[str] = set()
        folders = self._folders(self.top)
        if not folders:
            raise DataError(f"{what_is_there(listing, self.top)}; {LAYOUT}")
        splits = {place: part_of(_name(place)) for place in folders}
        named = [place for place, part in splits.items() if part]
        if named and any(self._subfolders(place) for place in named):
            self._check_splits(folders, splits)
            parents = {place: part or "" for place, part in splits.items()}
        elif named and len(named) == len(folders) and any(self._pictures(place) for place in named):
            raise SplitsWithoutClasses(
                f"{self.tree.root} has the split folders {[_name(place) for place in folders]} with pictures "
                "directly in them, and nothing says which class a picture has; write class folders into them "
                f"({folders[0].rpartition('/')[2]}/class/picture.png), or put a table (CSV with the columns "
                "path and label) beside them"
            )
        else:
            parents = {self.top: "all"}
        nesting = nesting_of(listing, list(parents), str(self.tree.root), classes)
        for place, part in parents.items():
            self._take_classes(place, part, nesting)
        self._finish(nesting, synthetic)

    def _finish(self, nesting: Nesting, synthetic: bool) -> None:
        tree = self.tree
        tree.found = Files(tree.root, self._lots)
        if nesting.deep:
            # Patients of several classes lie apart; one order for all.
            tree.found = Files.of(tree.root, ((item.id, item.part, item.label) for item in tree.found))
        tree.group_of, tree.notes = nesting.group_of, [*nesting.notes]
        tree.classes = sorted(set(tree.classes))
        tree.skipped += self.listing.faults
        tree.skipped.sort(key=lambda item: item.path)
        _skip_others(tree, synthetic)
        if not tree.found and all(
            item.reason == NO_CLASS or is_other_kind(item.reason) for item in tree.skipped
        ):
            raise DataError(f"{what_is_there(self.listing, self.top)}; {LAYOUT}")

    def _check_splits(self, folders: list[str], splits: dict[str, str | None]) -> None:
        root = self.tree.root
        others = [_name(place) for place, part in splits.items() if part is None]
        if others:
            raise DataError(
                f"{root} has split folders ({', '.join(_name(f) for f in folders if splits[f])}) beside "
                f"{others}; keep only train, val and test there, or only class folders"
            )
        twice = [part for part, n in Counter(splits.values()).items() if n > 1]
        if twice:
            names = [_name(place) for place, part in splits.items() if part in twice]
            raise DataError(f"{root} has {names}, which mean the same part; keep one of them")
        for place in folders:
            if self._pictures(place):
                raise DataError(f"{self.listing.below(place)} holds pictures outside class folders; {LAYOUT}")

    def _take_classes(self, parent: str, part: str, nesting: Nesting) -> None:
        for name in self._pictures(parent):
            self._leave(joined(parent, name), NO_CLASS)
        for place in self._folders(parent):
            if not nesting.deep:
                self._take_pictures(place, part, _name(place), deeper=False)
                continue
            for entry in sorted(self._entries(place), key=lambda entry: entry.name):
                if not entry.folder:
                    reason = NO_CLASS if may_hold_sample(entry.name) else other_kind(entry.name)
                    self._leave(joined(place, entry.name), reason)
            for inner in self._folders(place):
                label = _name(inner) if nesting.classes_inside else _name(place)
                self._take_pictures(inner, part, label, deeper=True)

    def _take_pictures(self, place: str, part: str, name: str, *, deeper: bool) -> None:
        label = unicodedata.normalize("NFC", name)
        pictures, links, faults, others, folders = [], set(), [], [], []
        for entry in self._entries(place):
            if entry.folder and not entry.link:
                folders.append(joined(place, entry.name))
            elif entry.folder or not may_hold_sample(entry.name):
                others.append(entry.name)
            elif entry.fault:
                faults.append((entry.name, entry.fault))
            else:
                pictures.append(entry.name)
                links |= {entry.name} if entry.link else set()
        scans = sum(self._take_scans(folder, part, label) for folder in sorted(folders))
        below = [path for folder in sorted(folders) for path in self._files_below(folder)]
        below = [path for path in below if scan_format_name(_name(path)) is None]
        inside = sum(may_hold_sample(_name(path)) for path in below)
        if inside and not pictures and not deeper:
            raise DataError(
                f"{self.listing.below(place)} holds {inside} pictures in folders of its own and none "
                f"directly; {LAYOUT}. If its folders are the classes, name that folder as the data"
            )
        for path in below:
            self._leave(path, TOO_DEEP if may_hold_sample(_name(path)) else other_kind(_name(path)))
        for other in others:
            self._leave(joined(place, other), other_kind(other))
        for fault, reason in faults:
            self._leave(joined(place, fault), reason)
        self.tree.classes += [label] if pictures or scans or not deeper else []
        good = []
        for picture in pictures:
            where = joined(place, picture)
            # Only a link can lead out: the folder itself lies inside.
            reason_or = name_fault(picture) or (self.listing.link_fault(where) if picture in links else None)
            if reason_or:
                self._leave(where, reason_or)
            else:
                good.append(picture)
        self._lots.append(Folder(self._id(place), part, label, good))

    def _take_scans(self, place: str, part: str, label: str) -> int:
        """Take the medical files below a folder of a class, as studies lie, and return how many."""
        names, n = [], 0
        for entry in sorted(self._entries(place), key=lambda entry: entry.name):
            inner = joined(place, entry.name)
            if entry.folder and not entry.link:
                n += self._take_scans(inner, part, label)
            elif not entry.folder and scan_format_name(entry.name) is not None:
                reason = entry.fault or name_fault(entry.name)
                reason = reason or (self.listing.link_fault(inner) if entry.link else None)
                if reason:
                    self._leave(inner, reason)
                else:
                    names.append(entry.name)
        self._lots += [Folder(self._id(place), part, label, names)] if names else []
        return n + len(names)

    def _leave(self, place: str, reason: str) -> None:
        self.tree.skipped.append(SkippedFile(printable(self._id(place)), reason))

    def _id(self, place: str) -> str:
        return place[len(self.top) :].lstrip("/")

    def _entries(self, place: str) -> Iterator[Entry]:
        return self.listing.entries(place)

    def _files_below(self, place: str) -> Iterator[str]:
        """Yield what is no folder below ``place``; links to folders are not entered."""
        for entry in self._entries(place):
            inner = joined(place, entry.name)
            if entry.folder and not entry.link:
                yield from self._files_below(inner)
            else:
                yield inner

    def _folders(self, parent: str) -> list[str]:
        """Return the folders in ``parent`` that can be used; those that cannot are skipped, once."""
        kept = []
        folders = [entry for entry in self._entries(parent) if entry.folder]
        for entry in sorted(folders, key=lambda entry: entry.name):
            place = joined(parent, entry.name)
            reason = name_fault(entry.name) or (self.listing.link_fault(place) if entry.link else None)
            if reason is None:
                kept.append(place)
            elif place not in self._told:
                self._told.add(place)
                self._leave(place, reason)
        return kept

    def _subfolders(self, place: str) -> list[str]:
        return sorted(joined(place, entry.name) for entry in self._entries(place) if entry.folder)

    def _pictures(self, place: str) -> list[str]:
        return sorted(
            entry.name for entry in self._entries(place) if not entry.folder and may_hold_sample(entry.name)
        )


def leave_out(tree: Tree, classes: Sequence[str]) -> None:
    """Take whole classes out of ``tree``, as --exclude-class asks.

    Raises:
        ConfigError: if there is no such class.
    """
    if not classes:
        return
    check_classes(classes, tree.classes)
    if len(set(tree.classes) - set(classes)) < 2:
        raise ConfigError(
            f"--exclude-class leaves {len(set(tree.classes) - set(classes))} of the classes "
            f"{', '.join(tree.classes)}; at least two are needed"
        )
    gone = tree.found.where(lambda item: item.label in classes)
    tree.found = tree.found.where(lambda item: item.label not in classes)
    tree.classes = [name for name in tree.classes if name not in classes]
    tree.notes.append(left_out(classes, len(gone)))


def check_classes(asked: Sequence[str], there: Sequence[str]) -> None:
    """Refuse to leave out a class that does not exist.

    Raises:
        ConfigError: naming the classes that there are.
    """
    for name in asked:
        if name not in there:
            near = difflib.get_close_matches(name, there, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"classes: {', '.join(there)}"
            raise ConfigError(f"--exclude-class names the class {name!r}, which does not exist; {hint}")


def left_out(classes: Sequence[str], n: int) -> str:
    """Return the note on classes that were left out on request."""
    return f"{n} cases of {', '.join(map(repr, classes))} were left out, as --exclude-class asks"


def _skip_others(tree: Tree, synthetic: bool) -> None:
    """Leave out what an earlier run made, which must never be measured on; or what is real."""
    rows = read_metadata(tree.root)
    made = {str(row.get("file_name")) for row in rows if row["source"] == "synthetic"}
    if not rows:
        return
    here = tree.found.where(lambda item: item.id in made)
    others = tree.found.where(lambda item: item.id not in made)
    if synthetic:
        tree.found = here
        tree.notes += (
            [f"{len(others)} pictures that metadata.csv does not call synthetic were left out"]
            if others
            else []
        )
        return
    tree.found = others
    reason = "synthetic, as metadata.csv says; only real ones are used"
    tree.skipped += [SkippedFile(item.id, reason) for item in here]


def _enter(listing: Listing, place: str) -> str:
    """Go down while there is one folder, no picture, and folders below: archives often wrap so."""
    while True:
        below, pictures = [], False
        for entry in listing.entries(place):
            below += [entry] if entry.folder else []
            pictures = pictures or (not entry.folder and may_hold_sample(entry.name))
        if len(below) != 1 or pictures or part_of(below[0].name) is not None or below[0].link:
            return place
        inner = joined(place, below[0].name)
        if not any(entry.folder for entry in listing.entries(inner)):
            return place
        place = inner


def _name(place: str) -> str:
    return place.rpartition("/")[2]
