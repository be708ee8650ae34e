"""Training curves: what the checkpoints were chosen by, and the losses that they were not."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from augmentor.report import formats
from augmentor.report.svg import Curve, Figure, Line, Point, Scale, Shape, Table, Text
from augmentor.report.wording import Noun, noun_in

Series = list[tuple[float, float]]
HEIGHT = 154.0
TOP, BOTTOM = 16.0, 126.0
MOST_POINTS = 160

QUALITIES: tuple[tuple[str, str, str, str, str, float | None], ...] = (
    (
        "fidelity-curve",
        "Label fidelity",
        "Share that classifiers of real {images} call by the asked class.",
        "label fidelity",
        "label_fidelity",
        None,
    ),
    (
        "coverage-curve",
        "Coverage",
        "Share of held-out real training {images} with a synthetic one nearby.",
        "coverage",
        "coverage",
        None,
    ),
    (
        "diversity-curve",
        "Lowest within-class diversity",
        "The least varied class against its real {images}: 1 is as varied as real, 0 is one {image} "
        "repeated.",
        "lowest diversity",
        "lowest_diversity",
        1.0,
    ),
)


def training_figures(summary: Mapping[str, Any]) -> list[Figure]:
    """Return one small figure for each curve that the history holds."""
    history = [row for row in summary["training"]["history"] if isinstance(row.get("images"), int | float)]
    chosen, noun = _chosen(summary), noun_in(summary)
    figures = [
        _curve(name, title, noun.fill(text), [(label, series(history, key), "line-a")], chosen, target, noun)
        for name, title, text, label, key, target in QUALITIES
    ]
    losses = [
        ("critic", series(history, "critic_loss"), "line-a"),
        ("generator", series(history, "generator_loss"), "line-b"),
    ]
    figures.append(
        _curve(
            "loss-curve",
            "Losses",
            "Adversarial losses; no checkpoint is chosen by them.",
            losses,
            chosen,
            None,
            noun,
        )
    )
    return [figure for figure in figures if figure is not None]


def series(history: Sequence[Mapping[str, Any]], key: str) -> Series:
    """Return (images, value) pairs; ``lowest_diversity`` is the minimum over classes."""
    found: Series = []
    for row in history:
        value = row.get(key)
        if key == "lowest_diversity" and isinstance(row.get("diversity"), Mapping):
            ratios = [v for v in row["diversity"].values() if isinstance(v, int | float)]
            value = min(ratios, default=None)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found.append((float(row["images"]), float(value)))
    return found


def thinned(points: Series, most: int = MOST_POINTS) -> Series:
    """Return at most ``most`` points: means over equal runs of neighbours."""
    if len(points) <= most:
        return points
    edges = [round(i * len(points) / most) for i in range(most + 1)]
    runs = [points[a:b] for a, b in itertools.pairwise(edges)]
    return [(sum(x for x, _ in run) / len(run), sum(y for _, y in run) / len(run)) for run in runs]


def _chosen(summary: Mapping[str, Any]) -> float | None:
    images = (summary["training"]["chosen"] or {}).get("images")
    return float(images) if isinstance(images, int | float) else None


def _curve(
    name: str, title: str, text: str, lines: Sequence[tuple[str, Series, str]],
    chosen: float | None, target: float | None, noun: Noun,
) -> Figure | None:  # fmt: skip
    lines = [(label, thinned(points), style) for label, points, style in lines if points]
    if not lines:
        return None
    everything = [point for _, points, _ in lines for point in points]
    values = [y for _, y in everything]
    loss = name == "loss-curve"
    low = min(values) if loss else 0.0
    high = max([*values, 1.0] if not loss else values)
    across = Scale(0, max([*(x for x, _ in everything), chosen or 0]) or 1.0)
    up = Scale(low, high if high > low else low + 1)
    shapes = _axes(across, up)
    if target is not None:
        y = up.y(target, TOP, BOTTOM)
        shapes += [
            Line(0, y, 100, y, "reference"),
            Text(9, y + 14, "as varied as real", "note halo"),
        ]
    for _, points, style in lines:
        drawn = [(across.x(x), up.y(y, TOP, BOTTOM)) for x, y in points]
        shapes.append(Curve(drawn, style))
        if not loss:
            shapes += [_checkpoint(place, point, noun) for place, point in zip(drawn, points, strict=True)]
    if loss:
        shapes += _names(up, lines)
    if chosen is not None:
        x = across.x(chosen)
        shapes.append(Line(x, TOP, x, BOTTOM, "chosen"))
        shapes.append(
            Text(x, TOP - 2, "chosen", "note", "start" if x < 12 else "end" if x > 88 else "middle")
        )
    shapes.append(Text(100, HEIGHT - 2, f"{formats.count(across.high)} {noun.images} shown", "tick", "end"))
    last = "; ".join(f"{label} ends at {formats.number(points[-1][1])}" for label, points, _ in lines)
    text = f"{text} {last[:1].upper()}{last[1:]}."
    return Figure(name, title, text, HEIGHT, shapes, _table(lines, chosen, noun))


def _names(up: Scale, lines: Sequence[tuple[str, Series, str]]) -> list[Shape]:
    """Name each line at its right end, the higher one above it and the other below it."""
    order = sorted(lines, key=lambda line: line[1][-1][1], reverse=True)
    shapes: list[Shape] = []
    for rank, (label, points, _) in enumerate(order):
        y = up.y(points[-1][1], TOP, BOTTOM)
        shapes.append(Text(100, y - 10 if rank == 0 else min(y + 18, BOTTOM - 4), label, "note halo", "end"))
    return shapes


def _checkpoint(place: tuple[float, float], point: tuple[float, float], noun: Noun) -> Point:
    tip = f"{formats.number(point[1])} at {formats.count(point[0])} {noun.images}"
    return Point(*place, "dot", "checkpoint", tip)


def _axes(across: Scale, up: Scale) -> list[Shape]:
    shapes: list[Shape] = []
    for value in up.ticks(3):
        y = up.y(value, TOP, BOTTOM)
        shapes += [Line(0, y, 100, y, "grid"), Text(0, y - 3, f"{value:.6g}", "tick halo")]
    shapes += [Line(0, BOTTOM, 100, BOTTOM, "axis"), Text(0, HEIGHT - 2, "0", "tick")]
    return shapes


def _table(lines: Sequence[tuple[str, Series, str]], chosen: float | None, noun: Noun) -> Table:
    points = {x: None for _, found, _ in lines for x, _ in thinned(found, 24)}
    columns = [dict(thinned(found, 24)) for _, found, _ in lines]
    rows = []
    for x in sorted(points):
        mark = " (chosen)" if chosen == x else ""
        cells = [formats.number(column[x]) if x in column else "" for column in columns]
        rows.append([formats.count(round(x)) + mark, *cells])
    return Table([f"{noun.images.capitalize()} shown", *(label.capitalize() for label, _, _ in lines)], rows)
