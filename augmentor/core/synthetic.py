"""Synthetic samples with the provenance of every row, and who can make them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from augmentor.core.conditions import Conditions
from augmentor.core.errors import DataError
from augmentor.core.samples import Samples

PROVENANCE = ("synthesizer", "seed")


class SupportsSample(Protocol):
    """Anything that makes samples of asked classes: a fitted synthesizer, SMOTE or plain copying."""

    def sample(self, conditions: Conditions, *, seed: int) -> Samples:
        """Return one sample for each condition, in the units of the training data.

        The same conditions and seed give the same samples.
        """

    @property
    def digest(self) -> str:
        """SHA-256 that names the fitted state."""


@dataclass(frozen=True, eq=False)
class SyntheticSet:
    """Synthetic samples; a filter marks rows, never deletes them.

    Attributes:
        samples: the rows.
        provenance: DataFrame of N rows with at least the columns ``synthesizer`` (digest) and
            ``seed``, and one float column for each score (label_confidence, copy_distance, ...).
        kept: boolean mask (N,), True for rows that go into the expanded dataset.
        reason: unicode array (N,), empty where kept, else why not.
    """

    samples: Samples
    provenance: pd.DataFrame
    kept: npt.NDArray[np.bool_]
    reason: npt.NDArray[np.str_]

    def __post_init__(self) -> None:
        """Check that the parts agree."""
        n = len(self.samples)
        if not (len(self.provenance) == len(self.kept) == len(self.reason) == n):
            raise DataError("a synthetic set needs provenance, mask and reason for every row")
        missing = [name for name in PROVENANCE if name not in self.provenance.columns]
        if missing:
            raise DataError(f"provenance lacks the columns {missing}")
        if np.any((self.reason != "") == self.kept):
            raise DataError("a row has a reason exactly where it is not kept")

    def __len__(self) -> int:
        """Return the number of rows, kept or not."""
        return len(self.samples)

    @property
    def kept_samples(self) -> Samples:
        """The rows that are kept."""
        return self.samples.take(self.kept)
