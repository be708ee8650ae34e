"""Pictures named by a table: from its rows to the files, classes, parts and patients."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import pandas as pd

from augmentor.core.errors import DataError
from augmentor.data.loaded import SkippedFile
from augmentor.data.readers.columns import MOST_CLASSES, Roles, find_roles
from augmentor.data.readers.files import Files
from augmentor.data.readers.formats import is_readable, is_table, may_hold_sample, other_kind
from augmentor.data.readers.places import Listing, joined, name_fault, printable
from augmentor.data.readers.split_names import part_of
from augmentor.data.readers.table_files import Table, read_table
from augmentor.data.readers.tree import Tree
from augmentor.data.spec import ColumnsSpec

_USUAL = ("metadata", "labels", "manifest", "annotations", "dataset")
SYNTHETIC = "synthetic, as its row says; only real ones are used"
_JOINED = ("|", ";")
"""Signs that join several labels in one cell."""


@dataclass
class _Rows:
    """What the rows of all tables came to, by the id of the file."""

    label: dict[str, str] = field(default_factory=dict)
    part: dict[str, str] = field(default_factory=dict)
    group: dict[str, str] = field(default_factory=dict)
    subgroup: dict[str, str] = field(default_factory=dict)
    labels: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    skipped: list[SkippedFile] = field(default_factory=list)
    repeated: int = 0


def tables_beside(listing: Listing) -> list[str]:
    """Return the places of the tables that name the pictures of a dataset, empty where there are none.

    One table at the top; of several those named by parts (train.csv, test.csv), or the one of a usual name;
    else a metadata.csv in each folder of a part, as a Hugging Face image folder has it.

    Raises:
        DataError: if several tables lie there and nothing tells which it is.
    """
    top = sorted(e.name for e in listing.entries("") if not e.folder and not e.fault and is_table(e.name))
    plain = [name for name in top if not name.lower().endswith(".json")] or top
    usual = [name for name in plain if name.lower().rpartition(".")[0] in _USUAL]
    if len(plain) <= 1 or len(usual) == 1:
        chosen = usual if len(usual) == 1 else plain
    elif all(part_of(name.rpartition(".")[0]) for name in plain):
        chosen = plain
    else:
        raise DataError(
            f"{listing.below('')} holds the tables {', '.join(plain[:5])}; name the one with the labels as "
            "the data"
        )
    parts = sorted(e.name for e in listing.entries("") if e.folder and not e.link and part_of(e.name))
    return chosen or [
        joined(part, entry.name)
        for part in parts
        for entry in listing.entries(part)
        if not entry.folder and not entry.fault and is_table(entry.name)
        if entry.name.lower().startswith("metadata.")
    ]


def manifest_tree(listing: Listing, places: Sequence[str], columns: ColumnsSpec) -> tuple[Tree, ColumnsSpec]:
    """Return the files that tables name, and what their columns mean.

    The id of a sample is the path of its file below the dataset; samples come sorted by it, however the
    rows are sorted. Rows that name no file, a file that is not there, no class, or a file that another
    row gives another class are skipped.

    Args:
        listing: of the folder (or archive) that holds the tables and the files.
        places: of the tables; of several, each names the files of the part whose folder it lies in.
        columns: what is known of the columns.

    Raises:
        ConfigError: if a column that is asked for is not there.
        DataError: if no row can be used, or labels are none.
    """
    root = listing.below("")
    files = _Files(listing)
    rows = _Rows()
    roles: Roles | None = None
    for place in places:
        table = read_table(root, place)
        folder = posixpath.dirname(place)
        roles = find_roles(table.frame, columns, partial(files.holds, folder), f"{root}/{place}")
        stem = posixpath.basename(place).rpartition(".")[0]
        part = (part_of(folder) or part_of(stem)) if len(places) > 1 or folder else None
        _take(rows, table, roles, files, place, part)
    assert roles is not None  # there is a table
    named = ", ".join(places)
    _drop_contradictions(rows, named)
    ids = list(rows.label)
    if not ids:
        first = f", e.g. {rows.skipped[0].path}: {rows.skipped[0].reason}" if rows.skipped else ""
        raise DataError(f"no row of {root}/{named} can be used ({len(rows.skipped)} are skipped{first})")
    tree = Tree(
        root,
        Files.of(root, ((name, rows.part[name], rows.label[name]) for name in ids)),
        classes=sorted(set(rows.label.values())),
        skipped=[*listing.faults, *rows.skipped],
        notes=[_told(roles, named), *roles.notes, *_other_notes(rows, files, named)],
        group_of=rows.group.__getitem__ if roles.group is not None else None,
        properties={} if roles.subgroup is None else {roles.subgroup: rows.subgroup},
    )
    return tree, roles.spec


def _take(rows: _Rows, table: Table, roles: Roles, files: _Files, place: str, part: str | None) -> None:
    frame, folder = table.frame, posixpath.dirname(place)
    labels, made = _labels(table, roles, place), _made_here(frame)
    for number in range(len(frame)):
        entry = str(frame[roles.path].iat[number])
        name, reason = files.find(entry, folder)
        label = labels[number]
        own = part
        if roles.split is not None and own is None:
            own = part_of(str(frame[roles.split].iat[number]))
            reason = reason or (None if own else "its row names no part")
        reason = reason or (None if label else "its row names no class")
        reason = reason or (SYNTHETIC if made[number] else None)
        # The header is row 1 of a table as programs show it.
        if name is None or reason:
            shown = printable(name or entry or "(no path)")
            rows.skipped.append(SkippedFile(shown, f"{reason} ({place}, row {number + 2})"))
            continue
        rows.repeated += name in rows.label
        rows.labels[name].add(label)
        rows.label[name], rows.part[name] = label, own or "all"
        if roles.group is not None:
            rows.group[name] = str(frame[roles.group].iat[number]) or f"only {name}"
        if roles.subgroup is not None:
            rows.subgroup[name] = str(frame[roles.subgroup].iat[number]) or "(empty)"


def _made_here(frame: pd.DataFrame) -> list[bool]:
    """Return which rows an earlier run made: those that its provenance calls synthetic."""
    if not {"source", "synthesizer"} <= set(frame.columns):
        return [False] * len(frame)
    return [str(source) == "synthetic" for source in frame["source"]]


def _labels(table: Table, roles: Roles, place: str) -> list[str]:
    frame = table.frame
    if len(roles.label) > 1:
        ones = frame[list(roles.label)].isin(["1", "1.0", "True", "true"]).to_numpy()
        wrong = (ones.sum(axis=1) != 1).nonzero()[0]
        if len(wrong):
            raise DataError(
                f"{place}: {len(wrong)} rows (the first is row {wrong[0] + 2}) do not hold exactly one 1 in "
                f"the columns {', '.join(roles.label)}: no one-hot labels. Multi-label data cannot be used; "
                f"choose one column, e.g. --label-column {roles.label[0]}, or leave out those rows"
            )
        return [roles.label[at] for at in ones.argmax(axis=1)]
    column = frame[roles.label[0]]
    _check_single(column, roles.label[0], place)
    whole = [entry.removesuffix(".0") if entry[:-2].isdigit() else entry for entry in map(str, column)]
    return [table.names.get(entry, entry) for entry in whole]


def _check_single(column: pd.Series, name: str, place: str) -> None:
    """Refuse a column of several labels a cell, of masks, and of numbers that are no classes."""
    entries = {str(entry) for entry in column if entry}
    masks = sum(map(is_readable, entries))
    if entries and masks > len(entries) / 2:
        raise DataError(
            f"{place}: the column {name!r} names files (masks), and classes are needed; name the column with "
            "the class by --label-column"
        )
    lists = [entry for entry in entries if entry.startswith("[")]
    several = [entry for entry in entries if any(sign in entry for sign in _JOINED)]
    split = [part for entry in several for sign in _JOINED if sign in entry for part in entry.split(sign)]
    if lists or (several and len({part.strip() for part in split} & entries) > 0):
        raise DataError(
            f"{place}: the column {name!r} holds several labels a picture, e.g. {(lists or several)[0]!r}: "
            "multi-label data, for which this software has no question. Write a column with one class a "
            "picture (for example one finding against the rest), and name it by --label-column"
        )
    if len(entries) > MOST_CLASSES and len(entries) > len(column) / 5:
        raise DataError(
            f"{place}: the column {name!r} holds {len(entries)} different values in {len(column)} rows, "
            "which are no classes; name the column with the class by --label-column"
        )


def _drop_contradictions(rows: _Rows, named: str) -> None:
    """Skip files with several classes; refuse where they are many, for then they are multi-label."""
    several = [name for name, labels in rows.labels.items() if len(labels) > 1]
    if len(several) > 0.1 * len(rows.label):
        shown = f"{several[0]} as {' and '.join(sorted(rows.labels[several[0]]))}"
        raise DataError(
            f"{named} gives {len(several)} of {len(rows.label)} pictures several classes ({shown}): "
            "multi-label data, for which this software has no question. Give each picture one class"
        )
    for name in several:
        labels = " and ".join(sorted(rows.labels[name]))
        rows.skipped.append(SkippedFile(printable(name), f"its rows name several classes: {labels}"))
        for column in (rows.label, rows.part, rows.group, rows.subgroup):
            column.pop(name, None)


def _told(roles: Roles, named: str) -> str:
    label = ", ".join(roles.label)
    found = [f"path from {roles.path!r}", f"class from {label!r}"]
    found += [
        f"{what} from {name!r}"
        for what, name in (("patient", roles.group), ("part", roles.split), ("subgroup", roles.subgroup))
        if name
    ]
    unused = f"; not used: {', '.join(roles.unused)}" if roles.unused else ""
    return (
        f"read by {named}: {', '.join(found)}{unused}. --label-column, --path-column, --group-column, "
        "--split-column and --subgroup-column choose others"
    )


def _other_notes(rows: _Rows, files: _Files, named: str) -> list[str]:
    notes = []
    if rows.repeated:
        notes.append(f"{rows.repeated} rows of {named} name a picture that an earlier row names")
    left = files.left(set(rows.labels) | {item.path for item in rows.skipped})
    if left:
        notes.append(f"{len(left)} pictures are not named by {named} and were left out, e.g. {left[0]}")
    return notes


class _Files:
    """Finds the files that entries of a table name."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self._places = set(_pictures_below(listing, ""))
        self._named: dict[str, list[str]] | None = None

    def find(self, entry: str, folder: str) -> tuple[str | None, str | None]:
        """Return the place of the file that ``entry`` names, or None and why there is none.

        Paths count from ``folder``. What is not there is looked for by its own name, with or without a
        suffix, in all folders.
        """
        if not entry:
            return None, "its row names no file"
        fault = name_fault(entry)
        if fault:
            return None, fault
        plain = entry.replace("\\", "/") if "/" not in entry else entry
        root = str(self.listing.below(""))
        if plain.startswith(f"{root}/"):
            plain, folder = plain[len(root) + 1 :], ""
        place = posixpath.normpath(joined(folder, plain))
        if plain.startswith("/") or place.startswith("../") or place == "..":
            return None, "its path leads out of the folder of the table; move the table or the files"
        if place in self._places or (may_hold_sample(place) and self.listing.exists(place)):
            return place, None
        same = self._by_name().get(posixpath.basename(place).lower(), [])
        if len(same) > 1:
            # The same name in several folders: the path's own end decides.
            same = [one for one in same if one.lower().endswith(f"/{place.lower()}")] or same
        if len(same) == 1:
            return same[0], None
        if self.listing.exists(place):
            return None, other_kind(place)
        return None, "the file is not there" if not same else f"{len(same)} files have this name"

    def holds(self, folder: str, entry: str) -> bool:
        """Return whether ``entry`` names a file, seen from ``folder``."""
        return self.find(entry, folder)[0] is not None

    def left(self, named: set[str]) -> list[str]:
        """Return the places of pictures that are not among ``named``, sorted."""
        return sorted(self._places - named)

    def _by_name(self) -> dict[str, list[str]]:
        """Return the places by file name, with and without its suffix, in small letters."""
        if self._named is None:
            self._named = defaultdict(list)
            for place in sorted(self._places):
                own = posixpath.basename(place).lower()
                self._named[own].append(place)
                self._named[own.rpartition(".")[0]].append(place)
        return self._named


def _pictures_below(listing: Listing, place: str) -> list[str]:
    found = []
    for entry in listing.entries(place):
        inner = joined(place, entry.name)
        if entry.folder:
            found += [] if entry.link else _pictures_below(listing, inner)
        elif may_hold_sample(entry.name) and not entry.fault and not name_fault(entry.name):
            found += [inner] if not entry.link or listing.link_fault(inner) is None else []
    return found
