"""What happened in a run, as JSON lines, and passed on to whoever listens."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augmentor.core.files import storage_errors
from augmentor.core.progress import Progress


class RunLog:
    """A :class:`~augmentor.core.progress.Progress` that writes every event to a file and passes it on.

    Attributes:
        path: the JSON-lines file; one event a line, each with the seconds since the start.
    """

    def __init__(self, path: Path, listener: Progress) -> None:
        self.path = path
        self._listener = listener
        self._begun = time.monotonic()
        self._shown: dict[str, float] = {}
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)

    def event(self, kind: str, **values: Any) -> None:  # noqa: ANN401 - any JSON value
        """Append one event."""
        line = {"seconds": round(time.monotonic() - self._begun, 3), "event": kind, **values}
        with storage_errors(self.path), self.path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")

    def start(self, stage: str, total: int) -> None:
        """Log and pass on the start of a stage."""
        self._shown[stage] = 0.0
        self.event("start", stage=stage, total=total)
        self._listener.start(stage, total)

    def update(self, stage: str, done: int, info: Mapping[str, float] | None = None) -> None:
        """Pass on every update; log at most one in ten seconds."""
        now = time.monotonic()
        if now - self._shown.get(stage, 0.0) > 10:
            self._shown[stage] = now
            self.event("progress", stage=stage, done=done, **(dict(info) if info else {}))
        self._listener.update(stage, done, info)

    def finish(self, stage: str) -> None:
        """Log and pass on the end of a stage."""
        self.event("finish", stage=stage)
        self._listener.finish(stage)

    def log(self, message: str) -> None:
        """Log and pass on one line."""
        self.event("message", text=message)
        self._listener.log(message)
