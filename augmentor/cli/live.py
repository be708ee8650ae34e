"""Progress as live bars on a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from augmentor.cli.pace import Pace, duration_text, figures_text, speed_text
from augmentor.cli.streams import clean


class _PaceColumn(ProgressColumn):
    """Speed and time left, from the stage's own :class:`~augmentor.cli.pace.Pace`."""

    def render(self, task: Task) -> Text:
        """Return e.g. ``1,240 images/s · 2 min 05 s left``."""
        pace: Pace = task.fields["pace"]
        left = "" if pace.left is None else f"{duration_text(pace.left)} left"
        speed = speed_text(pace.speed, pace.unit)
        return Text(", ".join(part for part in (speed, left) if part), style="cyan")


class _FiguresColumn(ProgressColumn):
    """The latest losses and scores."""

    def render(self, task: Task) -> Text:
        """Return e.g. ``critic loss 0.693``."""
        return Text(task.fields["figures"], style="dim", overflow="ellipsis", no_wrap=True)


class LiveProgress:
    """A listener that draws one bar for each running stage. Safe to call from several threads."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._lock = threading.RLock()
        self._stages: dict[str, tuple[TaskID, Pace]] = {}

    def start(self, stage: str, total: int) -> None:
        """Draw a bar for ``stage``."""
        with self._lock:
            self._remove(stage)
            pace = Pace(stage, total, monotonic)
            task = self._bars.add_task(clean(stage), total=max(total, 1), pace=pace, figures="")
            self._stages[stage] = (task, pace)

    def update(self, stage: str, done: int, info: Mapping[str, float] | None = None) -> None:
        """Move the bar of ``stage``."""
        with self._lock:
            if stage not in self._stages:
                return
            task, pace = self._stages[stage]
            pace.update(done)
            self._bars.update(task, completed=done)
            if info:
                self._bars.update(task, figures=figures_text(info))

    def finish(self, stage: str) -> None:
        """Replace the bar of ``stage`` by a line."""
        with self._lock:
            pace = self._remove(stage)
            if pace is not None:
                line = Text("done ", style="green")
                line.append(f"{clean(stage)} in {duration_text(pace.seconds)}", style="default")
                self._bars.console.print(line)

    def log(self, message: str) -> None:
        """Print one line above the bars."""
        self._bars.console.print(Text(clean(message)))

    def refresh(self) -> None:
        """Draw now instead of at the next quarter of a second."""
        self._bars.refresh()

    def _remove(self, stage: str) -> Pace | None:
        task, pace = self._stages.pop(stage, (None, None))
        if task is not None:
            self._bars.remove_task(task)
        return pace


class _AboveBars:
    """A stand-in for stderr that prints whole lines above the bars.

    Rich's own redirection is stepped over by other Rich consoles, such as the one Prefect logs
    through. A logger may hold on to this stream: once closed it passes straight on.
    """

    def __init__(self, console: Console, target: TextIO) -> None:
        self._console = console
        self._target = target
        self._pending = ""
        self._live = True
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        """Print the lines that are complete; keep the rest."""
        with self._lock:
            if not self._live:
                return self._target.write(text)
            *lines, self._pending = (self._pending + text).split("\n")
            for line in lines:
                # A library's own carriage-return bar shows its last state only.
                self._console.print(Text.from_ansi(line.rstrip("\r").rpartition("\r")[2]), soft_wrap=True)
            return len(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the real stream has
        """Answer everything else (isatty, fileno, encoding, ...) as the real stream does."""
        return getattr(self._target, name)

    def release(self) -> None:
        """Write what is pending and pass everything straight on from now."""
        with self._lock:
            self._live = False
            if self._pending:
                self._target.write(self._pending)
                self._pending = ""


@contextmanager
def live_progress(stream: TextIO) -> Iterator[LiveProgress]:
    """Yield bars drawn on ``stream``; what others write to stderr meanwhile appears above them."""
    console = Console(file=stream, force_terminal=True, highlight=False)
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %", markup=False),
        _PaceColumn(),
        _FiguresColumn(),
        console=console,
        refresh_per_second=4,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    saved = sys.stderr
    above = _AboveBars(console, stream)
    bars.start()
    sys.stderr = cast(TextIO, above)
    try:
        yield LiveProgress(bars)
    finally:
        sys.stderr = saved
        with suppress(BrokenPipeError):
            bars.stop()
        above.release()
