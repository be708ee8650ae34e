"""Which files of a folder are pictures, and the part and class each belongs to."""

from __future__ import annotations

import csv
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from augmentor.core.cells import plain_cell
from augmentor.core.errors import DataError
from augmentor.data.loaded import SkippedFile
from augmentor.data.readers.files import Files, Folder
from augmentor.data.readers.pictures import SUFFIXES

ARRAY = ".npy"
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
LAYOUT = (
    "pictures lie in class folders: [train|val|test/]class/picture.png (or jpg, jpeg, tif, tiff, bmp, "
    "webp, gif; or .npy for volumes and series)"
)
OTHER_KIND = f"it is of no kind that is read ({', '.join(name[1:] for name in (*SUFFIXES, ARRAY))})"
TOO_DEEP = "it lies in a folder below its class, and pictures lie directly in class folders; move it there"
NO_CLASS = "it lies outside the class folders; move it into one"


@dataclass
class Tree:
    """What a folder holds; ``classes`` are sorted, ``found`` is in the order of the ids."""

    root: Path
    found: Files
    classes: list[str] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def walk(root: Path, *, synthetic: bool = False) -> Tree:
    """List the pictures below ``root``, which is entered further while it holds a single folder.

    Hidden files are ignored. Whatever else lies in a class folder and is not read is skipped: files of
    other kinds, files in folders below it, links that lead out of ``root``, names that are not plain
    text. So are pictures outside class folders, and pictures that a metadata.csv beside the class folders
    calls synthetic, or with ``synthetic`` those that it does not call so.

    Raises:
        DataError: if the layout is not that of class folders, with or without split folders.
    """
    root = _enter(root.resolve())
    tree = Tree(root, Files(root, ()))
    folders = _folders(root, tree)
    if not folders:
        raise DataError(f"{_what(root)}; {LAYOUT}")
    splits = {folder: SPLIT_NAMES.get(folder.name.lower()) for folder in folders}
    named = [folder for folder, part in splits.items() if part]
    if named and any(_subfolders(folder) for folder in named):
        _check_splits(root, folders, splits)
        for folder, part in splits.items():
            _take_classes(tree, folder, part or "")
    else:
        _take_classes(tree, root, "all")
    tree.classes = sorted(set(tree.classes))
    tree.skipped.sort(key=lambda item: item.path)
    _skip_others(tree, synthetic)
    if not tree.found and all(item.reason in {OTHER_KIND, NO_CLASS} for item in tree.skipped):
        raise DataError(f"{_what(root)}; {LAYOUT}")
    return tree


def read_metadata(root: Path) -> list[dict[str, str]]:
    """Return the rows of ``root``/metadata.csv that have a ``source``; none where there is no such file."""
    try:
        with (root / "metadata.csv").open(encoding="utf-8", newline="") as handle:
            return [
                # Cells beyond the header's come as a list, missing ones as None.
                {
                    plain_cell(name): plain_cell(cell)
                    for name, cell in row.items()
                    if isinstance(name, str) and isinstance(cell, str)
                }
                for row in csv.DictReader(handle)
                if row.get("source")
            ]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


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


def _enter(root: Path) -> Path:
    """Go down while there is one folder, no picture, and folders below: archives often wrap so."""
    while True:
        below = _subfolders(root)
        single = len(below) == 1 and below[0].name.lower() not in SPLIT_NAMES
        if not single or below[0].is_symlink() or _pictures(root) or not _subfolders(below[0]):
            return root
        root = below[0]


def _check_splits(root: Path, folders: list[Path], splits: dict[Path, str | None]) -> None:
    others = [folder.name for folder, part in splits.items() if part is None]
    if others:
        raise DataError(
            f"{root} has split folders ({', '.join(f.name for f in folders if splits[f])}) beside "
            f"{others}; keep only train, val and test there, or only class folders"
        )
    twice = [part for part, n in Counter(splits.values()).items() if n > 1]
    if twice:
        names = [folder.name for folder, part in splits.items() if part in twice]
        raise DataError(f"{root} has {names}, which mean the same part; keep one of them")
    for folder in folders:
        if _pictures(folder):
            raise DataError(f"{folder} holds pictures outside class folders; {LAYOUT}")


def _take_classes(tree: Tree, parent: Path, part: str) -> None:
    for path in _pictures(parent):
        _leave(tree, path, NO_CLASS)
    for folder in _folders(parent, tree):
        _take_pictures(tree, folder, part)


