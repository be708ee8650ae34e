"""Progress as plain lines, for log files, pipes and batch systems."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import TextIO

from augmentor.cli.pace import Pace, duration_text, figures_text, speed_text
from augmentor.cli.streams import clean

QUIET = 5.0
SLOW = 60.0
STEP = 0.05 - 1e-9  # shares are fractions of whole units: 3 * 0.05 is not quite 0.15


class PlainProgress:
    """A listener that writes lines without control characters.

    A stage gets a line when it starts, one when it ends, and between them one for every 5 % of the
    work, or every minute where 5 % takes longer, and never two within five seconds. Safe to call
    from several threads.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._lock = threading.RLock()
        self._paces: dict[str, Pace] = {}
        self._shown: dict[str, tuple[float, float]] = {}

    def start(self, stage: str, total: int) -> None:
        """Say that ``stage`` begins."""
        with self._lock:
            pace = self._paces[stage] = Pace(stage, total, self._clock)
            self._shown[stage] = (self._clock(), 0.0)
            self._write(f"{stage}: started, {total:,} {pace.unit or 'steps'}")

    def update(self, stage: str, done: int, info: Mapping[str, float] | None = None) -> None:
        """Say where ``stage`` stands, if that is news."""
        with self._lock:
            pace = self._paces.get(stage)
            if pace is None:
                return
            pace.update(done)
            now, (when, share) = self._clock(), self._shown[stage]
            waited = now - when
            if waited < QUIET or (pace.share - share < STEP and waited < SLOW):
                return
            self._shown[stage] = (now, pace.share)
            parts = [
                f"{pace.share:.0%} ({done:,}/{pace.total:,})",
                speed_text(pace.speed, pace.unit),
                f"{duration_text(pace.left)} left" if pace.left is not None else "",
                figures_text(info),
            ]
            self._write(f"{stage}: " + ", ".join(part for part in parts if part))

    def finish(self, stage: str) -> None:
        """Say that ``stage`` is complete and how long it took."""
        with self._lock:
            pace = self._paces.pop(stage, None)
            if pace is not None:
                self._write(f"{stage}: done in {duration_text(pace.seconds)}")

    def log(self, message: str) -> None:
        """Say one line."""
        with self._lock:
            self._write(message)

    def _write(self, line: str) -> None:
        # A log nobody reads any more (a closed pipe) must not end hours of training.
        with suppress(BrokenPipeError, ValueError):
            self._stream.write(clean(line) + "\n")
            self._stream.flush()
