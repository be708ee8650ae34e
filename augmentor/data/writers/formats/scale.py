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

    def then(self, further: Scale) -> Scale:
        """Return the line that this one and ``further`` make together."""
        return Scale(further.slope * self.slope, further.slope * self.intercept + further.intercept)

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


def measured(samples: Samples, row: int) -> Scale:
    """Return the line from a sample's values to what the scanner measured; (1, 0) where nobody knows."""
    if samples.calibration is None:
        return Scale(1.0, 0.0)
    slope, intercept = samples.calibration.scale[row]
    return Scale(float(slope), float(intercept))


def units(samples: Samples) -> str:
    """Return the units of the measured values, empty where they are not known."""
    return "" if samples.calibration is None else samples.calibration.units


def window(samples: Samples, row: int, options: ExportOptions) -> tuple[float, float]:
    """Return the measured values that viewers show, black to white: those asked for, else all there are."""
    if options.window is not None:
        return options.window
    line = measured(samples, row)
    low, high = (line.slope * bound + line.intercept for bound in bounds(samples))
    return min(low, high), max(low, high)


def spacing(samples: Samples, row: int, options: ExportOptions) -> tuple[float, ...] | None:
    """Return the millimetres between cells along each axis, asked for or read; None if unknown."""
    if options.spacing is not None or samples.calibration is None:
        return options.spacing
    own = samples.calibration.spacing[row]
    return None if np.isnan(own).any() else tuple(float(side) for side in own)


def told_spacing(samples: Samples, options: ExportOptions) -> str:
    """Return the spacing in words, for the card."""
    found = {spacing(samples, row, options) for row in range(len(samples))}
    if len(found) > 1:
        return "that of each scan"
    only = next(iter(found), None)
    return "unknown" if only is None else " x ".join(f"{side:g}" for side in only) + " mm"
