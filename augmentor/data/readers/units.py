"""Whether synthetic samples are in the units of the real ones: by range and spread of their values."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError

UNITS: Final[tuple[tuple[float, float], ...]] = (
    (0.0, 1.0),
    (-1.0, 1.0),
    (0.0, 255.0),
    (0.0, 1023.0),
    (0.0, 4095.0),
    (0.0, 65535.0),
)
"""The units that pictures come in: shares, the range of a tanh, and 8, 10, 12 and 16 bits."""
SPREAD_TIMES = 4.0
"""Spreads that differ more than so many times are of other units, where the units differ too."""
ROWS = 512
LOW, HIGH = 0.01, 0.99


def check_units(made: npt.NDArray[Any], real: npt.NDArray[Any], where: str) -> None:
    """Refuse synthetic samples in other units than the real ones.

    Of both, the units are the narrowest of :data:`UNITS` that hold every value (65535 for a scan of 16
    bits, 4095 for one of 12 bits kept in 16), and the spread is the distance of the 1st from the 99th
    percentile. Where the units differ, and the spreads differ more than :data:`SPREAD_TIMES`, or one of
    both reaches below 0 and the other does not, they are refused: nothing is scaled by guess. Samples of one
    single value have no units.

    Args:
        made: synthetic samples (N, C, *S), in the form of the real ones.
        real: real samples (M, C, *S).
        where: names the source in the error.

    Raises:
        DataError: naming both ranges and what to do.
    """
    if not len(made) or not len(real):
        return
    one, other = _units(made), _units(real)
    if one == other or one is None or other is None or np.nanmin(made) == np.nanmax(made):
        return
    (low, high), (real_low, real_high) = _percentiles(made), _percentiles(real)
    spread, real_spread = high - low, real_high - real_low
    alike = real_spread / SPREAD_TIMES <= spread <= real_spread * SPREAD_TIMES
    shifted = (other[0] < 0 <= one[0] and real_low < -0.1) or (one[0] < 0 <= other[0] and low < -0.1)
    if alike and not shifted:
        return
    raise DataError(
        f"{where}: the synthetic values look like numbers from {one[0]:g} to {one[1]:g} (98 % of them lie "
        f"from {low:g} to {high:g}), and the real ones like numbers from {other[0]:g} to {other[1]:g} (98 % "
        f"from {real_low:g} to {real_high:g}): other units, in which any comparison is meaningless. Bring "
        "the synthetic samples to the units of the real ones, and write them again"
    )


def _units(x: npt.NDArray[Any]) -> tuple[float, float] | None:
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    return next((unit for unit in UNITS if unit[0] <= low and high <= unit[1]), None)


def _percentiles(x: npt.NDArray[Any]) -> tuple[float, float]:
    some = x[:: max(1, len(x) // ROWS)].astype(np.float64)
    low, high = np.nanquantile(some, (LOW, HIGH))
    return float(low), float(high)
