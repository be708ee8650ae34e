"""The codec of samples that are arrays: their own units to the networks' number range, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.kinds import Kind
from augmentor.core.samples import Samples, Values
from augmentor.modalities.base import Bound

DTYPES = ("uint8", "uint16", "float32")


@dataclass(frozen=True)
class ArrayCodec:
    """A linear map of [low, high] onto [-1, 1], fitted on the training part only.

    With one window for all channels, 8-bit samples use their value range. 16-bit and floating-point ones
    seldom fill theirs (a 12-bit scanner in 16-bit files), so they use the smallest and largest training
    value; values beyond, met in other parts, are clipped to that window. With a window for each channel,
    it is that of the channel's own smallest and largest training value; a channel of one value becomes 0.
    Which of the two is right, the modality says.

    Attributes:
        low: value that becomes -1; one for all channels, or one per channel.
        high: value that becomes 1; of the same form.
        dtype: "uint8", "uint16" or "float32".
        shape: (C, *spatial) of one sample.
        kind: what one sample is.
    """

    low: Bound
    high: Bound
    dtype: str
    shape: tuple[int, ...]
    kind: Kind

    def __post_init__(self) -> None:
        """Check the windows and the dtype."""
        nouns = self.kind.plural
        if self.dtype not in DTYPES:
            raise DataError(
                f"{nouns} of the dtype {self.dtype} cannot be encoded; allowed are {list(DTYPES)}"
            )
        low, high = self.windows
        if low.shape != high.shape or len(low) not in (1, self.shape[0]):
            raise DataError(
                f"a codec has one window, or one for each of the {self.shape[0]} channels, got {len(low)} "
                f"lowest and {len(high)} highest values"
            )
        if not (np.isfinite([low, high]).all() and (low <= high).all() and (low < high).any()):
            raise DataError(
                f"the training {nouns} take values from {low.min():g} to {high.max():g}: there is nothing to "
                f"learn in {nouns} of one value"
            )

    @classmethod
    def fit(cls, train: Samples, *, by_channel: bool) -> ArrayCodec:
        """Read the windows off the training part, one for all channels or one for each.

        Raises:
            DataError: if the samples are a table, of another dtype, none, or all of one value.
        """
        x = train.array
        if not len(x):
            raise DataError(f"a codec needs training {train.kind.plural}, got none")
        assert train.value_range is not None  # Samples of arrays have one
        low: Bound
        high: Bound
        if by_channel:
            axes = (0, *range(2, x.ndim))
            low = tuple(float(value) for value in np.min(x, axis=axes))
            high = tuple(float(value) for value in np.max(x, axis=axes))
        elif x.dtype == np.uint8:
            low, high = float(train.value_range[0]), float(train.value_range[1])
        else:
            low, high = float(np.min(x)), float(np.max(x))
        return cls(low, high, str(x.dtype), train.shape, train.kind)

    @classmethod
    def of_values(cls, values: Mapping[str, Any], kind: Kind) -> ArrayCodec:
        """Return the codec of the object that :meth:`to_json` wrote.

        Raises:
            KeyError: if a value is missing.
            DataError: if the values do not fit together.
        """
        return cls(
            low=_bound(values["low"]),
            high=_bound(values["high"]),
            dtype=str(values["dtype"]),
            shape=tuple(int(n) for n in values["shape"]),
            kind=kind,
        )

    @property
    def window(self) -> tuple[Bound, Bound]:
        """The values that become -1 and 1."""
        return self.low, self.high

    @property
    def windows(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Lowest and highest values, (1,) for all channels or (C,)."""
        return np.atleast_1d(np.asarray(self.low, float)), np.atleast_1d(np.asarray(self.high, float))

    def pack(self, x: Values) -> npt.NDArray[Any]:
        """Return samples (N, C, *S) as they are: arrays need no other form to be stored.

        Raises:
            DataError: if the shape is not that of the training samples.
        """
        return self._checked(x)

    def encode(self, x: Values) -> npt.NDArray[np.float32]:
        """Map samples (N, C, *S) in the data's units to float32 in [-1, 1], clipping beyond the window.

        Floating-point samples in the data's units (say, augmented and not yet rounded) are taken too.

        Raises:
            DataError: if shape or dtype are not those of the training samples.
        """
        x = self._checked(x)
        if x.dtype != self.dtype and not np.issubdtype(x.dtype, np.floating):
            nouns = self.kind.plural
            raise DataError(f"the codec was fitted on {self.dtype} {nouns}, got {x.dtype}")
        low, high = (self._by_channel(bound) for bound in self.windows)
        flat = low == high
        scaled: npt.NDArray[np.float32] = x.astype(np.float32) - low.astype(np.float32)
        scaled *= (2 / np.where(flat, np.inf, high - low)).astype(np.float32)
        scaled -= np.where(flat, 0, 1).astype(np.float32)
        return np.clip(scaled, -1, 1, out=scaled)

    def decode(self, z: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Map (N, C, *S) in [-1, 1] back: clipped to the window, whole numbers rounded to nearest.

        Raises:
            DataError: if the shape differs or a value is not finite.
        """
        z = self._checked(z)
        if not np.isfinite(z).all():
            nouns = self.kind.plural
            raise DataError(f"{nouns} to decode hold values that are not finite (NaN or infinity)")
        low, high = (self._by_channel(bound) for bound in self.windows)
        values = (z.astype(np.float64) + 1) / 2 * (high - low) + low
        if self.dtype != "float32":
            values = np.rint(values)
        return np.clip(values, low, high).astype(self.dtype)

    def to_json(self) -> str:
        """Return the codec as JSON text."""
        return json.dumps(
            {
                "codec": self.kind.name,
                "low": self.low,
                "high": self.high,
                "dtype": self.dtype,
                "shape": self.shape,
            }
        )

    def _by_channel(self, bound: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return a bound in a shape that meets (N, C, *S)."""
        return bound.reshape(1, -1, *(1,) * (len(self.shape) - 1))

    def _checked(self, x: Values) -> npt.NDArray[Any]:
        if not isinstance(x, np.ndarray) or x.shape[1:] != self.shape or x.ndim != len(self.shape) + 1:
            raise DataError(
                f"{self.kind.plural} of the shape (N, {', '.join(map(str, self.shape))}) are needed, got "
                f"{x.shape}"
            )
        return x


def _bound(value: Any) -> Bound:  # noqa: ANN401 - whatever JSON held
    return tuple(float(one) for one in value) if isinstance(value, list) else float(value)
