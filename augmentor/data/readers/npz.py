"""NumPy archives of samples and labels, as MedMNIST lays them out, as X_train, or undivided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE, Kind
from augmentor.core.samples import Samples
from augmentor.data.cards import Card
from augmentor.data.loaded import PARTS, Loaded, Originals, SkippedFile
from augmentor.data.readers.arrays import channels_last, check_alike, find_range, own_dtypes, shaped
from augmentor.data.readers.decide import decide_kind
from augmentor.data.readers.fingerprints import FINGERPRINTS
from augmentor.data.readers.grids import gridded
from augmentor.data.readers.npz_arrays import NpzArrays, opened_arrays
from augmentor.data.readers.reading import Reading
from augmentor.data.readers.split_names import part_of
from augmentor.data.readers.tree import check_classes, left_out
from augmentor.data.spec import ImageSpec

ROLES = {
    **dict.fromkeys(("images", "image", "x"), "samples"),
    **dict.fromkeys(("labels", "label", "y"), "labels"),
}
"""What the words in the names of arrays mean, in small letters."""
SHORT = {"train": "train", "validation": "val", "test": "test"}
UNDIVIDED = (("images", "labels"), ("x", "y"), ("X", "y"))
Arrays = dict[str, npt.NDArray[Any]]
Masks = dict[str, npt.NDArray[np.bool_]]
Pair = tuple[str, str, npt.NDArray[Any], npt.NDArray[Any]]


def read_npz(path: Path, how: Reading) -> Loaded:
    """Read the parts of an archive.

    Names are ``{train,val,test}_images`` and ``_labels`` as MedMNIST has them, ``X_train`` and
    ``y_train`` (``X_val``, ``X_test``), or undivided ``images`` and ``labels`` (``x``, ``y``); see
    :func:`find_pairs`. An array that is not read is named in a note, and never inflated. Images
    are (N, H, W), (N, H, W, C) or (N, C, H, W), volumes (N, D, H, W) with or without channels, series
    (N, C, T) or (N, T), NaN where a value is missing; which of them is read off the card, else off the
    shape. Labels are (N,) or (N, 1), whole numbers or text. Class names come from the card, an array
    ``classes``, or the labels themselves; the value range from the card, an array ``value_range``, or
    the dtype. Rows that an array ``{part}_source`` (``source_{part}``) calls "synthetic" are left out.

    Raises:
        DataError: if the file is no archive, lacks arrays, holds pickled objects, or samples and
            labels do not agree.
    """
    card = how.card
    with opened_arrays(path) as arrays:
        everything = find_pairs(arrays, path)
        found, real, notes = _real_only(everything, arrays)
        labels = {part: flat_labels(y, len(x), f"{path}, {part}") for part, _, x, y in found}
        classes, codes = _coded(labels, arrays, card, path)
        groups = _groups(arrays, everything, real, card, path)
        bounds, every = _range(arrays, card), classes
        notes += _not_read(arrays, path)
    if how.exclude:
        check_classes(how.exclude, classes)
        found, codes, groups, classes, gone = _without(how.exclude, found, codes, groups, classes)
        notes.append(left_out(how.exclude, gone))
    made = _made(found, how, path, bounds)
    parts = {
        part: Samples(
            x=made.x[part],
            y=codes[part][rows],
            classes=classes,
            ids=np.array([f"{part}/{row}" for row in rows], dtype=np.str_),
            group=groups[part][rows] if part in groups else None,
            value_range=made.bounds,
            kind=made.kind,
        )
        for part in (*PARTS, "all")
        if part in made.x
        for rows in (made.rows[part],)
    }
    if not sum(len(part) for part in parts.values()):
        raise DataError(f"{path} holds no {made.kind.plural}")
    return Loaded(
        name=how.name,
        card=card,
        parts=parts,
        layout="npz",
        originals=made.originals,
        skipped=tuple(
            SkippedFile(f"{part}/{row}", "one of its channels has no value at all")
            for part, gone in made.gone.items()
            for row in gone
        ),
        notes=(*notes, *made.notes),
        fingerprints=FINGERPRINTS[made.kind.name],
        listed=every,
    )


@dataclass(frozen=True, eq=False)
class _Made:
    """Samples in their final form: by part their values, the rows they come from, and those left out."""

    kind: Kind
    x: Arrays
    rows: Arrays
    gone: Arrays
    bounds: tuple[float, float]
    originals: Originals
    notes: list[str]


def _made(found: list[Pair], how: Reading, path: Path, bounds: tuple[float, float] | None) -> _Made:
    raw = {part: x for part, _, x, _ in found}
    kind, guessed = decide_kind(next(iter(raw.values())).shape, how.card, str(path))
    if kind == IMAGE:
        made, known, originals = _images(found, bounds, how.image, how.card, path)
        rows = {part: np.arange(len(x)) for part, x in made.items()}
        return _Made(kind, made, rows, {}, known, originals, guessed)
    grids = gridded(
        raw, kind, image=how.image, series=how.series, card=how.card, where=str(path), known_range=bounds
    )
    first = next(iter(grids.x.values()))
    originals = Originals.of(grids.sides, channels=first.shape[1], bits=8 * first.dtype.itemsize)
    rows = {part: np.flatnonzero(kept) for part, kept in grids.kept.items()}
    gone = {part: np.flatnonzero(~kept) for part, kept in grids.kept.items()}
    return _Made(kind, grids.x, rows, gone, grids.value_range, originals, [*guessed, *grids.notes])


def _images(
    found: list[Pair], known: tuple[float, float] | None, image: ImageSpec, card: Card | None, path: Path
) -> tuple[Arrays, tuple[float, float], Originals]:
    where = {part: f"{path}, {key}" for part, key, _, _ in found}
    pictures = own_dtypes({part: channels_last(x, where[part]) for part, _, x, _ in found}, where)
    check_alike(pictures, f"the parts of {path}")
    bounds = find_range(pictures, known, str(path))
    first = next(iter(pictures.values()))
    originals = Originals.uniform(
        sum(len(x) for x in pictures.values()),
        sides=first.shape[1:3],
        channels=first.shape[3],
        bits=8 * first.dtype.itemsize,
    )
    return shaped(pictures, image, image.size or (card.image_size if card else None)), bounds, originals


def find_pairs(arrays: Mapping[str, npt.NDArray[Any]], path: Path) -> list[Pair]:
    """Return (part, name of the samples, samples, labels) of every part, or of the part "all".

    A name is that of a part in any of its usual spellings, beside "images" or "X" for samples and "labels"
    or "y" for labels: val_images, X_validation, x_valid, images_dev, X_Test.

    Raises:
        DataError: if samples or labels are missing, or there twice.
    """
    named: dict[str, dict[str, str]] = {part: {} for part in PARTS}
    for name in arrays:
        told = _told_by(name)
        if told is None:
            continue
        part, role = told
        if role in named[part]:
            raise DataError(
                f"{path} has {named[part][role]!r} and {name!r}, which mean the same part; keep one of them"
            )
        named[part][role] = name
    found = []
    for part, names in named.items():
        if len(names) == 1:
            ((role, there),) = names.items()
            raise DataError(
                f"{path} has {there!r} without {_counterpart(there, role)!r}; it holds {sorted(arrays)}. "
                "Write both with numpy.savez: one label per sample"
            )
        if names:
            x, y = names["samples"], names["labels"]
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


def _told_by(name: str) -> tuple[str, str] | None:
    """Return the part and the role ("samples", "labels") that an array's name tells, None where none."""
    words = name.split("_")
    roles = [word for word in words if word.lower() in ROLES]
    part = part_of("_".join(word for word in words if word not in roles))
    return (part, ROLES[roles[0].lower()]) if part and len(roles) == 1 and len(words) > 1 else None


