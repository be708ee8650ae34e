"""What an inspection of a dataset found."""

from __future__ import annotations

from dataclasses import dataclass

from augmentor.data.duplicates import NearDuplicate
from augmentor.data.loaded import Loaded, SkippedFile


@dataclass(frozen=True, eq=False)
class Inspection:
    """What :func:`augmentor.data.inspect.inspect` found.

    Attributes:
        name: the card's name, or that of the folder or file.
        loaded: the samples as a run would read them, before the split.
        counts: cases by part and class, as found.
        sides: (smallest, median, largest) of every side before resizing: height and width of images,
            depth, height and width of volumes, steps of series.
        channels: how many samples have how many channels; an image shows 1 (grey) or 3 (colour).
        bits: how many samples have 8 or 16 (or more) bits per value.
        exact: groups of ids that share their values.
        exact_across: how many of those groups lie in several parts.
        near: pairs that are nearly the same.
        near_across: how many of those pairs lie in two parts.
        near_contrary: how many of them have different labels.
        imbalance: largest over smallest class, of all cases found; infinite where a class is empty.
        kind: how the parts are made ("official", "stratified", "grouped"); None where they cannot be.
        parts: cases by part and class after duplicates are taken out and scarcity is applied.
        to_generate: synthetic cases per class that balance "balanced" asks for.
        group_pattern: a pattern for a card by which file names seem to tell the patient; None where they
            do not, or patients are known.
        blockers: problems that stop a run before any training.
        warnings: what makes its result less certain.
    """

    name: str
    loaded: Loaded
    counts: dict[str, dict[str, int]]
    sides: tuple[tuple[int, int, int], ...]
    channels: dict[int, int]
    bits: dict[int, int]
    exact: tuple[tuple[str, ...], ...]
    exact_across: int
    near: tuple[NearDuplicate, ...]
    near_across: int
    near_contrary: int
    imbalance: float
    kind: str | None
    parts: dict[str, dict[str, int]]
    to_generate: dict[str, int]
    blockers: tuple[str, ...]
    warnings: tuple[str, ...]
    group_pattern: str | None = None

    @property
    def skipped(self) -> tuple[SkippedFile, ...]:
        """Files that cannot be used."""
        return self.loaded.skipped

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes from reading the data."""
        return self.loaded.notes
