"""What tells the class without the picture: a file's form, a patient, a blank picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from augmentor.core.samples import IntArray, Samples
from augmentor.core.scratch import chunks
from augmentor.data.loaded import Loaded

SKILL = 0.25
"""Share of the way from chance to 100 % from which a property is told."""
ERRORS = 4.0
"""And so many standard errors above chance: some ten properties are tried on every data set."""
BINS = 8
SHOWN = 3
FEW_PATIENTS = 5


@dataclass(frozen=True)
class Telling:
    """How well one property alone tells the class.

    Attributes:
        name: of the property.
        accuracy: balanced accuracy, in [0, 1], of guessing each case's class by the other cases with the
            same value.
        chance: that of guessing without it.
        said: the values that tell the most, with their class.
    """

    name: str
    accuracy: float
    chance: float
    said: str


def left_one_out(codes: IntArray, y: IntArray, n_classes: int) -> float:
    """Return the balanced accuracy of telling the class by a property, each case by the others.

    A case is given the class that holds the largest share of its own cases at the same value; the case
    itself is not counted. Where several classes hold as much, or no other case has the value, it counts as
    a guess among these. Classes without a case are left out.

    Args:
        codes: int64 (N,), the property's value of each case, from 0.
        y: int64 (N,), labels.
        n_classes: number of classes.

    Returns:
        The mean over classes of the share of cases that are told right, in [0, 1].

    Example:
        >>> left_one_out(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), 2)
        1.0
    """
    counts = np.zeros((int(codes.max(initial=0)) + 1, n_classes))
    np.add.at(counts, (codes, y), 1)
    sizes = counts.sum(axis=0)
    there = np.flatnonzero(sizes)
    right = np.zeros(n_classes)
    for own in there:
        shares = counts / np.maximum(sizes, 1)
        shares[:, own] = np.maximum(counts[:, own] - 1, 0) / max(sizes[own] - 1, 1)
        best = shares.max(axis=1, keepdims=True)
        ties = (shares == best) & (sizes > 0)
        right[own] = float((counts[:, own] * ties[:, own] / ties.sum(axis=1)).sum())
    return float((right[there] / sizes[there]).mean())


def telling_properties(loaded: Loaded) -> list[Telling]:
    """Return the properties of the files (and columns of the table) that alone tell the class, best first."""
    originals = loaded.originals
    y = labels_as_read(loaded)
    found = []
    for name, (values, codes) in originals.columns.items():
        made = _told(name, codes.astype(np.int64), y, len(loaded.classes), values, loaded.classes)
        found += [made] if made else []
    sides = _side_codes(originals.sides)
    unit = loaded.kind.cell
    for name, (own, known) in (
        (f"size in {unit}s", sides),
        ("bit depth", _codes(originals.bits)),
        ("colour or grey", _codes(originals.channels)),
    ):
        made = _told(name, own, y, len(loaded.classes), known, loaded.classes)
        found += [made] if made else []
    return sorted(found, key=lambda item: (-item.accuracy, item.name))


def labels_as_read(loaded: Loaded) -> IntArray:
    """Return the labels (N,) in the order of :attr:`Loaded.originals`."""
    if loaded.originals.labels is not None:
        return loaded.originals.labels
    return np.concatenate([part.y for part in loaded.parts.values()])


def _told(
    name: str, codes: IntArray, y: IntArray, n_classes: int, values: Sequence[str], classes: Sequence[str]
) -> Telling | None:
    sizes = np.bincount(y, minlength=n_classes)
    there = sizes[sizes > 0]
    if len(y) != len(codes) or len(there) < 2 or len(values) < 2:
        return None
    accuracy, chance = left_one_out(codes, y, n_classes), 1 / len(there)
    error = math.sqrt(float((chance * (1 - chance) / there).sum())) / len(there)
    if (accuracy - chance) / (1 - chance) < SKILL or accuracy < chance + ERRORS * error:
        return None
    counts = np.zeros((len(values), n_classes))
    np.add.at(counts, (codes, y), 1)
    most = np.argsort(-counts.max(axis=1), kind="stable")[:SHOWN]
    said = [
        f"{values[code]}: {counts[code, label]:.0f} of {counts[code].sum():.0f} are {classes[label]!r}"
        for code in most
        for label in (int(np.argmax(counts[code] / np.maximum(sizes, 1))),)
    ]
    return Telling(name, accuracy, chance, "; ".join(said))


def _codes(values: npt.NDArray[np.int64]) -> tuple[IntArray, list[str]]:
    found, codes = np.unique(values, return_inverse=True)
    return codes.astype(np.int64), [str(value) for value in found]


def _side_codes(sides: npt.NDArray[np.int64]) -> tuple[IntArray, list[str]]:
    """Return the sizes as codes; where nearly every case has a size of its own, the shortest side in bins."""
    found, codes = np.unique(sides, axis=0, return_inverse=True)
    if len(found) <= max(2, len(sides) // 10):
        return codes.reshape(-1).astype(np.int64), [" x ".join(map(str, row)) for row in found]
    shortest = sides.min(axis=1)
    edges = np.unique(np.quantile(shortest, np.linspace(0, 1, BINS + 1)[1:-1]))
    place = np.searchsorted(edges, shortest, side="right").astype(np.int64)
    bounds = [str(int(shortest.min())), *(f"{edge:g}" for edge in edges), str(int(shortest.max()))]
    return place, [f"{low} to {high}" for low, high in pairwise(bounds)]


def telling_warnings(loaded: Loaded) -> list[str]:
    """Return a sentence on each property that alone tells the class, and on blank samples."""
    return [
        *(
            f"the {item.name} alone tells the class: {item.accuracy:.0%} balanced accuracy, where guessing "
            f"gives {item.chance:.0%} ({item.said}). A network can learn that in place of what the "
            f"{loaded.kind.plural} show; make it the same for all classes, at the source if you can"
            for item in telling_properties(loaded)
        ),
        *blank_warnings(loaded),
    ]


def blank_rows(samples: Samples) -> npt.NDArray[np.bool_]:
    """Return which samples (N,) hold one single value."""
    blank = np.zeros(len(samples), dtype=np.bool_)
    if not isinstance(samples.x, np.ndarray):
        return blank
    for piece in chunks(samples.x):
        rows = samples.x[piece].reshape(len(samples.x[piece]), -1)
        blank[piece] = rows.min(axis=1) == rows.max(axis=1)
    return blank


def blank_warnings(loaded: Loaded) -> list[str]:
    """Return what blank samples there are, by part, and the classes that have no others."""
    masks = {part: blank_rows(samples) for part, samples in loaded.parts.items()}
    found = {part: int(mask.sum()) for part, mask in masks.items() if mask.any()}
    if not found:
        return []
    first = next(str(loaded.parts[part].ids[masks[part]][0]) for part in found)
    places = ", ".join(f"{n} in {part}" for part, n in found.items()) if list(found) != ["all"] else ""
    warnings = [
        f"{sum(found.values())} {loaded.kind.plural} are blank (one value everywhere), e.g. {first}"
        f"{f' ({places})' if places else ''}: they show nothing, and a test case that shows nothing measures "
        "nothing; take them out"
    ]
    for label, name in enumerate(loaded.classes):
        own = [masks[part][samples.y == label] for part, samples in loaded.parts.items()]
        if sum(map(len, own)) and all(mask.all() for mask in own):
            warnings.append(
                f"every one of the {sum(map(len, own))} {loaded.kind.plural} of {name!r} is blank"
            )
    return warnings


def patient_warnings(loaded: Loaded) -> list[str]:
    """Return where patients tell the class, hold most of one, or are few in one."""
    if any(part.group is None for part in loaded.parts.values()):
        return []
    parts = loaded.parts.values()
    groups = np.concatenate([part.group for part in parts if part.group is not None])
    y = np.concatenate([part.y for part in parts])
    names, codes = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), len(loaded.classes)))
    np.add.at(counts, (codes, y), 1)
    patients = (counts > 0).sum(axis=0)
    several = counts.sum(axis=1) > 1
    pure = several & ((counts > 0).sum(axis=1) == 1)
    warnings = []
    listed = ", ".join(f"{name!r} {n}" for name, n in zip(loaded.classes, patients, strict=True))
    if several.any() and pure.sum() > 0.9 * several.sum():
        warnings.append(
            f"the patient tells the class: {int(pure.sum())} of the {int(several.sum())} patients with "
            "several cases have them all in one. What counts is then the number of patients, not of cases: "
            f"{listed}"
        )
    for label, name in enumerate(loaded.classes):
        total = counts[:, label].sum()
        if 0 < patients[label] < FEW_PATIENTS:
            warnings.append(
                f"the cases of {name!r} come from {patients[label]} patients: a split by patients is hardly "
                "possible, and what is learnt may be these patients"
            )
        elif total and counts[:, label].max() > 0.5 * total:
            largest = names[int(np.argmax(counts[:, label]))]
            warnings.append(f"more than half of the cases of {name!r} come from one patient ({largest})")
    return warnings


def few_cases_warnings(counts: Mapping[str, int], most: int = 5) -> list[str]:
    """Return a sentence on every class of 1 to ``most`` cases in all."""
    return [
        f"{name!r} has {n} {'case' if n == 1 else 'cases'} in all, too few to learn from and to measure; "
        f"leave it out with --exclude-class {name}, or join it with another class"
        for name, n in counts.items()
        if 0 < n <= most
    ]
