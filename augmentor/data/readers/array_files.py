"""Class folders of .npy files: one volume or series per file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE
from augmentor.core.progress import Progress
from augmentor.core.samples import Samples
from augmentor.data.cards import Card
from augmentor.data.loaded import PARTS, Loaded, Originals, SkippedFile
from augmentor.data.readers.decide import decide_kind
from augmentor.data.readers.files import Found
from augmentor.data.readers.fingerprints import FINGERPRINTS
from augmentor.data.readers.grids import Gridded, gridded
from augmentor.data.readers.tree import ARRAY, Tree
from augmentor.data.spec import ImageSpec, SeriesSpec


def is_array(path: Path) -> bool:
    """Return whether ``path`` is a .npy file."""
    return path.suffix.lower() == ARRAY


def read_array_files(
    tree: Tree,
    classes: tuple[str, ...],
    *,
    name: str,
    image: ImageSpec,
    series: SeriesSpec,
    card: Card | None,
    progress: Progress,
) -> Loaded:
    """Read the volumes or series that ``tree`` found; a sample's id is its path below the root.

    A file holds one sample: (D, H, W) or (C, D, H, W), (T,) or (C, T). Series may differ in length.

    Raises:
        DataError: if pictures lie among them, nothing can be read, or the arrays do not fit together.
    """
    read, x, broken = stacked(tree.found, progress)
    if not read:
        first = f", e.g. {broken[0].path}: {broken[0].reason}" if broken else ""
        raise DataError(f"no array in {tree.root} can be read ({len(broken)} files were skipped{first})")
    where = str(tree.root)
    x = x[:, None] if x.ndim == 2 else x
    kind, guessed = decide_kind(x.shape, card, where)
    if kind == IMAGE:
        raise DataError(
            f"{where} holds arrays of the shape {x.shape[1:]}, which may be images; write images as PNG, or "
            "name the arrays in a dataset card with modality: volume or series"
        )
    known = card.value_range if card else None
    by_part = {part: np.array([item.part == part for item in read]) for part in (*PARTS, "all")}
    arrays = {part: x[rows] for part, rows in by_part.items() if rows.any()}
    grids = gridded(arrays, kind, image=image, series=series, card=card, where=where, known_range=known)
    groups, unmatched = groups_of_names(read, card)
    parts = {}
    for part, made in grids.x.items():
        rows = np.flatnonzero(by_part[part])[grids.kept[part]]
        mine = [read[row] for row in rows]
        parts[part] = Samples(
            x=made,
            y=np.array([classes.index(item.label) for item in mine], dtype=np.int64),
            classes=classes,
            ids=np.array([item.id for item in mine], dtype=np.str_),
            group=None if groups is None else groups[rows],
            value_range=grids.value_range,
            kind=kind,
        )
    first_part = next(iter(parts.values()))
    bits = 8 * first_part.array.dtype.itemsize
    return Loaded(
        name=name,
        card=card,
        parts=parts,
        layout="folder",
        originals=Originals.of(grids.sides, channels=first_part.shape[0], bits=bits),
        skipped=(*tree.skipped, *broken, *_empty(grids, by_part, read)),
        notes=(*tree.notes, *guessed, *grids.notes, *unmatched),
        fingerprints=FINGERPRINTS[kind.name],
    )


def stacked(
    found: Sequence[Found], progress: Progress
) -> tuple[list[Found], npt.NDArray[Any], list[SkippedFile]]:
    """Read .npy files as one array (N, ...); series shorter than the longest are filled with NaN.

    Returns:
        The files that were read, their arrays, and those that cannot be used.

    Raises:
        DataError: if a picture is among the files, or the arrays differ in more than their last axis.
    """
    pictures = [item for item in found if not is_array(item.path)]
    if pictures:
        raise DataError(
            f"{len(pictures)} of {len(found)} files are pictures, e.g. {pictures[0].id}; volumes and series "
            "are .npy arrays, and nothing else may lie among them"
        )
    read, arrays, broken = [], [], []
    progress.start("reading", len(found))
    for number, item in enumerate(found, start=1):
        try:
            with item.path.open("rb") as handle:  # np.load leaves a broken file open
                arrays.append(np.lib.format.read_array(handle, allow_pickle=False))
            read.append(item)
        except (OSError, ValueError, EOFError) as error:
            broken.append(SkippedFile(item.id, f"it cannot be read as a .npy array: {error}"))
        progress.update("reading", number)
    progress.finish("reading")
    if not read:
        return read, np.empty(0), broken
    if len({(x.dtype, x.shape[:-1]) for x in arrays}) > 1 or (
        arrays[0].ndim > 2 and len({x.shape for x in arrays}) > 1
    ):
        # Of series the length may differ; an array that differs in more is the one to name.
        alike = [(x.dtype, x.shape if x.ndim > 2 else x.shape[:-1]) for x in arrays]
        odd = next(row for row, what in enumerate(alike) if what != alike[0])
        raise DataError(
            f"arrays of one dataset share dtype and shape (series may differ in length), got {read[0].id} "
            f"{arrays[0].dtype} {arrays[0].shape} and {read[odd].id} {arrays[odd].dtype} {arrays[odd].shape}"
        )
    lengths = [x.shape[-1] if x.ndim else 0 for x in arrays]
    if len(set(lengths)) == 1:
        return read, np.stack(arrays), broken
    whole = np.full((len(arrays), *arrays[0].shape[:-1], max(lengths)), np.nan, dtype=np.float32)
    for row, (x, length) in enumerate(zip(arrays, lengths, strict=True)):
        whole[row, ..., :length] = x
    return read, whole, broken


def groups_of_names(
    found: Sequence[Found], card: Card | None
) -> tuple[npt.NDArray[np.str_] | None, list[str]]:
    """Return the group that each file's name tells by the card's pattern, and a note on those it does not."""
    if card is None or card.group is None:
        return None, []
    pattern = re.compile(card.group)
    matches = [pattern.search(item.path.name) for item in found]
    groups = [
        match["group"] if match and match["group"] else f"only {item.id}"
        for match, item in zip(matches, found, strict=True)
    ]
    unmatched = sum(match is None or not match["group"] for match in matches)
    note = (
        f"{unmatched} file names do not match the card's group {card.group!r}; each of these files is taken "
        "as a group of its own"
    )
    return np.array(groups, dtype=np.str_), [note] if unmatched else []


def _empty(
    grids: Gridded, by_part: dict[str, npt.NDArray[np.bool_]], read: Sequence[Found]
) -> list[SkippedFile]:
    return [
        SkippedFile(read[row].id, "one of its channels has no value at all")
        for part, kept in grids.kept.items()
        for row in np.flatnonzero(by_part[part])[~kept]
    ]
