"""Which test cases belong together: classes, and units of cases that are one piece of evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentor.core.errors import DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Design:
    """Units (cases, or groups with all their cases) and the strata they are compared within.

    Without groups a unit is a case and its stratum is its class: a stratified split fixes the
    class counts of the test part, balanced accuracy and recall are conditional on them, and a
    draw without a rare class would have no score. With groups a unit is a group. Groups of one
    class are drawn within that class and groups of several classes among themselves, or all
    groups together where one of these strata would have a single group; class counts then vary
    with the draw.

    Attributes:
        y: (N,) codes of the classes that are present, 0..K-1 without gaps.
        present: (K,) the label of each code.
        unit: (N,) the unit of each case, 0..G-1.
        stratum: (G,) the stratum of each unit, 0..H-1.
    """

    y: NDArray[np.int64]
    present: NDArray[np.int64]
    unit: NDArray[np.int64]
    stratum: NDArray[np.int64]

    @classmethod
    def of(cls, y: NDArray[Any], groups: Sequence[Any] | NDArray[Any] | None = None) -> Design:
        """Build the design of labels (N,) and, where cases belong together, their groups (N,).

        Raises:
            DataError: if there is no case or the lengths differ.
        """
        labels = np.asarray(y, dtype=np.int64)
        if labels.ndim != 1 or not labels.size:
            raise DataError(f"an interval needs labels of shape (N,), N > 0, got {labels.shape}")
        present, codes = np.unique(labels, return_inverse=True)
        codes = codes.astype(np.int64)
        if groups is None:
            return cls(codes, present, np.arange(labels.size), codes)
        names = np.asarray(groups)
        if names.shape != labels.shape:
            raise DataError(f"groups must have one entry per case: {labels.shape}, got {names.shape}")
        unit = np.unique(names, return_inverse=True)[1].astype(np.int64)
        holds = np.zeros((int(unit.max()) + 1, present.size), dtype=bool)
        holds[unit, codes] = True
        kind = np.where(holds.sum(axis=1) > 1, present.size, holds.argmax(axis=1))
        stratum = np.unique(kind, return_inverse=True)[1].astype(np.int64)
        if (np.bincount(stratum) < 2).any():
            stratum = np.zeros_like(stratum)
        return cls(codes, present, unit, stratum)

    @cached_property
    def class_counts(self) -> Floats:
        """(K,) the number of cases of each present class."""
        return np.bincount(self.y).astype(np.float64)

    def class_means(self, table: Floats) -> Floats:
        """Return the mean over the cases of each class: (S, N) to (S, K)."""
        onehot = np.zeros((self.y.size, self.present.size))
        onehot[np.arange(self.y.size), self.y] = 1.0
        means: Floats = table @ (onehot / self.class_counts)
        return means

    def unit_sums(self, table: Floats) -> Floats:
        """Return the sum over the cases of each unit: (S, N) to (S, G)."""
        if self.unit.size == self.stratum.size and np.array_equal(self.unit, np.arange(self.unit.size)):
            return table
        return np.stack([np.bincount(self.unit, row, minlength=self.stratum.size) for row in table])

    def class_units(self, table: Floats) -> list[Floats]:
        """Return for each class the sums over its cases in each unit that holds some: (S, G_k)."""
        found = []
        for cases, _, counts in self.blocks:
            starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
            found.append(np.add.reduceat(table[:, cases], starts, axis=1))
        return found

    @cached_property
    def blocks(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64], Floats]]:
        """For each class: (its cases in order of unit, the units they lie in, cases a unit)."""
        found = []
        for k in range(self.present.size):
            cases = np.flatnonzero(self.y == k)
            cases = cases[np.argsort(self.unit[cases], kind="stable")]
            units, counts = np.unique(self.unit[cases], return_counts=True)
            found.append((cases, units, counts.astype(np.float64)))
        return found
