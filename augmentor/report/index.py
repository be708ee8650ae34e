"""The runs of every recipe over time, on one page that needs no network and no script."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

import jinja2

from augmentor.core.shipped import shipped
from augmentor.report import formats
from augmentor.report.svg import Figure, Line, Mark, Point, Scale, Shape, Table, Text, scale_over

SHOWN = 60
"""Newest finished runs drawn for each recipe; the table lists all."""

TOP, BOTTOM, LEFT = 14.0, 150.0, 9.0


@dataclass(frozen=True)
class Entry:
    """One run, as the index shows it; numbers are None where there are none.

    Attributes:
        recipe: the recipe's name.
        when: its beginning or end, ``2026-01-31 02:00:05`` in UTC.
        state: published, finished, not published, running, failed, interrupted, stopped or damaged.
        reason: why, where the state asks for it.
        dataset: what it ran on.
        word: the verdict's word.
        metric: the primary metric.
        gain: change of the metric, and ``interval`` around it.
        coverage, copy_rate, diversity: quality of the kept samples; diversity of the worst class.
        seconds: wall-clock seconds.
        folder: where it lies.
    """

    recipe: str
    when: str
    state: str
    reason: str = ""
    dataset: str = ""
    word: str = ""
    metric: str = ""
    gain: float | None = None
    interval: tuple[float, float] | None = None
    coverage: float | None = None
    copy_rate: float | None = None
    diversity: float | None = None
    seconds: float | None = None
    folder: str = ""

    @property
    def measured(self) -> bool:
        """Whether the run came to numbers."""
        return self.state in {"published", "finished", "not published"}


def render_index(entries: Sequence[Entry]) -> str:
    """Return the page of ``entries``, which come in the order of time."""
    recipes = []
    for name in sorted({entry.recipe for entry in entries}):
        mine = [entry for entry in entries if entry.recipe == name]
        drawn = [entry for entry in mine if entry.measured][-SHOWN:]
        recipes.append(
            {
                "name": name,
                "anchor": re.sub(r"[^A-Za-z0-9_-]", "-", name),
                "entries": list(reversed(mine)),
                "latest": mine[-1],
                "since": _since(drawn),
                "directory": next((str(PurePath(one.folder).parent) for one in mine if one.folder), ""),
                "drawn": len(drawn),
                "figures": _figures(name, drawn) if drawn else [],
            }
        )
    css = (shipped("reports") / "report.css").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(shipped("reports")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("runs.html.jinja")
    return page.render(recipes=recipes, f=formats, css=css, shown=SHOWN)


def _since(drawn: Sequence[Entry]) -> str:
    """Say what the newest measured run changed against the one before it, or nothing where there is none."""
    if len(drawn) < 2:
        return ""
    before, now = drawn[-2:]
    parts = []
    if before.gain is not None and now.gain is not None:
        parts.append(f"gain {formats.points(now.gain - before.gain)} points")
    for name, words in (
        ("coverage", "coverage"),
        ("copy_rate", "copy rate"),
        ("diversity", "lowest diversity"),
    ):
        one, other = getattr(before, name), getattr(now, name)
        if one is not None and other is not None:
            parts.append(f"{words} {other - one:+.3f}".replace("-", "\N{MINUS SIGN}"))
    return f"Against the run before it ({before.when}): {', '.join(parts)}." if parts else ""


def _figures(recipe: str, drawn: Sequence[Entry]) -> list[Figure]:
    key = re.sub(r"[^A-Za-z0-9_-]", "-", recipe)
    return [
        _gain(key, drawn),
        _quality(
            key,
            "coverage",
            "Coverage",
            "Share of held-out real samples with a kept synthetic one nearby.",
            drawn,
        ),
        _quality(
            key, "copy_rate", "Copy rate", "Share of kept samples that are exact or near copies.", drawn
        ),
        _quality(
            key,
            "diversity",
            "Lowest diversity",
            "The least varied class, as a share of the spread of real samples.",
            drawn,
        ),
    ]


def _place(number: int, count: int) -> float:
    """Return where run ``number`` of ``count`` stands, in per cent, the newest at the right."""
    return round(LEFT + 2 + (100 - LEFT - 5) * (0.5 if count == 1 else number / (count - 1)), 3)


def _frame(scale: Scale, drawn: Sequence[Entry], label: Callable[[float], str]) -> list[Shape]:
    shapes: list[Shape] = []
    for tick in scale.ticks(4):
        y = scale.y(tick, TOP, BOTTOM)
        shapes.append(Line(LEFT, y, 100, y, "zero" if tick == 0 else "grid"))
        shapes.append(Text(LEFT - 1, y + 4, label(tick), "tick", "end"))
    first, last = drawn[0].when[:10], drawn[-1].when[:10]
    if first == last and len(drawn) > 1:
        first, last = drawn[0].when[5:16], drawn[-1].when[5:16]
    if len(drawn) > 1:
        shapes.append(Text(LEFT + 1, BOTTOM + 22, first, "tick"))
    shapes.append(Text(99, BOTTOM + 22, last, "tick", "end"))
    return shapes


def _gain(key: str, drawn: Sequence[Entry]) -> Figure:
    ends = [end for entry in drawn if entry.interval for end in entry.interval]
    scale = scale_over([0.0, *ends, *(entry.gain for entry in drawn if entry.gain is not None)])
    shapes = _frame(scale, drawn, formats.tick)
    for number, entry in enumerate(drawn):
        x = _place(number, len(drawn))
        if entry.gain is None:
            continue
        if entry.interval is not None:
            low, high = (scale.y(end, TOP, BOTTOM) for end in entry.interval)
            shapes.append(Line(x, low, x, high, "interval synthetic"))
        mark: Mark = "square" if entry.state == "not published" else "circle"
        tip = f"{entry.when}: {formats.points(entry.gain)} ({entry.word}, {entry.state})"
        shapes.append(Point(x, scale.y(entry.gain, TOP, BOTTOM), mark, "mean synthetic", tip))
    rows = [
        [entry.when, formats.points(entry.gain), _interval(entry), entry.word, entry.state] for entry in drawn
    ]
    return Figure(
        f"{key}-gain",
        "Gain",
        f"Change of {drawn[-1].metric.replace('_', ' ')} in points with its interval, oldest run left; "
        "squares were not published.",
        BOTTOM + 32,
        shapes,
        Table(["Run", "Gain", "Interval", "Verdict", "State"], rows),
    )


def _quality(key: str, name: str, title: str, description: str, drawn: Sequence[Entry]) -> Figure:
    values: list[float | None] = [getattr(entry, name) for entry in drawn]
    scale = scale_over([0.0, 1.0, *(value for value in values if value is not None)])
    shapes = _frame(scale, drawn, lambda value: formats.number(value, 1))
    places = [
        (_place(number, len(drawn)), None if value is None else scale.y(value, TOP, BOTTOM))
        for number, value in enumerate(values)
    ]
    for (x1, y1), (x2, y2) in pairwise(places):
        if y1 is not None and y2 is not None:
            shapes.append(Line(x1, y1, x2, y2, "interval synthetic"))
    for (x, y), entry, value in zip(places, drawn, values, strict=True):
        if y is not None:
            tip = f"{entry.when}: {formats.number(value)}"
            shapes.append(Point(x, y, "circle", "mean synthetic", tip))
    rows = [[entry.when, formats.number(value)] for entry, value in zip(drawn, values, strict=True)]
    return Figure(f"{key}-{name}", title, description, BOTTOM + 32, shapes, Table(["Run", title], rows))


def _interval(entry: Entry) -> str:
    return formats.change(list(entry.interval) if entry.interval else None)
