"""Shapes of a chart that stays readable at any width: x in per cent, y in pixels.

A template draws them as inline SVG without a viewBox, so text keeps its size on a phone and on a
desk, takes its colours from CSS, and is escaped by Jinja like any other text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Anchor = Literal["start", "middle", "end"]
Mark = Literal["circle", "diamond", "square", "triangle", "dot"]

MARKS: dict[str, str] = {
    "circle": "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0Z",
    "diamond": "M0-8L8 0L0 8L-8 0Z",
    "square": "M-4-4H4V4H-4Z",
    "triangle": "M0-6L6 5H-6Z",
    "dot": "M-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0-6.8 0Z",
}


@dataclass(frozen=True)
class Line:
    """A straight line; ``x`` in per cent of the plot, ``y`` in pixels."""

    x1: float
    y1: float
    x2: float
    y2: float
    style: str
    kind: str = "line"


@dataclass(frozen=True)
class Box:
    """A rectangle with an optional tooltip."""

    x: float
    y: float
    width: float
    height: float
    style: str
    tip: str = ""
    kind: str = "box"


@dataclass(frozen=True)
class Point:
    """A mark of fixed size with an optional tooltip."""

    x: float
    y: float
    mark: Mark
    style: str
    tip: str = ""
    kind: str = "point"

    @property
    def path(self) -> str:
        """The outline around (0, 0)."""
        return MARKS[self.mark]


@dataclass(frozen=True)
class Text:
    """A line of text."""

    x: float
    y: float
    text: str
    style: str = "label"
    anchor: Anchor = "start"
    kind: str = "text"


@dataclass(frozen=True)
class Curve:
    """A polyline through (x, y) points; a point with y None interrupts it."""

    points: Sequence[tuple[float, float | None]]
    style: str
    kind: str = "curve"

    def path(self, height: float) -> str:
        """Return the outline in a box of 1000 by 1000 units, stretched over the plot."""
        parts: list[str] = []
        pen_down = False
        for x, y in self.points:
            if y is not None:
                parts.append(f"{'L' if pen_down else 'M'}{10 * x:.1f} {1000 * y / height:.1f}")
            pen_down = y is not None
        return "".join(parts)


Shape = Line | Box | Point | Text | Curve


@dataclass(frozen=True)
class Table:
    """The same numbers as text, for readers who do not see the drawing."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """A drawing with its title, its description and its data."""

    name: str
    title: str
    description: str
    height: float
    shapes: list[Shape] = field(default_factory=list)
    table: Table | None = None


@dataclass(frozen=True)
class Scale:
    """Maps [low, high] to the plot's width (0 to 100 per cent), or to a height when asked."""

    low: float
    high: float

    def x(self, value: float) -> float:
        """Return the place of ``value`` in per cent, rounded so that the bytes are stable."""
        return round(100 * (value - self.low) / (self.high - self.low), 3)

    def y(self, value: float, top: float, bottom: float) -> float:
        """Return the height in pixels: ``high`` at ``top``, ``low`` at ``bottom``."""
        return round(bottom - (bottom - top) * (value - self.low) / (self.high - self.low), 2)

    def ticks(self, wanted: int = 5) -> list[float]:
        """Return round numbers inside the range, about ``wanted`` of them."""
        step = nice_step((self.high - self.low) / wanted)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(number * step, 10) for number in range(first, last + 1)]


def nice_step(raw: float) -> float:
    """Return the smallest of 1, 2, 2.5 or 5 times a power of ten that is not below ``raw``."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next((m * power for m in (1, 2, 2.5, 5) if m * power >= raw * (1 - 1e-9)), 10 * power)


def scale_over(values: Sequence[float], pad: float = 0.06, least: float = 0.02) -> Scale:
    """Return a scale that holds all ``values`` with room at both ends."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    width = max(high - low, least)
    middle = (low + high) / 2
    half = width * (0.5 + pad)
    return Scale(middle - half, middle + half)
