"""Progress of long work, reported without knowing who listens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Progress(Protocol):
    """A listener: the command line draws bars, Prefect updates an artifact, tests stay silent."""

    def start(self, stage: str, total: int) -> None:
        """Announce ``stage`` of ``total`` units of work (images shown, fits, rows)."""

    def update(self, stage: str, done: int, info: Mapping[str, float] | None = None) -> None:
        """Report that ``done`` units are finished, with the numbers worth showing."""

    def finish(self, stage: str) -> None:
        """Report that ``stage`` is complete."""

    def log(self, message: str) -> None:
        """Report one line that a person should see."""


class Silent:
    """A listener that ignores everything."""

    def start(self, stage: str, total: int) -> None:
        """Ignore the start."""

    def update(self, stage: str, done: int, info: Mapping[str, float] | None = None) -> None:
        """Ignore the update."""

    def finish(self, stage: str) -> None:
        """Ignore the end."""

    def log(self, message: str) -> None:
        """Ignore the line."""
