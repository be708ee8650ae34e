"""Facts of the real and the synthetic samples: loading, sampling, filtering."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from augmentor.core.facts.base import Facts
from augmentor.core.kinds import Kind


class Skipped(Facts):
    """A file that could not be used, and why."""

    path: str
    reason: str


class Removed(Facts):
    """A sample that was taken out of ``part``: ``duplicate_of``, nearer to the test, equals it."""

    id: str
    duplicate_of: str
    part: str
    reason: str


class NearTestDuplicate(Facts):
    """A test sample and a nearly equal sample of another part, with the correlation of the two."""

    part: str
    id: str
    test: str
    correlation: float


class LoadFacts(Facts):
    """The data as they were read and split.

    Attributes:
        dataset: name of the card, or of the folder or file.
        classes: class names in label order.
        kind: what one sample is, and its nouns.
        shape: of one sample, (C, *spatial).
        title: for people; empty for the dataset's name.
        card: the dataset card as JSON, see :class:`augmentor.data.cards.Card`; None without one.
        layout: how the data lay on disk.
        split: how the parts were made, e.g. "official" or "stratified".
        folds: how many folds the data are divided into, of which the test part is one; 1 without folds.
        source: hash of the bytes the data come from.
        notes: what a reader must know.
        near_duplicates: nearly equal samples across parts.
        skipped: files that could not be used.
        removed: samples that were taken out because another part has them too.
    """

    dataset: str
    classes: tuple[str, ...]
    kind: Kind
    shape: tuple[int, ...]
    title: str = ""
    card: dict[str, Any] | None = None
    layout: str = "memory"
    split: str = ""
    folds: int = 1
    source: str = ""
    notes: tuple[str, ...] = ()
    near_duplicates: tuple[NearTestDuplicate, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    removed: tuple[Removed, ...] = ()


class SyntheticSource(Facts):
    """Where synthetic samples that were made elsewhere were read from."""

    name: str
    kind: str
    sha256: str
    rows: int


class SampleFacts(Facts):
    """The candidates that the filters choose from.

    Attributes:
        plan: synthetic samples wanted by class.
        candidates: samples made or read by class.
        source: where they were read from; None where a generator of this run made them.
        notes: what a reader must know.
        limits: what the samples' origin leaves open.
        skipped: files that could not be used.
    """

    plan: dict[str, int]
    candidates: dict[str, int]
    source: SyntheticSource | None = None
    notes: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()


class LabelMinimumFacts(Facts):
    """The label filter's minimum that was chosen on the validation part."""

    minimum: float


class FilterFacts(Facts):
    """What the filters kept.

    Attributes:
        filters: the filters as they were used, as JSON of a ``FiltersSpec``.
        unusable: classes without any kept sample because too few were accepted, and why.
        shortfall: samples missing from the plan by class.
    """

    filters: dict[str, Any]
    unusable: dict[str, str] = Field(default_factory=dict)
    shortfall: dict[str, int] = Field(default_factory=dict)

    @property
    def label_minimum(self) -> float | None:
        """The label filter's lowest probability; None where that filter is off."""
        label = self.filters.get("label")
        return None if label is None else float(label["minimum"])
