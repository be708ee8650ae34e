"""Inspection of a dataset: its content, what a run would do with it, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from augmentor.core.errors import AugmentorError
from augmentor.core.kinds import IMAGE, VOLUME
from augmentor.core.progress import Progress, Silent
from augmentor.core.samples import Samples
from augmentor.data.duplicates import NearDuplicate, exact_duplicates, near_duplicates
from augmentor.data.group_names import GuessedGroups, guess_groups
from augmentor.data.inspection import Inspection
from augmentor.data.load import load
from augmentor.data.loaded import Loaded
from augmentor.data.readers.folder import SizeNeeded
from augmentor.data.spec import ImageSpec, ReadingSpec, ScarcitySpec, SeriesSpec, SplitSpec
from augmentor.data.split import Split, split
from augmentor.data.telling import few_cases_warnings, patient_warnings, telling_warnings

FALLBACK_SIZE = 64
FAST = {IMAGE: (64, "square"), VOLUME: (32, "cube")}
"""Kinds whose size decides how long a training takes: the largest side that is quick, and the shape."""
FEW_CASES = 20
ASSUMED_ACCURACY = 0.85


def inspect(
    target: str | Path,
    *,
    data: Path | None = None,
    image: ImageSpec | None = None,
    series: SeriesSpec | None = None,
    split_spec: SplitSpec | None = None,
    scarcity: ScarcitySpec | None = None,
    reading: ReadingSpec | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Inspect a dataset and find out what a run would do with it.

    Samples are brought to the size a run would bring them to.

    Args:
        target: what :func:`augmentor.data.load.load` reads.
        data: where the bytes are, overriding the card.
        image: size and colour a run would use.
        series: the length a run would use.
        split_spec: the rules a run would use.
        scarcity: the cut a run would make.
        reading: what the columns of a table mean, and the classes that are left out.
        progress: gets the number of files read.

    Raises:
        ConfigError: if the card is unknown or invalid.
        DataError: if nothing can be read at all.
    """
    image, progress, reading = image or ImageSpec(), progress or Silent(), reading or ReadingSpec()
    warnings = []
    read = partial(
        load, target, data=data, columns=reading.columns, exclude=reading.exclude_classes, progress=progress
    )
    try:
        loaded = read(image=image, series=series)
    except SizeNeeded as error:
        warnings.append(f"{error}. Here they are looked at with {FALLBACK_SIZE} pixels")
        sized = image.model_copy(update={"size": FALLBACK_SIZE})
        loaded = read(image=sized)
    blockers = []
    parts: Split | None = None
    try:
        parts = split(loaded, split=split_spec, scarcity=scarcity)
    except AugmentorError as error:
        blockers.append(str(error))
    progress.log("looking for duplicates")
    twins = _duplicates(loaded)
    guessed = _guessed(loaded)
    totals = _totals(loaded.parts)
    warnings += [*_reading_warnings(loaded), *twins.warnings(loaded), *_group_warnings(loaded, guessed)]
    warnings += [*telling_warnings(loaded), *few_cases_warnings(totals), *_size_warnings(loaded)]
    plan: dict[str, int] = {}
    if parts is not None:
        warnings += [*parts.notes, *_run_warnings(parts)]
        largest = max(parts.train.counts.values())
        plan = {name: largest - n for name, n in parts.train.counts.items()}
    return Inspection(
        name=loaded.name,
        loaded=loaded,
        counts={part: samples.counts for part, samples in loaded.parts.items()},
        sides=tuple(_spread(side) for side in loaded.originals.sides.T),
        channels=_tally(loaded.originals.channels),
        bits=_tally(loaded.originals.bits),
        exact=tuple(twins.exact),
        exact_across=twins.exact_across,
        near=tuple(twins.near),
        near_across=twins.near_across,
        near_contrary=twins.near_contrary,
        imbalance=max(totals.values()) / min(totals.values()) if min(totals.values()) else float("inf"),
        kind=parts.kind if parts else None,
        parts={name: part.counts for name, part in parts.parts.items()} if parts else {},
        to_generate=plan,
        blockers=tuple(blockers),
        warnings=tuple(warnings),
        group_pattern=guessed.pattern if guessed else None,
    )


def half_width(cases: int, rate: float = ASSUMED_ACCURACY) -> float:
    """Return the half width of the 95 % interval of a rate measured on ``cases`` independent cases.

    The normal approximation, 1.96 sqrt(rate (1 - rate) / cases): 0.056 for 156 cases at 0.85.
    """
    return float(1.96 * np.sqrt(rate * (1 - rate) / cases))


def _reading_warnings(loaded: Loaded) -> list[str]:
    if not loaded.skipped:
        return []
    return [f"{len(loaded.skipped)} files cannot be used and are left out"]


