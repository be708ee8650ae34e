"""Which rows a learning step was given: what later tells whether a test case was among them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from augmentor.core.files import write_json
from augmentor.core.samples import Samples

SEEN_ROWS = "seen_rows.json"
"""File with the digest of every row that a learning step was given, by part."""


def record_seen_rows(output: Path, given: Mapping[str, Samples]) -> None:
    """Write which rows a learning step was given, by part; publishing compares them with the test part."""
    rows = {name: [str(row) for row in part.row_digests] for name, part in given.items()}
    write_json(output / SEEN_ROWS, rows)
