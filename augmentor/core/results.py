"""The tidy table that every number in a report comes from."""

from __future__ import annotations

import json
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
    "setting": "string",
    "seed": "Int64",
    "split": "string",
    "metric": "string",
    "class": "string",
    "value": "float64",
    "greater_is_better": "boolean",
}

Scalar = str | int | float | bool


def setting_text(values: Mapping[str, Scalar]) -> str:
    """Return a setting as it stands in the column ``setting``: equal settings are equal texts.

    Example:
        >>> setting_text({"images": 3200, "candidate": "cvae", "share": 0.5})
        'candidate="cvae" images=3200 share=0.5'

    Raises:
        DataError: if a name is no identifier, or a value is not finite.
    """
    for name, value in values.items():
        if not name.isidentifier():
            raise DataError(f"a setting is named by an identifier, got {name!r}")
        if isinstance(value, float) and not (value - value == 0):
            raise DataError(f"a setting's value is finite, got {name}={value}")
    # Equal numbers are one text: 1.0 is 1.
    plain = {name: int(v) if isinstance(v, float) and v.is_integer() else v for name, v in values.items()}
    return " ".join(f"{name}={json.dumps(plain[name])}" for name in sorted(plain))


def read_setting(text: str) -> dict[str, Scalar]:
    """Return the setting that :func:`setting_text` wrote.

    Raises:
        DataError: if it did not write this text.
    """
    found: dict[str, Scalar] = {}
    rest = text
    decoder = json.JSONDecoder()
    try:
        while rest:
            name, _, rest = rest.partition("=")
            found[name], end = decoder.raw_decode(rest)
            rest = rest[end:].removeprefix(" ")
    except ValueError as error:
        raise DataError(f"a setting reads like 'share=0.5', got {text!r}") from error
    return found


@dataclass(frozen=True, eq=False)
class Results:
    """One row per number: dataset, arm, setting, seed, split, metric, class, value, greater_is_better.

    ``setting`` names the setting of a number that was tried before a choice ("share=0.5"), or the part that a
    row is of a number with several parts ("bin=3", see :func:`setting_text`); it is missing in other rows.
    ``split`` says which part was scored ("test", "validation", "train", "synthetic"); ``seed``, ``arm``,
    ``class`` and ``greater_is_better`` are missing where they do not apply. A number that cannot be estimated
    has no row: a value is never NaN.
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
        """Build the table from dictionaries; absent columns are missing, a setting may be a mapping.

        Args:
            rows: each with names of :data:`COLUMNS` as keys.

        Raises:
            DataError: if a row holds a column that results do not have: it would be lost in silence.
        """
        found = [_rendered(row) for row in rows]
        unknown = sorted({key for row in found for key in row} - set(COLUMNS))
        if unknown:
            raise DataError(f"results have the columns {list(COLUMNS)}, got also {unknown}")
        table = pd.DataFrame(found, columns=list(COLUMNS))
        return cls(table.astype(COLUMNS))

    def where(self, *, setting: Mapping[str, Scalar] | None = None, **conditions: str | int) -> pd.DataFrame:
        """Return the rows where every named column equals its value (``class_`` for class).

        Rows of a setting are returned only where ``setting`` asks for that one.
        """
        if setting is None:
            mask = self.table["setting"].isna()
        else:
            mask = (self.table["setting"] == setting_text(setting)).fillna(False)
        for name, value in conditions.items():
            mask &= (self.table[name.rstrip("_")] == value).fillna(False)
        return self.table[mask]

    def value(self, *, setting: Mapping[str, Scalar] | None = None, **conditions: str | int) -> float | None:
        """Return the single value where the conditions hold, or None where there is none.

        Arguments as in :meth:`where`: without ``setting`` rows of a setting do not count.

        Example:
            >>> rows = [{"arm": "cutmix", "seed": 0, "split": "test", "metric": "accuracy", "value": 0.9}]
            >>> Results.from_rows(rows).value(arm="cutmix", metric="accuracy")
            0.9

        Raises:
            DataError: if several rows match.
        """
        found = self.where(setting=setting, **conditions)["value"]
        if len(found) > 1:
            raise DataError(f"{len(found)} results match {conditions}, expected one")
        return float(found.iloc[0]) if len(found) else None

    def under(self, name: str, value: Scalar) -> Results:
        """Return the table with a setting added to every row, beside those that rows have.

        Raises:
            DataError: if a row has a setting of that name already.
        """
        table = self.table.copy()
        settings = [{} if text is pd.NA else read_setting(text) for text in table["setting"]]
        if any(name in one for one in settings):
            raise DataError(f"a row of the results has a setting {name} already")
        table["setting"] = [setting_text({**one, name: value}) for one in settings]
        return Results(table.astype(COLUMNS))

    def of(self, name: str, value: Scalar) -> Results:
        """Return the rows that :meth:`under` made of others, as they were."""
        wanted = self.table["setting"].str.contains(setting_text({name: value}), regex=False).fillna(False)
        table = self.table[wanted].copy()
        settings = [read_setting(text) for text in table["setting"]]
        keep = pd.Series([one.get(name) == value for one in settings], index=table.index, dtype="bool")
        rest = [{key: one[key] for key in one if key != name} for one in settings]
        table["setting"] = [setting_text(one) if one else None for one in rest]
        return Results(table[keep].reset_index(drop=True).astype(COLUMNS))

    def joined(self, other: Results) -> Results:
        """Return the rows of this table, then those of ``other``."""
        return Results(pd.concat([self.table, other.table], ignore_index=True).astype(COLUMNS))

    def write(self, path: Path) -> None:
        """Write the table to ``path`` as parquet, whole or not at all; the same table gives the same bytes.

        Raises:
            StorageError: if it cannot be written.
        """
        with atomic_file(path) as temporary:
            self.table.to_parquet(temporary, index=False)

    @classmethod
    def read(cls, path: Path) -> Results:
        """Return the table that :meth:`write` wrote to ``path``."""
        return cls(pd.read_parquet(path).astype(COLUMNS))


def _rendered(row: Mapping[str, Any]) -> dict[str, Any]:
    setting = row.get("setting")
    return {**row, "setting": setting_text(setting)} if isinstance(setting, Mapping) else dict(row)
