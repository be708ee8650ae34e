"""Class folders of .npy files: one volume or series per file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE
from augmentor.core.progress import Progress
from augmentor.core.samples import Samples
from augmentor.data.loaded import PARTS, Loaded, Originals, SkippedFile
from augmentor.data.readers.decide import decide_kind
from augmentor.data.readers.files import Found
from augmentor.data.readers.fingerprints import FINGERPRINTS
from augmentor.data.readers.formats import ARRAY
from augmentor.data.readers.grids import Gridded, gridded
from augmentor.data.readers.groups import groups_of
from augmentor.data.readers.npz_arrays import read_npy
from augmentor.data.readers.reading import Reading
from augmentor.data.readers.tree import Tree


def is_array(name: str) -> bool:
    """Return whether a file of that name is a .npy file."""
    return name.lower().endswith(ARRAY)


def read_array_files(tree: Tree, classes: tuple[str, ...], how: Reading, where: str) -> Loaded:
    """Read the volumes or series that ``tree`` found; a sample's id is its path below the root.

    A file holds one sample: (D, H, W) or (C, D, H, W), (T,) or (C, T). Series may differ in length.

    Raises:
        DataError: if pictures lie among them, nothing can be read, or the arrays do not fit together.
    """
    card = how.card
    read, x, broken = stacked(tree.found, how.progress)
    if not read:
        first = f", e.g. {broken[0].path}: {broken[0].reason}" if broken else ""
        raise DataError(f"no array in {where} can be read ({len(broken)} files were skipped{first})")
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
    grids = gridded(
        arrays, kind, image=how.image, series=how.series, card=card, where=where, known_range=known
    )
    groups, unmatched = groups_of(read, card, tree)
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
        name=how.name,
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
    pictures = [item for item in found if not is_array(item.name)]
    if pictures:
        raise DataError(
            f"{len(pictures)} of {len(found)} files are pictures, e.g. {pictures[0].id}; volumes and series "
            "are .npy arrays, and nothing else may lie among them"
        )
    read, arrays, broken = [], [], []
    progress.start("reading", len(found))
    for number, item in enumerate(found, start=1):
        try:
            arrays.append(_read_array(item))
            read.append(item)
        except Exception as error:  # numpy raises almost anything on damaged heads, e.g. TokenError
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


def _read_array(item: Found) -> npt.NDArray[Any]:
    data = item.read()
    array = read_npy(io.BytesIO(data), len(data))
    if not array.size:
        raise ValueError(f"it has the shape {array.shape} and holds no value")
    return array


def _empty(
    grids: Gridded, by_part: dict[str, npt.NDArray[np.bool_]], read: Sequence[Found]
) -> list[SkippedFile]:
    return [
        SkippedFile(read[row].id, "one of its channels has no value at all")
        for part, kept in grids.kept.items()
        for row in np.flatnonzero(by_part[part])[~kept]
    ]
