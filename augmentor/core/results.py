"""The tidy table that every number in a report comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from augmentor.core.errors import DataError
from augmentor.core.files import atomic_file

COLUMNS: dict[str, str] = {
    "dataset": "string",
    "arm": "string",
    "seed": "Int64",
    "split": "string",
    "metric": "string",
    "class": "string",
    "value": "float64",
    "greater_is_better": "boolean",
}


@dataclass(frozen=True, eq=False)
class Results:
    """One row a number: dataset, arm, seed, split, metric, class, value, greater_is_better.

    ``split`` says which part was scored ("test", "validation", "train", "synthetic"); ``seed``,
    ``arm``, ``class`` and ``greater_is_better`` are missing where they do not apply. A number
    that cannot be estimated has no row: a value is never NaN.
    """

    table: pd.DataFrame

    def __post_init__(self) -> None:
        """Check columns and values."""
        if list(self.table.columns) != list(COLUMNS):
            raise DataError(f"results need the columns {list(COLUMNS)}, got {list(self.table.columns)}")
        if self.table["value"].isna().any():
            bad = self.table.loc[self.table["value"].isna(), "metric"].unique().tolist()
            raise DataError(f"results must not hold missing values, found in {bad}")

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> Results:
        """Build the table from dictionaries; absent columns are missing.

        Raises:
            DataError: if a row holds a column that results do not have: it would be lost in silence.
        """
        found = [dict(row) for row in rows]
        unknown = sorted({key for row in found for key in row} - set(COLUMNS))
        if unknown:
            raise DataError(f"results have the columns {list(COLUMNS)}, got also {unknown}")
        table = pd.DataFrame(found, columns=list(COLUMNS))
        return cls(table.astype(COLUMNS))

    def where(self, **conditions: str | int) -> pd.DataFrame:
        """Return the rows where every named column equals its value (``class_`` for class)."""
        mask = pd.Series(True, index=self.table.index)
        for name, value in conditions.items():
            mask &= (self.table[name.rstrip("_")] == value).fillna(False)
        return self.table[mask]

    def value(self, **conditions: str | int) -> float | None:
        """Return the single value where the conditions hold, or None where there is none.

        Raises:
            DataError: if several rows match.
        """
        found = self.where(**conditions)["value"]
        if len(found) > 1:
            raise DataError(f"{len(found)} results match {conditions}, expected one")
        return float(found.iloc[0]) if len(found) else None

    def joined(self, other: Results) -> Results:
        """Return both tables as one."""
        return Results(pd.concat([self.table, other.table], ignore_index=True).astype(COLUMNS))

    def write(self, path: Path) -> None:
        """Write parquet: the same table gives the same bytes."""
        with atomic_file(path) as temporary:
            self.table.to_parquet(temporary, index=False)

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read what :meth:`write` wrote."""
        return cls(pd.read_parquet(path).astype(COLUMNS))
