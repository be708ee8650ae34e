"""Pictures in their own units to the networks' number range, and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.samples import Samples

DTYPES = ("uint8", "uint16", "float32")


@dataclass(frozen=True)
class ImageCodec:
    """A linear map of [low, high] onto [-1, 1], fitted on the training part only.

    8-bit pictures use their value range. 16-bit and floating-point pictures seldom fill theirs (a
    12-bit scanner in 16-bit files), so they use the smallest and largest training value; values
    beyond, met in other parts, are clipped to that window.

    Attributes:
        low: value that becomes -1.
        high: value that becomes 1.
        dtype: "uint8", "uint16" or "float32".
        shape: (C, H, W) of one picture.
    """

    low: float
    high: float
    dtype: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check the window and the dtype."""
        if self.dtype not in DTYPES:
            raise DataError(
                f"pictures of the dtype {self.dtype} cannot be encoded; allowed are {list(DTYPES)}"
            )
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise DataError(
                f"the training pictures take values from {self.low:g} to {self.high:g}: there is nothing "
                "to learn "
                "in pictures of one value"
            )

    @classmethod
    def fit(cls, train: Samples) -> ImageCodec:
        """Read the window off the training part.

        Raises:
            DataError: if the pictures are a table, of another dtype, empty, or all of one value.
        """
        x = train.array
        if not len(x):
            raise DataError("an image codec needs training pictures, got none")
        assert train.value_range is not None  # Samples of arrays have one
        low, high = train.value_range
        if x.dtype != np.uint8:
            low, high = float(np.min(x)), float(np.max(x))
        return cls(low=float(low), high=float(high), dtype=str(x.dtype), shape=train.shape)

    def encode(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Map pictures (N, C, H, W) in the data's units to float32 in [-1, 1], clipping beyond the window.

        Floating-point pictures in the data's units (say, augmented and not yet rounded) are taken too.

        Raises:
            DataError: if shape or dtype are not those of the training pictures.
        """
        self._check_shape(x)
        if x.dtype != self.dtype and not np.issubdtype(x.dtype, np.floating):
            raise DataError(f"the codec was fitted on {self.dtype} pictures, got {x.dtype}")
        scaled: npt.NDArray[np.float32] = x.astype(np.float32) - np.float32(self.low)
        scaled *= np.float32(2 / (self.high - self.low))
        scaled -= np.float32(1)
        return np.clip(scaled, -1, 1, out=scaled)

    def decode(self, z: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Map (N, C, H, W) in [-1, 1] back: clipped to the window, whole numbers rounded to nearest.

        Raises:
            DataError: if the shape differs or a value is not finite.
        """
        self._check_shape(z)
        if not np.isfinite(z).all():
            raise DataError("pictures to decode hold values that are not finite (NaN or infinity)")
        values = (z.astype(np.float64) + 1) / 2 * (self.high - self.low) + self.low
        if self.dtype != "float32":
            values = np.rint(values)
        return np.clip(values, self.low, self.high).astype(self.dtype)

    def to_json(self) -> str:
        """Return the codec as JSON text."""
        return json.dumps(
            {"codec": "image", "low": self.low, "high": self.high, "dtype": self.dtype, "shape": self.shape}
        )

    @classmethod
    def from_json(cls, text: str) -> ImageCodec:
        """Build the codec from the text of :meth:`to_json`.

        Raises:
            DataError: if the text is not that of an image codec.
        """
        try:
            value = json.loads(text)
            if value["codec"] != "image":
                raise DataError(f"a codec of the kind 'image' is needed, got {value['codec']!r}")
            return cls(
                low=float(value["low"]),
                high=float(value["high"]),
                dtype=str(value["dtype"]),
                shape=tuple(int(n) for n in value["shape"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"not the JSON of an image codec: {error}") from error

    def _check_shape(self, x: npt.NDArray[Any]) -> None:
        if x.ndim != len(self.shape) + 1 or x.shape[1:] != self.shape:
            raise DataError(
                f"pictures of the shape (N, {', '.join(map(str, self.shape))}) are needed, got {x.shape}"
            )
