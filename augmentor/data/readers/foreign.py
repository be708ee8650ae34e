"""Synthetic samples made by anyone, brought to the form and units of the real ones."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from augmentor.core.errors import DataError
from augmentor.core.progress import Progress
from augmentor.core.samples import Samples
from augmentor.core.synthetic import PROVENANCE, SyntheticSet
from augmentor.data.loaded import Layout, SkippedFile
from augmentor.data.readers.decide import check_sides
from augmentor.data.readers.expanded import whole_numbers
from augmentor.data.readers.files import Files, Found
from augmentor.data.readers.folder import read_manifest
from augmentor.data.readers.formats import is_table
from augmentor.data.readers.npz import find_pairs, flat_labels, source_marks
from augmentor.data.readers.npz_arrays import opened_arrays
from augmentor.data.readers.places import Listing, listed
from augmentor.data.readers.table import reader_of
from augmentor.data.readers.tree import read_metadata, walk
from augmentor.data.readers.units import check_units
from augmentor.data.writers.export import COLUMNS, class_folders

SourceKind: TypeAlias = Literal["expanded", "folder", "npz"]
Row: TypeAlias = Mapping[str, str]
FORMS = (
    "a folder of class folders (class/picture.png, or .npy for volumes and series; also zipped), the "
    "expanded/ folder of a run, or an .npz with train_images and train_labels (X_train and y_train, images "
    "and labels)"
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
    kind: SourceKind
    skipped: tuple[SkippedFile, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class FolderRows:
    """What was read from the files of class folders.

    Attributes:
        found: the files that became rows, in the order of the rows.
        x: (N, *shape) in the form and units of the real samples.
        skipped: files that could not be used.
        notes: what was changed, in words.
    """

    found: Sequence[Found]
    x: npt.NDArray[Any]
    skipped: Sequence[SkippedFile]
    notes: Sequence[str]


class ForeignForm(Protocol):
    """Brings synthetic samples of one modality to the form and units of real ones."""

    def from_files(
        self, files: Files, like: Samples, *, as_stored: bool, where: str, progress: Progress
    ) -> FolderRows:
        """Read one sample from each file.

        Args:
            files: of class folders.
            like: real samples.
            as_stored: whether real samples came from such files too, so that values are those of the files;
                else the files are as :func:`augmentor.modalities.export.export` writes them.
            where: names the source in errors.
            progress: gets the number of files read.
        """

    def from_array(
        self, x: npt.NDArray[Any], arrays: Mapping[str, npt.NDArray[Any]], like: Samples, where: str
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_], list[str]]:
        """Return the samples of an archive, the mask (N,) of rows that could be used, and notes.

        Args:
            x: the rows as they are stored.
            arrays: everything in the archive, by name.
            like: real samples.
            where: names the source in errors.
        """


def foreign_path(source: Path) -> Path:
    """Return the folder or .npz file that :func:`augmentor.modalities.foreign.read_foreign` would read.

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
    if source.is_file() and reader_of(source) not in (None, read_manifest):
        return source
    what = "is a table" if is_table(source.name) else "cannot be read"
    raise DataError(f"{source} {what}; synthetic samples come as {FORMS}")


def read_form(
    source: Path, like: Samples, form: ForeignForm, *, layout: Layout, digest: str, progress: Progress
) -> Foreign:
    """Read class folders of files or an .npz archive; see :func:`augmentor.modalities.foreign.read_foreign`.

    Raises:
        DataError: if nothing can be read, a class is not among the real ones, or values lie beyond
            the real value range.
    """
    if source.suffix.lower() == ".npz" and source.is_file():
        with opened_arrays(source) as arrays:
            found = _from_npz(source, arrays, like, form, digest)
    else:
        as_real = layout == "folder"
        with listed(source) as listing:
            found = _from_folder(
                source, listing, like, form, as_real=as_real, digest=digest, progress=progress
            )
    check_units(found.synthetic.samples.array, like.array, str(source))
    return found


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


