"""How long work tells a person where it stands, without knowing who listens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Progress(Protocol):
    """A listener: the command line draws bars, Prefect updates an artifact, tests stay silent."""

    def start(self, stage: str, total: int) -> None:
        """Announce ``stage`` of ``total`` units of work (images shown, fits, rows)."""

    def update(self, stage: str, done: int, info: Mapping[str, float] | None = None) -> None:
        """Tell that ``done`` units are finished, with the figures worth showing."""

    def finish(self, stage: str) -> None:
        """Tell that ``stage`` is complete."""

    def log(self, message: str) -> None:
        """Say one line that a person should see."""


class Silent:
    """A listener that says nothing."""

    def start(self, stage: str, total: int) -> None:
        """Ignore the start."""

    def update(self, stage: str, done: int, info: Mapping[str, float] | None = None) -> None:
        """Ignore the update."""

    def finish(self, stage: str) -> None:
        """Ignore the end."""

    def log(self, message: str) -> None:
        """Ignore the line."""