def _counterpart(name: str, role: str) -> str:
    pairs = {"images": "labels", "image": "label", "x": "y", "X": "y"}
    if role == "labels":
        pairs = {"labels": "images", "label": "image", "y": "X"}
    return "_".join(pairs.get(word, word) for word in name.split("_"))


def sibling(key: str, name: str) -> str:
    """Return the name of the array ``name`` beside the samples ``key``: train_images, train_source."""
    return "_".join(name if word.lower() in ROLES else word for word in key.split("_"))


def _real_only(found: list[Pair], arrays: NpzArrays) -> tuple[list[Pair], Masks, list[str]]:
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
    return kept, real, notes


def source_marks(arrays: Mapping[str, npt.NDArray[Any]], key: str) -> npt.NDArray[Any]:
    """Return the array that marks the rows of ``key`` as real or synthetic; empty where there is none."""
    return arrays.get(sibling(key, "source"), np.empty(0))


def _not_read(arrays: NpzArrays, path: Path) -> list[str]:
    names = arrays.not_read
    if not names:
        return []
    return [
        f"arrays of {path.name} that were not read: {', '.join(names[:10])}"
        f"{', ...' if len(names) > 10 else ''}"
    ]


def _without(
    exclude: Sequence[str], found: list[Pair], codes: Arrays, groups: Arrays, classes: tuple[str, ...]
) -> tuple[list[Pair], Arrays, Arrays, tuple[str, ...], int]:
    """Return pairs, labels, groups and classes without those that are left out, and how many rows went."""
    left = tuple(name for name in classes if name not in exclude)
    new = np.array([left.index(name) if name in left else -1 for name in classes], dtype=np.int64)
    keep = {part: new[y] >= 0 for part, y in codes.items()}
    return (
        [(part, key, x[keep[part]], y[keep[part]]) for part, key, x, y in found],
        {part: new[y][keep[part]] for part, y in codes.items()},
        {part: group[keep[part]] for part, group in groups.items()},
        left,
        sum(int((~mask).sum()) for mask in keep.values()),
    )


def _range(arrays: Mapping[str, npt.NDArray[Any]], card: Card | None) -> tuple[float, float] | None:
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
        if labels.dtype.kind in "iubf" and bool(((labels == 0) | (labels == 1)).all()):
            if bool((labels.sum(axis=1) == 1).all()):
                raise DataError(
                    f"{where}: labels of the shape {labels.shape} with one 1 a row are one-hot, which is not "
                    "several labels per sample; write labels.argmax(axis=1) in their place"
                )
            raise DataError(
                f"{where}: labels of the shape {labels.shape} give several labels per sample (rows with "
                "several 1, or none): multi-label data. Write one column of them, labels[:, k], as (N,)"
            )
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
    labels: Arrays, arrays: Mapping[str, npt.NDArray[Any]], card: Card | None, path: Path
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
    arrays: Mapping[str, npt.NDArray[Any]], found: list[Pair], real: Masks, card: Card | None, path: Path
) -> Arrays:
    if card is None or card.group is None:
        return {}
    groups = {}
    for part, own, x, _ in found:
        word = SHORT.get(part, "")
        usual = [f"{card.group}_{word}", f"{word}_{card.group}"] if word else [card.group]
        key = next((name for name in (*usual, sibling(own, card.group)) if name in arrays), None)
        if key is None:
            raise DataError(f"the card names the group {card.group!r}, and {path} has no array {usual[-1]!r}")
        value = arrays[key].reshape(-1)
        if len(value) != len(x):
            raise DataError(f"{path}, {key}: {len(value)} groups for {len(x)} samples")
        groups[part] = value[real[part]].astype(np.str_)
    return groups
