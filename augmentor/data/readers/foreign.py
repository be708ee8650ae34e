"""Synthetic samples made by anyone, brought to the shape and units of the real ones."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from augmentor.core.errors import DataError
from augmentor.core.kinds import kind_of
from augmentor.core.progress import Progress, Silent
from augmentor.core.samples import Samples
from augmentor.core.synthetic import PROVENANCE, SyntheticSet
from augmentor.data.loaded import Layout, SkippedFile
from augmentor.data.readers.array_files import stacked
from augmentor.data.readers.arrays import channels_last, own_dtype, shaped
from augmentor.data.readers.files import TABLE_SUFFIXES
from augmentor.data.readers.folder import ReadPicture, read_pictures
from augmentor.data.readers.grids import gridded
from augmentor.data.readers.npz import find_pairs, flat_labels, read_arrays, source_marks
from augmentor.data.readers.pictures import Pixels, to_channels
from augmentor.data.readers.tree import Tree, read_metadata, walk
from augmentor.data.spec import ImageSpec, SeriesSpec
from augmentor.data.writers.export import COLUMNS, class_folders

Kind: TypeAlias = Literal["expanded", "folder", "npz"]
Row: TypeAlias = Mapping[str, str]
FORMS = (
    "a folder of class folders (class/picture.png, or .npy for volumes and series), the expanded/ folder of "
    "a run, or an .npz with train_images and train_labels (X_train and y_train, images and labels)"
)


@dataclass(frozen=True, eq=False)
class Foreign:
    """Synthetic samples from elsewhere.

    Attributes:
        synthetic: every row, all marked as kept: nothing is judged yet. The provenance is that of
            metadata.csv where there is one (``synthesizer``, ``seed`` and its columns of numbers);
            else ``synthesizer`` is the SHA-256 of the source and ``seed`` is missing.
        kind: how the source lies on disk.
        skipped: files that could not be used.
        notes: what was changed, in words.
    """

    synthetic: SyntheticSet
    kind: Kind
    skipped: tuple[SkippedFile, ...]
    notes: tuple[str, ...]


def foreign_path(source: Path) -> Path:
    """Return the folder or .npz file that :func:`read_foreign` would read.

    A run folder stands for its ``expanded``, a folder that holds one .npz and no folder for that file.

    Raises:
        DataError: if there is nothing, or a kind that is not read.
    """
    if not source.exists():
        raise DataError(f"there is no file or folder {source}; synthetic samples come as {FORMS}")
    if source.is_dir():
        if (source / "expanded" / "metadata.csv").is_file():
            return source / "expanded"
        archives = [path for path in source.glob("*.npz") if not path.name.startswith(".")]
        if len(archives) == 1 and not any(path.is_dir() for path in source.iterdir()):
            return archives[0]
        return source
    if source.suffix.lower() in TABLE_SUFFIXES:
        raise DataError(
            f"{source} is a table; tables come in a later release, this one reads images, volumes and series"
        )
    if source.suffix.lower() != ".npz":
        raise DataError(f"{source} cannot be read; synthetic samples come as {FORMS}")
    return source


def read_foreign(
    source: Path, like: Samples, *, layout: Layout, digest: str, progress: Progress | None = None
) -> Foreign:
    """Read synthetic samples in the shape, colour, dtype and units of ``like``.

    Of an expanded dataset (metadata.csv with a column ``source``, or an .npz with ``train_source``)
    only the synthetic rows are taken. Series and volumes (.npy files or an .npz) are in the units of
    the real data and brought to their length or side. Pictures are resized and recoloured by the rule
    for real ones. PNG values are read as :func:`augmentor.data.writers.export.export` writes them: where the
    real data did not come as picture files, or the folder is an expanded dataset, the file's full
    depth stands for the real value range. Values of an .npz are never scaled.

    Args:
        source: what :func:`foreign_path` returned.
        like: real samples; their classes and labels count.
        layout: how the real data came.
        digest: SHA-256 of the source.
        progress: told how many files are read.

    Raises:
        DataError: if nothing can be read, a class is not among the real ones, or values lie beyond
            the real value range.
    """
    if source.is_dir():
        return _from_folder(source, like, layout, digest, progress or Silent())
    return _from_npz(source, like, digest)


def match_classes(names: Sequence[str], classes: tuple[str, ...], where: str) -> dict[str, int]:
    """Return the label of every name; a class is also known by the folder ``export`` gives it.

    Raises:
        DataError: for a name that no real class has, with the nearest one.
    """
    known = {folder: label for label, folder in enumerate(class_folders(classes))}
    known |= {name: label for label, name in enumerate(classes)}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, classes, n=1, cutoff=0.5)
            hint = f"; is it meant to be {near[0]!r}?" if near else ""
            raise DataError(
                f"{where} has the class {name!r}, and the real data has {', '.join(classes)}{hint}. "
                "Name the synthetic classes as the real ones are named"
            )
    return {name: known[name] for name in names}


def _from_folder(source: Path, like: Samples, layout: Layout, digest: str, progress: Progress) -> Foreign:
    tree = walk(source, synthetic=True)
    table = {row["file_name"]: row for row in read_metadata(tree.root) if row.get("file_name")}
    if kind_of(like.shape).name != "image":
        return _from_array_files(source, tree, table, like, digest, progress)
    height, width = like.shape[1:]
    read, broken = read_pictures(tree.found, height if height == width else None, progress)
    skipped = (*tree.skipped, *broken)
    if not read:
        first = f", e.g. {skipped[0].path}: {skipped[0].reason}" if skipped else ""
        raise DataError(
            f"no synthetic picture in {source} can be read ({len(skipped)} files were skipped{first}); "
            f"synthetic pictures come as {FORMS}"
        )
    names = [table.get(item.found.id, {}).get("class") or item.found.label for item in read]
    labels = match_classes(sorted(set(names)), like.classes, str(source))
    low, high = _range(like)
    if layout == "folder" and not table:
        # Real pictures were read as they are stored, and so are these.
        low, high = 0.0, 255.0 if like.array.dtype == np.uint8 else 65535.0
    x = np.stack([_in_units(item, like, low, high) for item in read])
    _check_range(x, like, str(source))
    samples = Samples(
        x=x,
        y=np.array([labels[name] for name in names], dtype=np.int64),
        classes=like.classes,
        ids=np.array([item.found.id for item in read], dtype=np.str_),
        value_range=like.value_range,
    )
    rows = [table.get(item.found.id, {}) for item in read]
    notes = (*tree.notes, *_changes(read, like))
    return Foreign(_unjudged(samples, rows, digest), "expanded" if table else "folder", skipped, notes)


def _from_array_files(
    source: Path, tree: Tree, table: Mapping[str, Row], like: Samples, digest: str, progress: Progress
) -> Foreign:
    """Read series or volumes from .npy files in class folders."""
    read, x, broken = stacked(tree.found, progress)
    skipped = (*tree.skipped, *broken)
    if not read:
        first = f", e.g. {skipped[0].path}: {skipped[0].reason}" if skipped else ""
        raise DataError(
            f"no synthetic {kind_of(like.shape).name} in {source} can be read ({len(skipped)} files were "
            f"skipped{first}); synthetic samples come as {FORMS}"
        )
    made, kept, notes = _gridded(x, {}, like, str(source))
    found = [item for item, keep in zip(read, kept, strict=True) if keep]
    names = [table.get(item.id, {}).get("class") or item.label for item in found]
    labels = match_classes(sorted(set(names)), like.classes, str(source))
    samples = Samples(
        x=made,
        y=np.array([labels[name] for name in names], dtype=np.int64),
        classes=like.classes,
        ids=np.array([item.id for item in found], dtype=np.str_),
        value_range=like.value_range,
    )
    rows = [table.get(item.id, {}) for item in found]
    return Foreign(
        _unjudged(samples, rows, digest),
        "expanded" if table else "folder",
        skipped,
        (*tree.notes, *notes),
    )


def _gridded(
    x: npt.NDArray[Any], arrays: Mapping[str, npt.NDArray[Any]], like: Samples, where: str
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_], list[str]]:
    """Return series or volumes as the real ones are, the mask of rows that could be used, and notes."""
    _check_range(x, like, where)
    grids = gridded(
        {"all": x},
        kind_of(like.shape).name,
        image=ImageSpec(),
        series=SeriesSpec(),
        card=None,
        where=where,
        like=like.shape,
        known_range=_range(like),
    )
    made, notes = _npz_units(grids.x["all"], arrays, like, where)
    kept = grids.kept["all"]
    if not kept.all():
        notes.append(f"{int((~kept).sum())} synthetic rows have a channel without any value: left out")
    return made, kept, [*grids.notes, *notes]


def _in_units(item: ReadPicture, like: Samples, low: float, high: float) -> npt.NDArray[Any]:
    pixels = item.picture.pixels
    if pixels.shape[:2] != like.shape[1:]:
        raise DataError(
            f"{item.found.id} has {pixels.shape[1]} x {pixels.shape[0]} pixels and the real pictures "
            f"{like.shape[2]} x {like.shape[1]}, no square; bring both to one, e.g. --set image.size=32"
        )
    top = 2**item.picture.bits - 1
    values = low + np.moveaxis(to_channels(pixels, like.shape[0]), 2, 0) / top * (high - low)
    return _as_dtype(values, like.array.dtype)


def _as_dtype(values: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return (np.rint(values) if np.issubdtype(dtype, np.integer) else values).astype(dtype)


def _changes(read: Sequence[ReadPicture], like: Samples) -> list[str]:
    height, width = like.shape[1:]
    sized = [item for item in read if (item.picture.height, item.picture.width) != (height, width)]
    notes = []
    if sized:
        first = sized[0].picture
        notes.append(
            f"{len(sized)} synthetic pictures of another size (e.g. {first.width} x {first.height}) were "
            f"brought to {width} x {height} pixels, as real ones are"
        )
    coloured = sum(item.picture.pixels.shape[2] == 3 for item in read)
    if like.shape[0] == 1 and coloured:
        notes.append(f"{coloured} synthetic pictures in colour were made grey, as the real ones are")
    return notes


def _from_npz(source: Path, like: Samples, digest: str) -> Foreign:
    arrays = read_arrays(source)
    pairs = {part: (key, x, y) for part, key, x, y in find_pairs(arrays, source)}
    key, x, y = next((pairs[part] for part in ("train", "all") if part in pairs), (None, None, None))
    if key is None or x is None or y is None:
        raise DataError(
            f"{source} has the parts {sorted(pairs)}; synthetic samples are read from train_images and "
            "train_labels, X_train and y_train, or images and labels"
        )
    notes = [f"only {key} was read, not {sorted(set(pairs) - {'train'})}"] if len(pairs) > 1 else []
    labels = _npz_labels(flat_labels(y, len(x), f"{source}, {key}"), arrays, like, source)
    place = np.arange(len(x))
    marks = source_marks(arrays, key)
    if marks.shape == (len(x),):
        place = np.flatnonzero(marks == "synthetic")
        if len(place) < len(x):
            notes.append(f"{len(x) - len(place)} rows that are not marked as synthetic were left out")
    if not len(place):
        raise DataError(f"{source} holds no synthetic {kind_of(like.shape).name}")
    if kind_of(like.shape).name == "image":
        made, more = _npz_images(x[place], arrays, like, f"{source}, {key}")
    else:
        made, kept, more = _gridded(x[place], arrays, like, f"{source}, {key}")
        place = place[kept]
    notes += more
    samples = Samples(
        x=made,
        y=labels[place],
        classes=like.classes,
        ids=np.array([f"{key}/{row}" for row in place], dtype=np.str_),
        value_range=like.value_range,
    )
    return Foreign(_unjudged(samples, [{}] * len(place), digest), "npz", (), tuple(notes))


def _npz_images(
    x: npt.NDArray[Any], arrays: Mapping[str, npt.NDArray[Any]], like: Samples, where: str
) -> tuple[npt.NDArray[Any], list[str]]:
    pixels = own_dtype(channels_last(x, where), where)
    pixels, notes = _npz_units(pixels, arrays, like, where)
    shape = pixels.shape[1:]
    height, width = like.shape[1:]
    if shape[:2] != (height, width) and height != width:
        raise DataError(
            f"{where} holds pictures of {shape[1]} x {shape[0]} pixels and the real ones have "
            f"{width} x {height}, no square; bring both to one, e.g. --set image.size=32"
        )
    colour = ImageSpec(colour="grey" if like.shape[0] == 1 else "rgb")
    made = shaped({"all": pixels}, colour, height if shape[:2] != (height, width) else None)["all"]
    if shape[:2] != (height, width):
        notes.append(
            f"{len(made)} synthetic pictures of {shape[1]} x {shape[0]} were brought to {width} x {height} "
            "pixels, as real ones are"
        )
    if shape[2] == 3 and like.shape[0] == 1:
        notes.append("synthetic pictures with three channels were made grey, as the real ones are")
    return made, notes


def _npz_labels(
    labels: npt.NDArray[Any], arrays: Mapping[str, npt.NDArray[Any]], like: Samples, source: Path
) -> npt.NDArray[np.int64]:
    listed = arrays.get("classes")
    names: tuple[str, ...] = like.classes
    if listed is not None and listed.ndim == 1 and listed.dtype.kind == "U":
        names = tuple(str(name) for name in listed)
    if labels.dtype.kind == "U":
        found = match_classes(sorted({str(name) for name in labels}), like.classes, str(source))
        return np.array([found[str(name)] for name in labels], dtype=np.int64)
    if len(labels) and (labels.min() < 0 or labels.max() >= len(names)):
        raise DataError(
            f"{source}: labels out of range: they run from {labels.min()} to {labels.max()}, and the classes "
            f"are {list(names)}, so 0 to {len(names) - 1} is allowed"
        )
    used = sorted({names[label] for label in labels})
    found = match_classes(used, like.classes, str(source))
    return np.array([found[names[label]] for label in labels], dtype=np.int64)


def _npz_units(
    pixels: npt.NDArray[Any], arrays: Mapping[str, npt.NDArray[Any]], like: Samples, where: str
) -> tuple[npt.NDArray[Any], list[str]]:
    """Return the pictures in the dtype of the real ones; values are rounded at most, never scaled."""
    low, high = _range(like)
    told = arrays.get("value_range", np.empty(0))
    if told.shape == (2,) and told.dtype.kind in "iuf" and (float(told[0]), float(told[1])) != (low, high):
        raise DataError(
            f"{where}: its value_range is {told[0]:g} to {told[1]:g}, and that of the real data {low:g} to "
            f"{high:g}; write the synthetic samples in the units of the real ones"
        )
    _check_range(pixels, like, where)
    dtype = like.array.dtype
    whole = np.issubdtype(dtype, np.integer)
    if whole and np.issubdtype(pixels.dtype, np.floating):
        if high > 1 and pixels.max() <= 1:
            raise DataError(
                f"{where} holds values from {pixels.min():g} to {pixels.max():g}, and the real data runs "
                f"from {low:g} to {high:g}: they look scaled; multiply them back to these units"
            )
        return _as_dtype(pixels, dtype), ["synthetic values were rounded to whole numbers"]
    return pixels.astype(dtype), []


def _range(like: Samples) -> tuple[float, float]:
    assert like.value_range is not None  # Samples of arrays have one
    return like.value_range


def _check_range(x: npt.NDArray[Any] | Pixels, like: Samples, where: str) -> None:
    low, high = _range(like)
    values = np.asarray(x)
    least, most = float(np.nanmin(values)), float(np.nanmax(values))  # NaN: steps a series does not have
    if least < low or most > high:
        raise DataError(
            f"{where} holds values from {least:g} to {most:g}, beyond the {low:g} to {high:g} of the real "
            "data; write the synthetic samples in the units of the real ones"
        )


def _unjudged(samples: Samples, rows: Sequence[Mapping[str, str]], digest: str) -> SyntheticSet:
    """Return all rows as kept, with what ``rows`` of metadata.csv tell about them."""
    table = pd.DataFrame(list(rows), index=range(len(samples)))
    provenance = pd.DataFrame({"synthesizer": [digest] * len(samples)})
    if "synthesizer" in table:
        provenance["synthesizer"] = table["synthesizer"].where(table["synthesizer"].astype(bool), digest)
    seeds = [str(value) for value in table["seed"]] if "seed" in table else [""] * len(samples)
    # As text: a seed of 63 bits does not survive floating point.
    provenance["seed"] = pd.array(
        [int(seed) if seed.isascii() and seed.isdigit() and int(seed) < 2**63 else None for seed in seeds],
        dtype="Int64",
    )
    for name in table.columns:
        if name in (*COLUMNS, *PROVENANCE, "group"):
            continue
        numbers = pd.to_numeric(table[name], errors="coerce")
        if numbers.notna().any():
            provenance[str(name)] = numbers.astype(np.float64)
    return SyntheticSet(
        samples=samples,
        provenance=provenance,
        kept=np.ones(len(samples), dtype=np.bool_),
        reason=np.full(len(samples), "", dtype=np.str_),
    )