def _take_pictures(tree: Tree, folder: Path, part: str) -> None:
    label = unicodedata.normalize("NFC", folder.name)
    names, links, others = _listed(folder)
    below = [path for inner in _subfolders(folder) for path in _files_below(inner)]
    deeper = sum(map(_is_picture, below))
    if deeper and not (names or links):
        raise DataError(
            f"{folder} holds {deeper} pictures in folders of its own and none directly; {LAYOUT}. "
            "If its folders are the classes, name that folder as the data"
        )
    for path in below:
        _leave(tree, path, TOO_DEEP if _is_picture(path) else OTHER_KIND)
    for name in others:
        _leave(tree, folder / name, OTHER_KIND)
    tree.classes.append(label)
    place = folder.relative_to(tree.root).as_posix()
    good = []
    for name in [*names, *links]:
        # Only a link can lead out: the folder itself lies inside.
        reason = _name_fault(name) or (_link_fault(folder / name, tree.root) if name in links else None)
        if reason:
            tree.skipped.append(SkippedFile(_shown(f"{place}/{name}"), reason))
        else:
            good.append(name)
    tree.found = Files(tree.root, [*tree.found.folders, Folder(place, part, label, good)])


def _leave(tree: Tree, path: Path, reason: str) -> None:
    tree.skipped.append(SkippedFile(_shown(path.relative_to(tree.root).as_posix()), reason))


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield what is no folder below ``folder``, hidden things left out; links to folders are not entered."""
    if folder.is_symlink():
        yield folder
        return
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in files if not name.startswith("."))


def _listed(folder: Path) -> tuple[list[str], set[str], list[str]]:
    """Return the names of the pictures in ``folder``, of links to pictures, and of other files."""
    names: list[str] = []
    links: set[str] = set()
    others: list[str] = []
    with _visible(folder) as entries:
        for entry in entries:
            if not _is_picture(entry):
                if not entry.is_dir():
                    others.append(entry.name)
            elif entry.is_symlink():
                links.add(entry.name)
            else:
                names.append(entry.name)
    return names, links, others


def _folders(parent: Path, tree: Tree) -> list[Path]:
    kept = []
    for folder in _subfolders(parent):
        reason = _name_fault(folder.name) or _link_fault(folder, tree.root)
        if reason:
            tree.skipped.append(SkippedFile(_shown(folder.relative_to(tree.root).as_posix()), reason))
        else:
            kept.append(folder)
    return kept


@contextmanager
def _visible(folder: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
    """Yield what is in ``folder``, hidden things left out, without a list of it all."""
    try:
        with os.scandir(folder) as entries:
            yield (entry for entry in entries if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"the folder {folder} cannot be read: {error.strerror or error}") from error


def _subfolders(folder: Path) -> list[Path]:
    with _visible(folder) as entries:
        return sorted(folder / entry.name for entry in entries if entry.is_dir())


def _pictures(folder: Path) -> list[Path]:
    with _visible(folder) as entries:
        return sorted(folder / entry.name for entry in entries if _is_picture(entry))


def _is_picture(entry: os.DirEntry[str] | Path) -> bool:
    return entry.name.lower().endswith((*SUFFIXES, ARRAY)) and not entry.is_dir()


def _link_fault(path: Path, root: Path) -> str | None:
    if path.resolve().is_relative_to(root):
        return None
    return "it is a link that leads out of the folder; copy the files into it"


def _name_fault(name: str) -> str | None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return "its name is not valid UTF-8; rename it"
    if any(unicodedata.category(sign) == "Cc" for sign in name):
        return "its name holds control characters; rename it"
    return None


def _shown(name: str) -> str:
    readable = name.encode("utf-8", errors="replace").decode("utf-8")
    return "".join("?" if unicodedata.category(sign) == "Cc" else sign for sign in readable)


def _what(root: Path) -> str:
    loose = _pictures(root)
    if loose:
        return f"{root} holds {len(loose)} pictures outside class folders"
    with _visible(root) as entries:
        files = sorted(entry.name for entry in entries if entry.is_file())
    if any(name.endswith((".csv", ".tsv", ".parquet", ".xlsx")) for name in files):
        return (
            f"{root} holds tables ({files[0]}), which a later release reads; this one reads images, volumes "
            "and series"
        )
    return f"{root} holds no class folder with pictures" if files or _subfolders(root) else f"{root} is empty"
