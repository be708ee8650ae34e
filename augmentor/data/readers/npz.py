"""NumPy archives of samples and labels, as MedMNIST lays them out, as X_train, or undivided."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples
from augmentor.data.cards import Card
from augmentor.data.loaded import PARTS, Loaded, Originals, SkippedFile
from augmentor.data.readers.arrays import channels_last, check_alike, find_range, own_dtype, shaped
from augmentor.data.readers.decide import decide_kind
from augmentor.data.readers.fingerprints import FINGERPRINTS
from augmentor.data.readers.grids import gridded
from augmentor.data.spec import ImageSpec, SeriesSpec

PREFIXES = {"train": "train", "val": "validation", "test": "test"}
SUFFIXES = {"train": "train", "val": "validation", "valid": "validation", "test": "test"}
UNDIVIDED = (("images", "labels"), ("x", "y"), ("X", "y"))
Arrays = dict[str, npt.NDArray[Any]]
Masks = dict[str, npt.NDArray[np.bool_]]
Pair = tuple[str, str, npt.NDArray[Any], npt.NDArray[Any]]


def read_npz(
    path: Path, *, name: str, image: ImageSpec, card: Card | None, series: SeriesSpec | None = None
) -> Loaded:
    """Read the parts of an archive.

    Names are ``{train,val,test}_images`` and ``_labels`` as MedMNIST has them, ``X_train`` and
    ``y_train`` (``X_val``, ``X_test``), or undivided ``images`` and ``labels`` (``x``, ``y``). Images
    are (N, H, W), (N, H, W, C) or (N, C, H, W), volumes (N, D, H, W) with or without channels, series
    (N, C, T) or (N, T), NaN where a value is missing; which of them is read off the card, else off the
    shape. Labels are (N,) or (N, 1), whole numbers or text. Class names come from the card, an array
    ``classes``, or the labels themselves; the value range from the card, an array ``value_range``, or
    the dtype. Rows that an array ``{part}_source`` (``source_{part}``) calls "synthetic" are left out.

    Raises:
        DataError: if the file is no archive, lacks arrays, holds pickled objects, or samples and
            labels do not agree.
    """
    arrays = read_arrays(path)
    everything = find_pairs(arrays, path)
    found, real, notes = _real_only(everything, arrays)
    raw = {part: x for part, _, x, _ in found}
    kind, guessed = decide_kind(next(iter(raw.values())).shape, card, str(path))
    labels = {part: flat_labels(y, len(raw[part]), f"{path}, {part}") for part, _, _, y in found}
    skipped: list[SkippedFile] = []
    if kind == IMAGE:
        made, bounds, originals = _images(found, arrays, image, card, path)
        rows = {part: np.arange(len(x)) for part, x in made.items()}
        grid_notes: list[str] = []
    else:
        grids = gridded(
            raw, kind, image=image, series=series or SeriesSpec(), card=card, where=str(path),
            known_range=_range(arrays, card),
        )  # fmt: skip
        made, bounds, grid_notes = grids.x, grids.value_range, grids.notes
        rows = {part: np.flatnonzero(kept) for part, kept in grids.kept.items()}
        first = next(iter(made.values()))
        originals = Originals.of(grids.sides, channels=first.shape[1], bits=8 * first.dtype.itemsize)
        skipped = [
            SkippedFile(f"{part}/{row}", "one of its channels has no value at all")
            for part, kept in grids.kept.items()
            for row in np.flatnonzero(~kept)
        ]
    classes, codes = _coded(labels, arrays, card, path)
    groups = _groups(arrays, everything, real, card, path)
    parts = {
        part: Samples(
            x=made[part],
            y=codes[part][rows[part]],
            classes=classes,
            ids=np.array([f"{part}/{row}" for row in rows[part]], dtype=np.str_),
            group=groups[part][rows[part]] if part in groups else None,
            value_range=bounds,
            kind=kind,
        )
        for part in (*PARTS, "all")
        if part in made
    }
    if not sum(len(part) for part in parts.values()):
        raise DataError(f"{path} holds no {kind.plural}")
    return Loaded(
        name=name,
        card=card,
        parts=parts,
        layout="npz",
        originals=originals,
        skipped=tuple(skipped),
        notes=(*notes, *guessed, *grid_notes),
        fingerprints=FINGERPRINTS[kind.name],
    )


def _images(
    found: list[Pair], arrays: Arrays, image: ImageSpec, card: Card | None, path: Path
) -> tuple[Arrays, tuple[float, float], Originals]:
    pictures = {
        part: own_dtype(channels_last(x, f"{path}, {key}"), f"{path}, {key}") for part, key, x, _ in found
    }
    check_alike(pictures, f"the parts of {path}")
    bounds = find_range(pictures, _range(arrays, card), str(path))
    first = next(iter(pictures.values()))
    originals = Originals.uniform(
        sum(len(x) for x in pictures.values()),
        sides=first.shape[1:3],
        channels=first.shape[3],
        bits=8 * first.dtype.itemsize,
    )
    return shaped(pictures, image, image.size or (card.image_size if card else None)), bounds, originals


def read_arrays(path: Path) -> Arrays:
    """Return the arrays of an archive by name; pickled objects are refused, never loaded.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        with path.open("rb") as handle:  # np.load leaves its own handle open on a broken archive
            archive = np.load(handle, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise DataError(f"{path} is a single NumPy array; an .npz archive with labels is needed")
            with archive:
                return {key: _array(archive, key, path) for key in archive.files}
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        # NumPy takes what is no zip file for a pickle, and recommends to allow those.
        whole = zipfile.is_zipfile(path)
        size = path.stat().st_size
        reason = str(error) if whole else f"its {size} bytes are not those of a whole zip file"
        raise DataError(
            f"{path} cannot be read as an .npz archive: {reason if size else 'the file is empty'}; copy it "
            "again, or write it with numpy.savez"
        ) from error


def _array(archive: Any, key: str, path: Path) -> npt.NDArray[Any]:  # noqa: ANN401 - numpy's own archive
    try:
        value = archive[key]
    except ValueError as error:
        if "pickle" not in str(error).lower():
            raise
        raise DataError(
            f"the array {key!r} in {path} holds Python objects, which are never unpickled because that "
            "can run foreign code; save it as plain numbers or text"
        ) from error
    if not isinstance(value, np.ndarray):
        raise DataError(f"{key!r} in {path} is no NumPy array")
    return value


def find_pairs(arrays: Arrays, path: Path) -> list[Pair]:
    """Return (part, name of the samples, samples, labels) of every part, or of the part "all".

    Raises:
        DataError: if samples or labels are missing.
    """
    found = []
    for prefix, part in PREFIXES.items():
        x, y = f"{prefix}_images", f"{prefix}_labels"
        if (x in arrays) != (y in arrays):
            there, missing = (x, y) if x in arrays else (y, x)
            raise DataError(
                f"{path} has {there!r} without {missing!r}; it holds {sorted(arrays)}. Write both with "
                "numpy.savez: one label per sample"
            )
        if x in arrays:
            found.append((part, x, arrays[x], arrays[y]))
    for suffix, part in SUFFIXES.items():
        x, y = next((f"{big}_{suffix}" for big in "Xx" if f"{big}_{suffix}" in arrays), ""), f"y_{suffix}"
        if x and y not in arrays:
            raise DataError(f"{path} has {x!r} without {y!r}; it holds {sorted(arrays)}. Write both")
        if x and part not in {known for known, *_ in found}:
            found.append((part, x, arrays[x], arrays[y]))
    if found:
        return found
    for x, y in UNDIVIDED:
        if x in arrays and y in arrays:
            return [("all", x, arrays[x], arrays[y])]
    raise DataError(
        f"{path} holds the arrays {sorted(arrays)}; needed are train_images and train_labels (and val_..., "
        "test_...), X_train and y_train (and X_test, ...), images and labels, or x and y"
    )


def _real_only(found: list[Pair], arrays: Arrays) -> tuple[list[Pair], Masks, tuple[str, ...]]:
    """Leave out what an earlier run made: synthetic rows must never be measured on."""
    kept: list[Pair] = []
    real: Masks = {}
    notes = []
    for part, key, x, y in found:
        real[part] = np.ones(len(x), dtype=np.bool_)
        source = source_marks(arrays, key)
        made = source == "synthetic"
        if source.shape == (len(x),) == (len(y),) and made.any():
            notes.append(f"{int(made.sum())} synthetic rows of {part} were left out: only real ones are used")
            real[part] = ~made
            x, y = x[~made], y[~made]
        kept.append((part, key, x, y))
    return kept, real, tuple(notes)


def source_marks(arrays: Mapping[str, npt.NDArray[Any]], key: str) -> npt.NDArray[Any]:
    """Return the array that marks the rows of ``key`` as real or synthetic; empty where there is none."""
    name = f"source{key[1:]}" if key[:2] in {"X_", "x_"} else key.removesuffix("images") + "source"
    return arrays.get(name, np.empty(0))


def _range(arrays: Arrays, card: Card | None) -> tuple[float, float] | None:
    if card is not None:
        return card.value_range
    bounds = arrays.get("value_range", np.empty(0))
    if bounds.shape == (2,) and bounds.dtype.kind in "iuf" and bounds[0] < bounds[1]:
        return float(bounds[0]), float(bounds[1])
    return None


def flat_labels(labels: npt.NDArray[Any], n: int, where: str) -> npt.NDArray[Any]:
    """Return labels (N,) or (N, 1) as int64 or text (N,).

    Raises:
        DataError: if there is not one label per sample, or labels are neither whole numbers nor text.
    """
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise DataError(
            f"{where}: labels of the shape {labels.shape} give several labels per sample; one label a "
            "sample is needed, of the shape (N,) or (N, 1)"
        )
    if labels.ndim not in (1, 2):
        raise DataError(f"{where}: labels must have the shape (N,) or (N, 1), got {labels.shape}")
    flat = labels.reshape(-1)
    if len(flat) != n:
        raise DataError(f"{where}: {n} samples and {len(flat)} labels; there must be one label per sample")
    if flat.dtype.kind not in "iub" + "U":
        raise DataError(f"{where}: labels must be whole numbers or text, got {flat.dtype}")
    return flat.astype(np.int64) if flat.dtype.kind in "iub" else flat


def _coded(
    labels: dict[str, npt.NDArray[Any]], arrays: Arrays, card: Card | None, path: Path
) -> tuple[tuple[str, ...], Arrays]:
    values = np.unique(np.concatenate(list(labels.values())))
    names = tuple(card.classes) if card else None
    listed = arrays.get("classes")
    if names is None and listed is not None and listed.dtype.kind == "U" and listed.ndim == 1:
        names = tuple(str(name) for name in listed)
    if values.dtype.kind == "U":
        names = names or tuple(str(value) for value in values)
        unknown = sorted(set(map(str, values)) - set(names))
        if unknown:
            raise DataError(f"{path}: the labels {unknown} are not among the classes {list(names)}")
        place = {name: code for code, name in enumerate(names)}
        return names, {
            part: np.array([place[str(v)] for v in y], dtype=np.int64) for part, y in labels.items()
        }
    if names is None:
        if len(values) and values[0] < 0:
            raise DataError(
                f"{path}: labels out of range: {values[0]} is negative; labels count from 0, so shift "
                "them, or leave out the rows that have none"
            )
        return tuple(str(value) for value in values), {
            part: np.searchsorted(values, y).astype(np.int64) for part, y in labels.items()
        }
    if len(values) and (values[0] < 0 or values[-1] >= len(names)):
        raise DataError(
            f"{path}: labels out of range: they run from {values[0]} to {values[-1]}, and the classes are "
            f"{list(names)}, so 0 to {len(names) - 1} is allowed; shift the labels, or correct the classes"
        )
    return names, labels


def _groups(
    arrays: Arrays,
    found: list[Pair],
    real: Masks,
    card: Card | None,
    path: Path,
) -> dict[str, npt.NDArray[np.str_]]:
    if card is None or card.group is None:
        return {}
    shorts = {part: prefix for prefix, part in PREFIXES.items()}
    groups = {}
    for part, _, x, _ in found:
        key = card.group if part == "all" else f"{shorts[part]}_{card.group}"
        after = f"{card.group}_{shorts[part]}" if part != "all" else key
        key = after if after in arrays else key
        if key not in arrays:
            raise DataError(f"the card names the group {card.group!r}, and {path} has no array {key!r}")
        value = arrays[key].reshape(-1)
        if len(value) != len(x):
            raise DataError(f"{path}, {key}: {len(value)} groups for {len(x)} samples")
        groups[part] = value[real[part]].astype(np.str_)
    return groups
