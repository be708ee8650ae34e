"""What models came to on one part, case by case, and the contrasts that are asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentor.core.errors import DataError
from augmentor.statistics.design import Design
from augmentor.statistics.intervals import Interval, intervals

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Contributions of every case to a metric, for every model, at the same seeds.

    Attributes:
        tables: by model, contributions (S, N): the sum over strata of their cases' mean is the metric.
        strata: (N,) codes of the strata.
        names: of the strata, by code; those without a case too.
        groups: (N,) which cases belong together, or None.
        unseen: see :func:`augmentor.statistics.variance.components`.
        by_stratum: further tables by name, each by model, whose mean over the cases of a stratum is a number
            of that stratum.

    Raises:
        DataError: if the tables do not fit each other or the strata.
    """

    tables: Mapping[str, Floats]
    strata: NDArray[np.int64]
    names: tuple[str, ...]
    groups: NDArray[Any] | None = None
    unseen: float = 0.0
    by_stratum: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the shapes."""
        seeds = {name: table.shape[0] for name, table in self.tables.items()}
        if len(set(seeds.values())) > 1:
            raise DataError(f"arms are compared on the same seeds, got these numbers of seeds: {seeds}")
        for name, table in self.tables.items():
            if table.ndim != 2 or table.shape[1] != len(self.strata):
                raise DataError(
                    f"contributions of {name!r} must be (seeds, {len(self.strata)}), got {table.shape}"
                )

    @cached_property
    def design(self) -> Design:
        """Which cases are drawn together."""
        return Design.of(self.strata, self.groups)

    @property
    def means(self) -> dict[str, float]:
        """The mean over seeds of every model's metric."""
        return {name: self.mean(table) for name, table in self.tables.items()}

    def mean(self, table: Floats) -> float:
        """Return the mean over seeds of the metric whose contributions are ``table`` (S, N)."""
        return float(self.design.class_means(table).sum(axis=1).mean())

    @property
    def shows_spread(self) -> bool:
        """Whether some stratum has two units, so that the spread of cases can be seen."""
        return any(units.size > 1 for _, units, _ in self.design.blocks)


@dataclass(frozen=True)
class Contrast:
    """A number that an interval is asked of.

    Attributes:
        model: whose.
        against: less that of this one; None for the number itself.
        table: "" for the metric, or a name in :attr:`Evidence.by_stratum`.
        stratum: position among the strata that have cases; None for the sum over all.
        confidence: of the interval, two-sided.
    """

    model: str
    against: str | None = None
    table: str = ""
    stratum: int | None = None
    confidence: float = 0.95


def measure(evidence: Evidence, asked: Sequence[Contrast], *, replicates: int, seed: int) -> list[Interval]:
    """Return the interval of every contrast, in their order, all from one set of paired replicates.

    Args:
        evidence: of one part.
        asked: the contrasts.
        replicates: of the bootstrap.
        seed: of its draws.
    """
    kinds = {"": evidence.tables, **evidence.by_stratum}
    tables = [table for by_model in kinds.values() for table in by_model.values()]
    place = {
        key: number
        for number, key in enumerate((kind, name) for kind, by_model in kinds.items() for name in by_model)
    }
    targets = np.zeros((len(asked), len(tables), evidence.design.present.size))
    for target, one in zip(targets, asked, strict=True):
        columns = slice(None) if one.stratum is None else one.stratum
        target[place[one.table, one.model], columns] = 1.0
        if one.against is not None:
            target[place[one.table, one.against], columns] = -1.0
    return intervals(
        np.stack(tables),
        targets,
        evidence.design,
        confidence=[one.confidence for one in asked],
        unseen=[0.0 if one.table else evidence.unseen for one in asked],
        replicates=replicates,
        seed=seed,
    )