@dataclass(frozen=True)
class _Duplicates:
    """Equal and nearly equal samples, and how many of them lie across parts and classes."""

    exact: list[tuple[str, ...]]
    exact_across: int
    contrary: list[str]
    near: list[NearDuplicate]
    near_across: int
    near_contrary: int

    def warnings(self, loaded: Loaded) -> list[str]:
        """Return what the duplicates mean."""
        warnings, near, noun = [], len(self.near), loaded.kind.plural
        if self.near_across:
            warnings.append(
                f"{self.near_across} of {near} nearly equal pairs lie in two parts; only exact duplicates "
                "are taken out, so look at these: a test case known from training flatters every arm"
            )
        elif near:
            warnings.append(
                f"{near} pairs of {noun} are nearly equal, which makes the set smaller than it looks"
            )
        if self.near_contrary:
            warnings.append(
                f"{self.near_contrary} of {near} nearly equal pairs have different labels: look at these, "
                "one label of each pair may be wrong"
            )
        if self.contrary:
            warnings.append(
                f"{len(self.contrary)} {noun} are there several times with different labels, e.g. "
                f"{self.contrary[0]}: at least one label of each is wrong"
            )
        return warnings


def _duplicates(loaded: Loaded) -> _Duplicates:
    exact, near = exact_duplicates(loaded.parts), near_duplicates(loaded.parts, loaded.fingerprints)
    named = {name for group in exact for name in group} | {n for p in near for n in (p.first, p.second)}
    part_of, label_of = {}, {}
    for part, samples in loaded.parts.items():
        for name, y in zip(map(str, samples.ids), samples.y, strict=True):
            if name in named:
                part_of[name], label_of[name] = part, int(y)
    contrary = [group for group in exact if len({label_of[name] for name in group}) > 1]
    return _Duplicates(
        exact=exact,
        exact_across=sum(len({part_of[name] for name in group}) > 1 for group in exact),
        contrary=[
            ", ".join(f"{name} as {loaded.classes[label_of[name]]!r}" for name in group[:3])
            for group in contrary
        ],
        near=near,
        near_across=sum(part_of[pair.first] != part_of[pair.second] for pair in near),
        near_contrary=sum(label_of[pair.first] != label_of[pair.second] for pair in near),
    )


def _guessed(loaded: Loaded) -> GuessedGroups | None:
    """Return the patients that file names seem to tell, where nothing else does."""
    if loaded.layout != "folder" or any(part.group is not None for part in loaded.parts.values()):
        return None
    names = [str(name).rpartition("/")[2] for part in loaded.parts.values() for name in part.ids]
    return guess_groups(names, len(loaded.classes))


def _group_warnings(loaded: Loaded, guessed: GuessedGroups | None) -> list[str]:
    if any(part.group is not None for part in loaded.parts.values()):
        return patient_warnings(loaded)
    unknown = "patients (or specimens) are not known, so cases of one can lie in several parts; "
    if guessed is None:
        return [f"{unknown}name them in a card (group) if the data says"]
    return [
        f"{unknown}file names seem to name them: {guessed.group!r} in {guessed.example!r}, {guessed.n} in "
        f"all. If they do, write into a card (inspect --write-card drafts one): group: '{guessed.pattern}'"
    ]


def _size_warnings(loaded: Loaded) -> list[str]:
    kind = loaded.kind
    if kind not in FAST:
        return []
    sides = next(iter(loaded.parts.values())).shape[1:]
    most, square = FAST[kind]
    if len(set(sides)) == 1 and max(sides) <= most:
        return []
    # Images are given as width x height, volumes in the order of their axes.
    shown = " x ".join(map(str, sides[::-1] if kind == IMAGE else sides))
    return [
        f"{kind.plural} of {shown} {kind.cell}s are trained on as they are; a {square} of at most {most} "
        f"{kind.cell}s{'' if kind.name == 'image' else ' a side'}, e.g. --set image.size=32, is much faster "
        "without a GPU"
    ]


def _run_warnings(parts: Split) -> list[str]:
    warnings = []
    cases = len(parts.test)
    if half_width(cases) > 0.03:
        warnings.append(
            f"the test part has {cases} cases: an accuracy of {ASSUMED_ACCURACY:.0%} is known to "
            f"+-{100 * half_width(cases):.1f} points (95 %), and smaller gains are hard to see"
        )
    for name, n in parts.test.counts.items():
        if n < FEW_CASES:
            warnings.append(
                f"the test part has {n} cases of {name!r}: their recall is known to "
                f"+-{100 * half_width(n):.0f} points (95 %)"
            )
    for name, n in parts.train.counts.items():
        if n < FEW_CASES:
            warnings.append(
                f"{name!r} has {n} training cases; a generator learns little from fewer than {FEW_CASES}"
            )
    counts = parts.train.counts.values()
    if max(counts) < 1.5 * min(counts):
        warnings.append("the training classes are nearly balanced: balance 'level' would add few cases")
    return warnings


def _totals(parts: Mapping[str, Samples]) -> dict[str, int]:
    classes = next(iter(parts.values())).classes
    return {name: sum(part.counts[name] for part in parts.values()) for name in classes}


def _spread(values: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> tuple[int, int, int]:
    return int(values.min()), int(np.median(values)), int(values.max())


def _tally(values: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> dict[int, int]:
    found, counts = np.unique(values, return_counts=True)
    return {int(value): int(n) for value, n in zip(found, counts, strict=True)}
