"""Values in 16 bits, and the line that leads back to the data's own units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.samples import Samples
from augmentor.data.export_spec import ExportOptions
from augmentor.data.writers.formats.base import bounds

TOP = 65535


@dataclass(frozen=True)
class Scale:
    """value = intercept + slope * stored."""

    slope: float
    intercept: float

    def stored(self, x: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
        """Return values as whole numbers of 16 bits, rounded to nearest."""
        steps = np.rint((x.astype(np.float64) - self.intercept) / self.slope)
        return np.clip(steps, 0, TOP).astype(np.uint16)


def sixteen_bits(samples: Samples) -> Scale:
    """Return the scale that keeps whole numbers as they are where 16 bits hold them, else their range.

    Whole numbers below 0 are moved up to 0; floats, and whole numbers over a wider range, are stretched.
    """
    low, high = bounds(samples)
    if np.issubdtype(samples.array.dtype, np.integer) and high - low <= TOP:
        return Scale(1.0, 0.0 if low >= 0 and high <= TOP else float(low))
    # As many digits as DICOM's decimal strings have: what is written is what was used.
    return Scale(float(f"{(high - low) / TOP:.9e}"), float(f"{low:.8e}"))


def error(samples: Samples) -> float:
    """Return half a step of the scale; 0 where whole numbers are kept."""
    scale = sixteen_bits(samples)
    if scale.slope == 1.0 and np.issubdtype(samples.array.dtype, np.integer):
        return 0.0
    # And the rounding of the scale's own two numbers, over its whole length.
    return scale.slope * 0.5 * (1 + 1e-3) + abs(scale.intercept) * 1e-8


def window(samples: Samples, options: ExportOptions) -> tuple[float, float]:
    """Return the values that viewers show from black to white: those asked for, else all there may be."""
    return options.window or bounds(samples)