def _from_folder(
    source: Path,
    listing: Listing,
    like: Samples,
    form: ForeignForm,
    *,
    as_real: bool,
    digest: str,
    progress: Progress,
) -> Foreign:
    tree = walk(listing, synthetic=True, classes=like.classes)
    table = {row["file_name"]: row for row in read_metadata(tree.root) if row.get("file_name")}
    # Where real files were read as they are stored, so are these.
    as_stored = as_real and not table
    read = form.from_files(tree.found, like, as_stored=as_stored, where=str(source), progress=progress)
    skipped = (*tree.skipped, *read.skipped)
    if not read.found:
        first = f", e.g. {skipped[0].path}: {skipped[0].reason}" if skipped else ""
        raise DataError(
            f"no synthetic {like.kind.name} in {source} can be read ({len(skipped)} files were "
            f"skipped{first}); synthetic samples come as {FORMS}"
        )
    names = [table.get(item.id, {}).get("class") or item.label for item in read.found]
    labels = match_classes(sorted(set(names)), like.classes, str(source))
    samples = Samples(
        x=read.x,
        y=np.array([labels[name] for name in names], dtype=np.int64),
        classes=like.classes,
        ids=np.array([item.id for item in read.found], dtype=np.str_),
        value_range=like.value_range,
        kind=like.kind,
    )
    rows = [table.get(item.id, {}) for item in read.found]
    kind: SourceKind = "expanded" if table else "folder"
    return Foreign(unjudged(samples, rows, digest), kind, skipped, (*tree.notes, *read.notes))


def _from_npz(
    source: Path, arrays: Mapping[str, npt.NDArray[Any]], like: Samples, form: ForeignForm, digest: str
) -> Foreign:
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
        raise DataError(f"{source} holds no synthetic {like.kind.name}")
    check_sides(x.shape, f"{source}, {key}")
    made, kept, more = form.from_array(x[place], arrays, like, f"{source}, {key}")
    place = place[kept]
    samples = Samples(
        x=made,
        y=labels[place],
        classes=like.classes,
        ids=np.array([f"{key}/{row}" for row in place], dtype=np.str_),
        value_range=like.value_range,
        kind=like.kind,
    )
    return Foreign(unjudged(samples, [{}] * len(place), digest), "npz", (), (*notes, *more))


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


def as_dtype(values: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return values in that dtype, rounded where it holds whole numbers."""
    return (np.rint(values) if np.issubdtype(dtype, np.integer) else values).astype(dtype)


def in_real_units(
    pixels: npt.NDArray[Any], arrays: Mapping[str, npt.NDArray[Any]], like: Samples, where: str
) -> tuple[npt.NDArray[Any], list[str]]:
    """Return samples in the dtype of the real ones, and notes; values are rounded at most, never scaled.

    Raises:
        DataError: if the values are in other units than the real ones.
    """
    low, high = range_of(like)
    bounds = arrays.get("value_range", np.empty(0))
    if bounds.shape == (2,) and bounds.dtype.kind in "iuf" and tuple(map(float, bounds)) != (low, high):
        raise DataError(
            f"{where}: its value_range is {bounds[0]:g} to {bounds[1]:g}, and that of the real data {low:g} "
            f"to {high:g}; write the synthetic samples in the units of the real ones"
        )
    check_range(pixels, like, where)
    dtype = like.array.dtype
    whole = np.issubdtype(dtype, np.integer)
    if whole and np.issubdtype(pixels.dtype, np.floating):
        if high > 1 and pixels.max() <= 1:
            raise DataError(
                f"{where} holds values from {pixels.min():g} to {pixels.max():g}, and the real data runs "
                f"from {low:g} to {high:g}: they seem to be scaled; multiply them back to these units"
            )
        return as_dtype(pixels, dtype), ["synthetic values were rounded to whole numbers"]
    return pixels.astype(dtype), []


def range_of(like: Samples) -> tuple[float, float]:
    """Return the values that real samples may take."""
    assert like.value_range is not None  # Samples of arrays have one
    return like.value_range


def check_range(x: npt.NDArray[Any], like: Samples, where: str) -> None:
    """Refuse values that real samples cannot take.

    Raises:
        DataError: naming both ranges.
    """
    low, high = range_of(like)
    values = np.asarray(x)
    least, most = float(np.nanmin(values)), float(np.nanmax(values))  # NaN: steps a series does not have
    if least < low or most > high:
        raise DataError(
            f"{where} holds values from {least:g} to {most:g}, beyond the {low:g} to {high:g} of the real "
            "data; write the synthetic samples in the units of the real ones"
        )


def unjudged(samples: Samples, rows: Sequence[Mapping[str, str]], digest: str) -> SyntheticSet:
    """Return all rows as kept, with their ``rows`` of metadata.csv as provenance."""
    table = pd.DataFrame(list(rows), index=range(len(samples)))
    provenance = pd.DataFrame({"synthesizer": [digest] * len(samples)})
    if "synthesizer" in table:
        provenance["synthesizer"] = table["synthesizer"].where(table["synthesizer"].astype(bool), digest)
    # As text: a seed of 63 bits does not survive floating point.
    seeds = [str(value) for value in table["seed"]] if "seed" in table else [""] * len(samples)
    provenance["seed"] = whole_numbers(seeds)
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
