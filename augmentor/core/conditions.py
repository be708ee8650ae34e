"""Conditions of the samples to make: a class label each, and what else a method takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import ConfigError
from augmentor.core.samples import IntArray


@dataclass(frozen=True, eq=False)
class Conditions:
    """The conditions of N samples, row by row; a part that is not given is None.

    Attributes:
        labels: (N,) whole numbers, kept as int64: the class of each sample, in label order.
        sources: (N, ...) samples to translate, in the data's own units.
        masks: (N, *spatial) whole numbers: which structure each cell of a sample belongs to.
        texts: (N,) descriptions.
        frames: (N, ...) first frames of sequences, in the data's own units.

    Raises:
        ConfigError: at construction, if the labels are no vector of whole numbers, or the parts are not
            of one length.

    Example:
        >>> len(Conditions(np.array([0, 1, 1])))
        3
    """

    labels: IntArray
    sources: npt.NDArray[Any] | None = None
    masks: npt.NDArray[np.integer[Any]] | None = None
    texts: npt.NDArray[np.str_] | None = None
    frames: npt.NDArray[Any] | None = None

    def __post_init__(self) -> None:
        """Check the labels and the lengths."""
        labels = np.asarray(self.labels)
        if labels.ndim != 1 or not (np.issubdtype(labels.dtype, np.integer) or not labels.size):
            raise ConfigError(
                f"labels must be whole numbers of shape (N,), got {labels.dtype} of shape {labels.shape}"
            )
        object.__setattr__(self, "labels", labels.astype(np.int64))
        lengths = {name: len(part) for name, part in self.parts.items()}
        if len(set(lengths.values())) != 1:
            raise ConfigError(f"conditions need parts of one length, got {lengths}")

    def __len__(self) -> int:
        """Return the number of samples to make."""
        return len(self.labels)

    @property
    def parts(self) -> Mapping[str, npt.NDArray[Any]]:
        """The parts that are given, by name; the labels always are."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: part for name, part in found.items() if part is not None}

    def take(
        self, index: npt.NDArray[np.integer[Any]] | npt.NDArray[np.bool_] | Sequence[int] | slice
    ) -> Conditions:
        """Return the rows at ``index`` (positions, a mask or a slice), in that order."""
        rows = index if isinstance(index, slice) else np.asarray(index)
        return replace(self, **{name: part[rows] for name, part in self.parts.items()})
