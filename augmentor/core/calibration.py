"""What the values and the cells of samples are in the world: units, windows, millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Calibration:
    """How samples of medical files relate to what the scanner measured; one row per sample.

    Attributes:
        scale: float64 array (N, 2) of (slope, intercept): a value ``x`` of sample ``n`` is
            ``scale[n, 0] * x + scale[n, 1]`` in ``units``. (1, 0) where samples are in these units.
        spacing: float64 array (N, ndim): millimetres between the cells of a sample along its spatial
            axes, as the sample is (after it was resized); NaN where the file does not say.
        units: of the measured values, e.g. "HU"; empty where they are not known.
        window: what was done to the values, in words, e.g. "percentiles 0.5 to 99.5 of each";
            empty where they are as the file gives them.

    Raises:
        DataError: at construction, if the arrays do not fit each other.
    """

    scale: Floats
    spacing: Floats
    units: str = ""
    window: str = ""

    def __post_init__(self) -> None:
        """Check that the arrays agree."""
        if self.scale.ndim != 2 or self.scale.shape[1] != 2 or self.spacing.ndim != 2:
            raise DataError(
                f"a calibration has scale (N, 2) and spacing (N, ndim), got {self.scale.shape} and "
                f"{self.spacing.shape}"
            )
        if len(self.scale) != len(self.spacing):
            raise DataError(
                f"a calibration has one row per sample, got {len(self.scale)} and {len(self.spacing)}"
            )

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.scale)

    def take(self, rows: npt.NDArray[np.int64]) -> Calibration:
        """Return the rows at these positions, in that order."""
        return Calibration(self.scale[rows], self.spacing[rows], self.units, self.window)

    def measured(self, x: npt.NDArray[np.generic]) -> Floats:
        """Return samples ``x`` (N, C, *spatial) as float64 in :attr:`units`: scaled, then shifted.

        Example:
            >>> one = Calibration(np.array([[4.0, -1000.0]]), np.array([[1.0, 1.0]]), units="HU")
            >>> float(one.measured(np.full((1, 1, 1, 1), 250))[0, 0, 0, 0])
            0.0
        """
        slope, intercept = self.scale.T.reshape(2, -1, *(1,) * (x.ndim - 1))
        values: Floats = x.astype(np.float64) * slope + intercept
        return values

    def typical(self) -> Calibration:
        """Return one row that stands for all: medians. Synthetic samples, which nobody measured, get it."""
        known = ~np.isnan(self.spacing).any(axis=1)
        spacing = (
            np.median(self.spacing[known], axis=0) if known.any() else np.full(self.spacing.shape[1], np.nan)
        )
        return Calibration(np.median(self.scale, axis=0)[None], spacing[None], self.units, self.window)


def joined(parts: Sequence[Calibration | None]) -> Calibration | None:
    """Return the rows of all parts, one after the other; None where a part has none or units differ."""
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len({(part.units, part.window) for part in known}) != 1:
        return None
    return Calibration(
        np.concatenate([part.scale for part in known]),
        np.concatenate([part.spacing for part in known]),
        known[0].units,
        known[0].window,
    )
