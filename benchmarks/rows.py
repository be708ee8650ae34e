"""Finished rows of a benchmark: one JSON object on each line of one file beside the benchmark.

A row is found by the fields that name it. Processes that finish side by side may add to one file.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augmentor.core.files import sha256_json, write_text


@dataclass(frozen=True)
class Rows:
    """The rows in one file.

    Attributes:
        path: JSON lines; a file that is not there has no rows.
        names: the fields that name a row, in the order by which the file is sorted.
    """

    path: Path
    names: tuple[str, ...]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the rows, sorted by name."""
        if self.path.is_file():
            yield from map(json.loads, self.path.read_text(encoding="utf-8").splitlines())

    def get(self, *name: str) -> dict[str, Any] | None:
        """Return the row of that name, None where there is none."""
        return next((row for row in self if self._name(row) == name), None)

    def known(self, *name: str, settings: Any) -> dict[str, Any] | None:
        """Return the row of that name if it was made with these settings."""
        row = self.get(*name)
        return row if row is not None and row["key"] == sha256_json(settings) else None

    def put(self, *name: str, settings: Any, values: dict[str, Any]) -> None:
        """Add a row, in place of an earlier one of that name."""
        row = {**dict(zip(self.names, name, strict=True)), "key": sha256_json(settings), **values}
        # The lock is not on the file of the rows: that is replaced, and a lock stays with the old one.
        with Path(__file__).open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            rows = {self._name(found): found for found in self} | {name: row}
            lines = [json.dumps(rows[key], ensure_ascii=False) for key in sorted(rows)]
            write_text(self.path, "\n".join(lines) + "\n")

    def _name(self, row: dict[str, Any]) -> tuple[str, ...]:
        return tuple(row[name] for name in self.names)
