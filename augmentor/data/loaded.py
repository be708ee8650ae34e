"""The result of reading a dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augmentor.core.kinds import Kind
from augmentor.core.samples import IntArray, Samples
from augmentor.data.cards import Card
from augmentor.data.spec import ColumnsSpec

Layout: TypeAlias = str
"""How data lies on disk: "folder" (of files), "npz", "memory" (inside a package), or another form's name."""
Fingerprints: TypeAlias = Callable[[Any], npt.NDArray[np.float32]]
"""``x`` of samples (N rows in the data's own form) to unit vectors (N, P); see
:mod:`augmentor.data.readers.fingerprints`."""
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class SkippedFile:
    """A file that was not used, and why; ``path`` is relative to the dataset's folder."""

    path: str
    reason: str


@dataclass(frozen=True, eq=False)
class Originals:
    """Sizes of the samples before they were resized, one entry per sample.

    Attributes:
        sides: int64 array (N, ndim): (height, width) in pixels, (depth, height, width) in voxels, or
            (steps,).
        channels: int64 array (N,); for images 1 where the image shows no colour, else 3.
        bits: int64 array (N,), bits per channel.
        columns: further properties of the files, and columns of a table, by name: their different values,
            and int32 (N,) which of them each sample has.
        labels: int64 array (N,), the labels in this order; None where that is the order of the parts.
    """

    sides: IntArray
    channels: IntArray
    bits: IntArray
    columns: Mapping[str, tuple[Sequence[str], npt.NDArray[np.int32]]] = field(default_factory=dict)
    labels: IntArray | None = None

    @classmethod
    def uniform(cls, n: int, *, sides: Sequence[int], channels: int, bits: int) -> Originals:
        """Return the entries of ``n`` samples that are all alike."""
        return cls.of(np.tile(np.array(sides, dtype=np.int64), (n, 1)), channels=channels, bits=bits)

    @classmethod
    def of(cls, sides: IntArray, *, channels: int, bits: int) -> Originals:
        """Return the entries of samples that differ in their sides alone."""

        def all_of(value: int) -> IntArray:
            return np.full(len(sides), value, dtype=np.int64)

        return cls(sides, all_of(channels), all_of(bits))


@dataclass(frozen=True, eq=False)
class Loaded:
    """A dataset as it is on disk, before any split is made or checked.

    Attributes:
        name: the card's name, or the name of the folder or file.
        card: the card, where there is one.
        parts: samples by part: "train", "validation" and "test" as far as the data is divided,
            else "all". Every part has the same classes, shape, dtype and value range.
        layout: how the data lies on disk: "folder", "npz", or "memory" (inside a package).
        originals: the samples' sides and depths before resizing.
        skipped: files that could not be used.
        notes: what a user should know.
        fingerprints: how samples are compared for being nearly equal; None where they are not.
        listed: every class name in label order, with those that were left out on request.
        columns: what the columns of the table mean that the data was read by; all None where none was.
    """

    name: str
    card: Card | None
    parts: Mapping[str, Samples]
    layout: Layout
    originals: Originals
    skipped: tuple[SkippedFile, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    fingerprints: Fingerprints | None = None
    listed: tuple[str, ...] = ()
    columns: ColumnsSpec = field(default_factory=ColumnsSpec)

    @property
    def kind(self) -> Kind:
        """What one sample is."""
        return next(iter(self.parts.values())).kind

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in label order."""
        return next(iter(self.parts.values())).classes
