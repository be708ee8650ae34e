"""What models came to on one part, case by case, and the comparisons that are asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentor.core.case_values import CaseValues
from augmentor.core.errors import DataError
from augmentor.statistics.design import Design
from augmentor.statistics.paired_verdict import Paired
from augmentor.statistics.score import Score, score_of
from augmentor.statistics.small_samples import Changes, SmallInterval, small_interval

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What every case is worth to a metric, for every model, at the same seeds.

    Attributes:
        values: by model, values (S, N) of the cases and how they make the metric.
        strata: (N,) codes of the strata.
        names: of the strata, by code; those without a case too.
        groups: (N,) which cases belong together, or None.
        folds: (N,) the fold that each case was held out in, where models of several folds were put together;
            None for one test part.
        by_stratum: further tables by name, each by model, (S, N) in [0, 1]; the mean over the cases of a
            stratum is a number of that stratum.

    Raises:
        DataError: if the tables do not fit each other or the strata.
    """

    values: Mapping[str, CaseValues]
    strata: NDArray[np.int64]
    names: tuple[str, ...]
    groups: NDArray[Any] | None = None
    folds: NDArray[Any] | None = None
    by_stratum: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the shapes."""
        tables = {name: one.table for name, one in self.values.items()}
        for name, table in tables.items():
            if table.ndim != 2 or table.shape[1] != len(self.strata):
                raise DataError(f"values of {name!r} must be (seeds, {len(self.strata)}), got {table.shape}")
        seeds = {name: table.shape[0] for name, table in tables.items()}
        if len(set(seeds.values())) > 1:
            raise DataError(f"arms are compared on the same seeds, got these numbers of seeds: {seeds}")

    @cached_property
    def design(self) -> Design:
        """Which cases belong together."""
        return Design.of(self.strata, self.groups)

    @property
    def seeds(self) -> int:
        """S, the number of seeds."""
        return len(next(iter(self.values.values())).table)

    @cached_property
    def means(self) -> dict[str, float]:
        """The mean over seeds of every model's metric."""
        return {
            name: float((one.share * self.design.class_means(one.table) @ one.weights).mean())
            for name, one in self.values.items()
        }

    @property
    def rarest(self) -> str:
        """The name of the stratum with the fewest units, of those that have cases."""
        return self.names[int(self.design.present[int(np.argmin(self._sizes))])]

    @property
    def fewest(self) -> int:
        """How many units (cases, or groups of them) that stratum has."""
        return min(self._sizes)

    @property
    def _sizes(self) -> list[int]:
        return [int(units.size) for _, units, _ in self.design.blocks]

    def score(self, model: str, confidence: float = 0.95) -> Score:
        """Return a model's metric with its interval."""
        return score_of(self.values[model], self.design, folds=self.folds, confidence=confidence)

    def paired(self, new: str, old: str, confidence: float = 0.95) -> Paired:
        """Compare two models on the same cases."""
        values = self.values
        return Paired.between(values[new], values[old], self.design, folds=self.folds, confidence=confidence)

    def stratum_change(self, kind: str, new: str, old: str, stratum: int, confidence: float) -> SmallInterval:
        """Return the change of a number of one stratum.

        Args:
            kind: a name in :attr:`by_stratum`.
            new: whose number.
            old: less that of this model.
            stratum: position among the strata that have cases.
            confidence: of the interval, two-sided.
        """
        tables = self.by_stratum[kind]
        mine = self.design.y == stratum
        groups = None if self.groups is None else np.asarray(self.groups)[mine]
        change = Changes((tables[new] - tables[old])[:, mine], np.ones(1))
        design = Design.of(np.zeros(int(mine.sum()), dtype=np.int64), groups)
        return small_interval(change, design, confidence=confidence)
