"""What happened in a run, as JSON lines, and passed on to whoever listens."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from augmentor.core.files import storage_errors
from augmentor.core.progress import Progress
from augmentor.store.held_file import HeldFile

LOGS = "logs"
"""Folder of the cache with the logs of runs under way and of failed ones."""
KEPT_LOGS = 100
"""Logs of failed runs that stay, for each recipe."""


class RunLog(HeldFile):
    """A :class:`~augmentor.core.progress.Progress` that writes every event to a file and passes it on.

    Attributes:
        path: the JSON-lines file; one event a line, each with the seconds since the start. While
            the run goes on it is locked, which is how others tell a running from a killed one.
    """

    def __init__(self, path: Path, listener: Progress) -> None:
        self.path = path
        self._listener = listener
        self._begun = time.monotonic()
        self._shown: dict[str, float] = {}
        super().__init__(path, os.O_WRONLY | os.O_APPEND)
        assert self._handle is not None  # just opened
        with suppress(OSError):  # a file system without locks: the run is shown as stopped
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __getstate__(self) -> dict[str, Any]:
        """Give a copy no file: closing it would close the original's."""
        return {**self.__dict__, "_handle": None}

    def event(self, kind: str, **values: Any) -> None:  # noqa: ANN401 - any JSON value
        """Append one event."""
        line = {"seconds": round(time.monotonic() - self._begun, 3), "event": kind, **values}
        text = json.dumps(line, ensure_ascii=False, default=str) + "\n"
        if self._handle is not None:
            with storage_errors(self.path):
                os.write(self._handle, text.encode(errors="replace"))

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


def is_running(path: Path) -> bool:
    """Return whether the process that writes the log at ``path`` still lives."""
    with path.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a file system without locks
            return False
    return False


def forget_old_logs(folder: Path, recipe: str, keep: int = KEPT_LOGS) -> None:
    """Remove all but the newest ``keep`` logs that failed runs of ``recipe`` left in ``folder``."""
    mine = re.compile(re.escape(recipe) + r"-\d{8}-\d{6}-\d+\.jsonl")
    logs = sorted(path for path in folder.glob("*.jsonl") if mine.fullmatch(path.name))
    for path in logs[:-keep]:
        if not is_running(path):
            path.unlink(missing_ok=True)
