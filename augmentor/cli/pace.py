"""How fast a stage goes, how long it still takes, and how to say so."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic

WINDOW = 60.0
FEWEST = 6
SETTLING = 0.5

# What a stage counts, by a word in its name; other stages count steps of their own.
_UNITS = (
    ("judge", "fits"),
    ("evaluat", "fits"),
    ("train", "images"),
    ("sampl", "images"),
    ("generat", "images"),
)


class Pace:
    """Speed of one stage over the last minute.

    The first half second only sets the starting point, so that work taken over from an earlier
    run (a resumed training announces thousands of images at once) is not counted as speed.

    Attributes:
        stage: the stage's name.
        total: units of work.
        done: units finished.
    """

    def __init__(self, stage: str, total: int, clock: Callable[[], float] = monotonic) -> None:
        self.stage = stage
        self.total = total
        self.done = 0
        self._clock = clock
        self._begun = clock()
        self._points: deque[tuple[float, int]] = deque([(self._begun, 0)])

    def update(self, done: int) -> None:
        """Take note that ``done`` units are finished."""
        now = self._clock()
        self.done = done
        if now - self._begun < SETTLING or done < self._points[-1][1]:
            self._points.clear()
        self._points.append((now, done))
        while len(self._points) > FEWEST and now - self._points[0][0] > WINDOW:
            self._points.popleft()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._begun

    @property
    def share(self) -> float:
        """The finished share, in [0, 1]."""
        return min(1.0, max(0.0, self.done / self.total)) if self.total > 0 else 1.0

    @property
    def speed(self) -> float | None:
        """Units per second, or None while it is unknown."""
        (first, begun), (last, done) = self._points[0], self._points[-1]
        return (done - begun) / (last - first) if last > first and done > begun else None

    @property
    def left(self) -> float | None:
        """Seconds that the rest takes at this speed, or None while it is unknown."""
        if self.speed is None:
            return None
        since = self._clock() - self._points[-1][0]
        return max(0.0, (self.total - self.done) / self.speed - since)

    @property
    def unit(self) -> str:
        """What is counted: images, fits, or nothing to name."""
        name = self.stage.lower()
        return next((unit for word, unit in _UNITS if word in name), "")


def speed_text(speed: float | None, unit: str) -> str:
    """Return e.g. ``1,240 images/s``, or ``4.5 fits/min`` where a second holds less than one."""
    if speed is None:
        return ""
    number, period = (speed, "s") if speed >= 1 else (speed * 60, "min")
    text = f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
    return f"{text} {unit}/{period}" if unit else f"{text}/{period}"


def duration_text(seconds: float) -> str:
    """Return e.g. ``8 s``, ``2 min 05 s`` or ``3 h 20 min``."""
    whole = max(0, math.ceil(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def figures_text(info: Mapping[str, float] | None) -> str:
    """Return e.g. ``critic loss 0.693, label fidelity 0.98``."""
    return ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in (info or {}).items())
