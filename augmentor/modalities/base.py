"""What every modality offers, and the codec between its data and the networks."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from augmentor.core.kinds import Kind
from augmentor.core.progress import Progress
from augmentor.core.samples import FloatArray, IntArray, Samples, Values
from augmentor.data.loaded import Layout
from augmentor.data.readers.foreign import Foreign
from augmentor.data.writers.export import Writer
from augmentor.modalities.policies import AnyPolicy, ChosenPolicy

Grid: TypeAlias = npt.NDArray[np.float32]
Bound: TypeAlias = float | tuple[float, ...]
Augment: TypeAlias = Callable[[Grid, int], Grid]
"""(sample (C, *S) in [0, 1], seed) to a changed sample; a seed of -1 goes on with the last one's stream."""


class Codec(Protocol):
    """Between the data's own form, the arrays that are stored, and the numbers that networks see.

    Fitted on the training part alone. ``pack`` and ``encode`` work row by row: no row depends on the
    others.
    """

    @property
    def kind(self) -> Kind:
        """What one sample is."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, *spatial) of one packed sample, and of one encoded sample."""

    @property
    def window(self) -> tuple[Bound, Bound]:
        """Lowest and highest packed value, one for all channels or one per channel.

        Classical augmentation speaks in shares of it, and changed samples are clipped to it.
        """

    def pack(self, x: Values) -> npt.NDArray[Any]:
        """Return rows in the data's own form as an array (N, *shape) that can be stored."""

    def encode(self, x: Values) -> Grid:
        """Return rows, packed or in the data's own form, as float32 (N, *shape) in [-1, 1].

        Raises:
            DataError: if they are not of the form that the codec was fitted on.
        """

    def decode(self, z: npt.NDArray[Any]) -> Values:
        """Return encoded rows (N, *shape) in the data's own form and units.

        Raises:
            DataError: if the shape differs or a value is not finite.
        """

    def to_json(self) -> str:
        """Return the codec as JSON text: an object whose ``codec`` is the name of the modality."""


@dataclass(frozen=True)
class Preview:
    """How samples are shown in a report.

    Attributes:
        paint: rows in the data's own form to pictures uint8 (n, H, W, 1 or 3), on one scale for all.
        note: a sentence on what the pictures show.
        panels: pictures side by side in one, e.g. the three slices of a volume.
        lines: whether they are drawings of lines, wide and shown at half their size.
    """

    paint: Callable[[Values], npt.NDArray[np.uint8]]
    note: str
    panels: int = 1
    lines: bool = False


@dataclass(frozen=True)
class Modality(ABC):
    """All that follows from what a sample is.

    A new modality is one file with a class like this, and a row in
    :data:`augmentor.modalities.table.MODALITIES`. A modality that lies on disk in a form of its own adds a
    reader and a row in :data:`augmentor.data.readers.table.READERS`.

    Attributes:
        kind: the nouns; its name is the modality's.
        lacking: the transforms of a policy (fields of :class:`~augmentor.modalities.policies.Policy`) that
            samples of this kind do not have.
    """

    kind: Kind
    lacking: tuple[str, ...] = ()
    operations: ClassVar[tuple[str, ...]] = ("identity",)
    """What a :class:`~augmentor.modalities.policies.ChosenPolicy` draws from, names in
    :data:`augmentor.modalities.policies.OPERATIONS`."""
    writer: ClassVar[Writer]
    """Writes the files of an expanded dataset."""
    classifier: ClassVar[str] = "small_resnet"
    """What the arms train where a recipe says "auto", a name in
    :data:`augmentor.downstream.models.MODELS`."""

    @abstractmethod
    def fit_codec(self, train: Samples) -> Codec:
        """Return the codec, read off the training part.

        Raises:
            DataError: if there is nothing to fit, or nothing to learn.
        """

    @abstractmethod
    def load_codec(self, values: Mapping[str, Any]) -> Codec:
        """Return the codec of the object that :meth:`Codec.to_json` wrote.

        Raises:
            KeyError: if a value is missing.
            DataError: if the values do not fit together.
        """

    @abstractmethod
    def changer(self, policy: AnyPolicy) -> Augment:
        """Return classical augmentation: a function that changes one packed sample scaled to [0, 1].

        Transforms of the policy that the modality is :attr:`lacking` are left out.
        """

    def is_idle(self, policy: AnyPolicy) -> bool:
        """Return whether the policy changes no sample of this kind."""
        if isinstance(policy, ChosenPolicy):
            return not set(self.operations) - set(policy.forbid) - {"identity"}
        return policy.without(self.lacking).changes_nothing

    def values(self, encoded: Grid) -> Grid:
        """Return encoded rows (N, *shape) as the values (N, P) that diversity is measured on: all of them."""
        return encoded.reshape(len(encoded), math.prod(encoded.shape[1:]))

    @abstractmethod
    def copy_view(self, encoded: Grid) -> Grid:
        """Return encoded rows (N, *shape) as the arrays (N, ...) among which copies are searched."""

    @abstractmethod
    def copy_vectors(self, view: Grid) -> Grid:
        """Return rows of a view as vectors (N, P) whose Euclidean distance tells how alike they look."""

    @abstractmethod
    def nearest(
        self,
        queries: Grid,
        train: Grid,
        *,
        exclude: tuple[IntArray, IntArray] | None = None,
        mirror: bool = True,
    ) -> tuple[FloatArray, IntArray]:
        """Return the distance (N,) of every query to the nearest training row, and which row (N,).

        Args:
            queries: a view (N, ...).
            train: a view (M, ...), at least one row.
            exclude: group codes (N,) and (M,); a query is not compared to rows of its own group. A query
                without any other row gets the distance infinity.
            mirror: whether a mirrored row counts as the same, where samples can be mirrored.

        Raises:
            DataError: if there is no training row.
        """

    @abstractmethod
    def preview(self, train: Samples) -> Preview:
        """Return how samples are shown; the scale is that of the training part."""

    @abstractmethod
    def read_synthetic(
        self, source: Path, like: Samples, *, layout: Layout, digest: str, progress: Progress
    ) -> Foreign:
        """Read synthetic samples of any origin; see :func:`augmentor.modalities.foreign.read_foreign`."""
