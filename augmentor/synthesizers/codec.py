"""From a training part's own form to the networks' numbers and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.samples import IntArray, Samples
from augmentor.modalities.base import Codec
from augmentor.modalities.table import load_codec, modality_of


@dataclass(frozen=True)
class DataForm:
    """What made rows are turned into samples with.

    Attributes:
        codec: fitted on the training part.
        classes: class names in label order.
        value_range: of the training part.
    """

    codec: Codec
    classes: tuple[str, ...]
    value_range: tuple[float, float] | None

    @classmethod
    def of(cls, train: Samples) -> DataForm:
        """Read the form off the training part."""
        bounds = train.value_range
        # Floats whatever the training data had: JSON does not tell 0 from 0.0, digests do.
        value_range = None if bounds is None else (float(bounds[0]), float(bounds[1]))
        return cls(modality_of(train).fit_codec(train), train.classes, value_range)

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, *spatial) of one row."""
        return self.codec.shape

    def decode(self, rows: npt.NDArray[np.float32], labels: IntArray, ids: npt.NDArray[np.str_]) -> Samples:
        """Return rows (N, C, *spatial) in [-1, 1] as samples of these labels (N,), in the data's units."""
        return Samples(
            kind=self.codec.kind,
            x=self.codec.decode(rows),
            y=labels,
            classes=self.classes,
            ids=ids,
            value_range=self.value_range,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the form as JSON values."""
        return {
            "codec": self.codec.to_json(),
            "classes": list(self.classes),
            "shape": list(self.shape),
            "value_range": None if self.value_range is None else list(self.value_range),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> DataForm:
        """Return the form that :meth:`to_json` gave."""
        bounds = body["value_range"]
        value_range = None if bounds is None else (float(bounds[0]), float(bounds[1]))
        return cls(load_codec(body["codec"]), tuple(body["classes"]), value_range)
