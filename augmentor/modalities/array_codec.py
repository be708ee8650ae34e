"""Images, volumes and series in their own units to the networks' number range, and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE, SERIES, VOLUME, Kind
from augmentor.core.samples import Samples

DTYPES = ("uint8", "uint16", "float32")
Bound: TypeAlias = float | tuple[float, ...]


@dataclass(frozen=True)
class ImageCodec:
    """A linear map of [low, high] onto [-1, 1], fitted on the training part only.

    Images, and volumes of one channel, have one window: the channels of a colour image are to keep
    their balance. 8-bit ones use their value range. 16-bit and floating-point ones seldom fill theirs
    (a 12-bit scanner in 16-bit files), so they use the smallest and largest training value; values
    beyond, met in other parts, are clipped to that window. The channels of a series, and of a volume
    of several channels, are different quantities (a pressure beside a flow, two MRI contrasts): each
    has the window of its own smallest and largest training value. A channel of one value becomes 0.

    Attributes:
        low: value that becomes -1; one for all channels, or one a channel.
        high: value that becomes 1; of the same form.
        dtype: "uint8", "uint16" or "float32".
        shape: (C, *spatial) of one sample.
        kind: what one sample is.
    """

    low: Bound
    high: Bound
    dtype: str
    shape: tuple[int, ...]
    kind: Kind = IMAGE

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
    def fit(cls, train: Samples) -> ImageCodec:
        """Read the windows off the training part.

        Raises:
            DataError: if the samples are a table, of another dtype, none, or all of one value.
        """
        x = train.array
        kind = train.kind
        if not len(x):
            raise DataError(f"a codec needs training {kind.plural}, got none")
        assert train.value_range is not None  # Samples of arrays have one
        low: Bound
        high: Bound
        if kind.name == "series" or (kind.name == "volume" and train.shape[0] > 1):
            axes = (0, *range(2, x.ndim))
            low = tuple(float(value) for value in np.min(x, axis=axes))
            high = tuple(float(value) for value in np.max(x, axis=axes))
        elif x.dtype == np.uint8:
            low, high = float(train.value_range[0]), float(train.value_range[1])
        else:
            low, high = float(np.min(x)), float(np.max(x))
        return cls(low, high, str(x.dtype), train.shape, kind)

    @property
    def windows(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Lowest and highest values, (1,) for all channels or (C,)."""
        return np.atleast_1d(np.asarray(self.low, float)), np.atleast_1d(np.asarray(self.high, float))

    def encode(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Map samples (N, C, *S) in the data's units to float32 in [-1, 1], clipping beyond the window.

        Floating-point samples in the data's units (say, augmented and not yet rounded) are taken too.

        Raises:
            DataError: if shape or dtype are not those of the training samples.
        """
        self._check_shape(x)
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
        self._check_shape(z)
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

    @classmethod
    def from_json(cls, text: str) -> ImageCodec:
        """Build the codec from the text of :meth:`to_json`.

        Raises:
            DataError: if the text is not that of an image codec.
        """
        try:
            value = json.loads(text)
            shape = tuple(int(n) for n in value["shape"])
            return cls(
                low=_bound(value["low"]),
                high=_bound(value["high"]),
                dtype=str(value["dtype"]),
                shape=shape,
                kind=_named(value["codec"], shape),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"not the JSON of an image codec: {error}") from error

    def _by_channel(self, bound: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return a bound in a shape that meets (N, C, *S)."""
        return bound.reshape(1, -1, *(1,) * (len(self.shape) - 1))

    def _check_shape(self, x: npt.NDArray[Any]) -> None:
        if x.ndim != len(self.shape) + 1 or x.shape[1:] != self.shape:
            nouns = self.kind.plural
            raise DataError(
                f"{nouns} of the shape (N, {', '.join(map(str, self.shape))}) are needed, got {x.shape}"
            )


def _named(name: str, shape: tuple[int, ...]) -> Kind:
    """Return the kind of that name; until there were names, the codecs of all kinds said "image"."""
    if name == "image":
        return {2: SERIES, 4: VOLUME}.get(len(shape), IMAGE)
    return {"series": SERIES, "volume": VOLUME}[name]


def _bound(value: Any) -> Bound:  # noqa: ANN401 - whatever JSON held
    return tuple(float(one) for one in value) if isinstance(value, list) else float(value)
