"""The charts of the report, each a pure function from the summary to a :class:`Figure`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from augmentor.report import formats
from augmentor.report.svg import Anchor, Box, Figure, Line, Mark, Point, Scale, Shape, Table, Text, scale_over
from augmentor.report.vocabulary import arm_label, metric_label
from augmentor.report.wording import noun_in

Summary = Mapping[str, Any]
LANE = 48.0

PHONE_LABEL = 30
"""Letters of a label that fit beside a number on a screen of 390 pixels, bold ones too."""


def verdict_interval(summary: Summary) -> Figure | None:
    """Draw the change with its interval, the zero line and the margin band."""
    verdict = summary["verdict"]
    if verdict["delta"] is None or verdict["ci"] is None:
        return None
    (low, high), margin, delta = verdict["ci"], verdict["margin"], verdict["delta"]
    scale = scale_over([low, high, 0.0, *([-margin, margin] if margin else [])], pad=0.16)
    top, middle, bottom = 24.0, 58.0, 100.0
    x = scale.x(delta)
    shapes: list[Shape] = []
    if margin:
        band = f"too small to matter: ±{formats.points(margin, sign=False)}"
        shapes.append(Box(scale.x(-margin), top, scale.x(margin) - scale.x(-margin), bottom - top, "margin"))
        shapes.append(Text(scale.x(0), top - 8, band, "note", _edge(scale.x(0), 22)))
    shapes += [
        *_ticks(scale, top, bottom),
        Line(scale.x(0), top, scale.x(0), bottom, "zero"),
        *_whisker(scale, low, high, middle, "interval strong synthetic", cap=8),
        Point(x, middle, "diamond", "mean synthetic", f"change {formats.points(delta)} points"),
        Text(x, middle - 14, formats.points(delta), "value strong halo", _edge(x)),
        Text(scale.x(low), middle + 26, formats.points(low), "value halo", "middle"),
        Text(scale.x(high), middle + 26, formats.points(high), "value halo", "middle"),
        Text(0, bottom + 36, "← worse with synthesis", "note", "start"),
        Text(100, bottom + 36, "better with synthesis →", "note", "end"),
    ]
    metric = metric_label(summary["primary_metric"])
    return Figure(
        "verdict-interval",
        f"Change in {metric}, in points",
        f"{' against '.join(arm_label(summary['arms'], verdict[role]) for role in ('arm', 'baseline'))}: "
        f"{formats.points(delta)} points, "
        f"95 % interval {formats.change(verdict['ci'])}"
        + (f", margin {formats.points(margin, sign=False)}." if margin else "."),
        bottom + 42,
        shapes,
    )


def arms(summary: Summary) -> Figure | None:
    """Draw every arm's seeds as dots, its mean and its interval."""
    found = {name: arm for name, arm in summary["arms"].items() if arm["mean"] is not None}
    if not found:
        return None
    values = [v for arm in found.values() for v in [*arm["seeds"], *(arm["ci"] or [])]]
    scale = scale_over(values)
    bottom = 10 + LANE * len(found)
    shapes: list[Shape] = _ticks(scale, 4, bottom, lambda value: f"{value:.6g}")
    before = (found.get(summary["verdict"]["baseline"]) or {}).get("mean")
    if before is not None:
        shapes.append(Line(scale.x(before), 4, scale.x(before), bottom, "reference"))
    for row, (name, arm) in enumerate(found.items()):
        shapes += _arm_lane(scale, 10 + LANE * row, name, arm, summary["verdict"])
    table = Table(
        ["Arm", "Mean", "SD", "95 % interval", "Each seed"],
        [
            [a["title"], formats.number(a["mean"]), formats.number(a["sd"]), formats.interval(a["ci"]),
             ", ".join(formats.number(v) for v in a["seeds"])]
            for n, a in found.items()
        ],
    )  # fmt: skip
    metric = metric_label(summary["primary_metric"])
    best = max(found, key=lambda n: found[n]["mean"])
    return Figure(
        "arms",
        f"{metric.capitalize()} of every arm on the test part",
        f"A diamond for the mean on its 95 % interval, a dot for each seed below, a dotted line at the "
        f"baseline. Highest mean: {arm_label(summary['arms'], best)}, {formats.number(found[best]['mean'])}.",
        bottom + 22,
        shapes,
        table,
    )


def _arm_lane(scale: Scale, top: float, name: str, arm: Summary, verdict: Summary) -> list[Shape]:
    kind = "synthetic" if arm["synthetic"] else "real"
    role = {verdict["baseline"]: " · baseline", verdict["arm"]: " · judged"}.get(name, "")
    y = top + 25
    style = "label halo strong" if role else "label halo"
    shapes: list[Shape] = [
        *_label(top + 11, arm["title"] + role, style, phone=arm["title"]),
        Text(
            100, top + 11, formats.number(arm["mean"]), "value halo strong" if role else "value halo", "end"
        ),
    ]
    if arm["ci"]:
        shapes += _whisker(scale, arm["ci"][0], arm["ci"][1], y, f"interval {kind}")
    for number, value in zip(arm["seed_numbers"], arm["seeds"], strict=True):
        tip = f"seed {number}: {formats.number(value)}"
        shapes.append(Point(scale.x(value), y + 12, "dot", f"seed {kind}", tip))
    tip = f"mean {formats.number(arm['mean'])}"
    shapes.append(Point(scale.x(arm["mean"]), y, "diamond", f"mean {kind}", tip))
    return shapes


def gains(summary: Summary) -> Figure | None:
    """Draw the change of every synthetic arm against the baseline."""
    every = summary["gains"]
    found = {
        n: every[n]
        for n in summary["arms"]
        if n in every and every[n]["delta"] is not None and every[n]["ci"]
    }
    rows = [(arm_label(summary["arms"], n), g["delta"], g["ci"]) for n, g in found.items()]
    metric = metric_label(summary["primary_metric"])
    baseline = summary["verdict"]["baseline"]
    against = f" against {arm_label(summary['arms'], baseline)}" if baseline else ""
    return _changes(
        "gains",
        f"Change in {metric} of every synthetic arm, in points",
        f"Paired change{against}, with 95 % intervals. Only the judged arm has a verdict.",
        "Arm",
        rows,
        summary["verdict"]["margin"],
    )


def alone(summary: Summary) -> Figure | None:
    """Draw the change of every synthetic arm against the same training without anything synthetic.

    Nothing is drawn where each of them is the baseline: the figure of the gains shows it.
    """
    every = summary["gains"]
    found = {n: every[n].get("alone") for n in summary["arms"] if n in every}
    known = {n: one for n, one in found.items() if one and one["ci"]}
    if all(one["control"] == summary["verdict"]["baseline"] for one in known.values()):
        return None
    rows = [(arm_label(summary["arms"], n), one["delta"], one["ci"]) for n, one in known.items()]
    against = [arm_label(summary["arms"], one["control"]) for one in known.values()]
    pairs = "; ".join(f"{row[0]} against {other}" for row, other in zip(rows, against, strict=True))
    figure = _changes(
        "alone",
        f"Change in {metric_label(summary['primary_metric'])} by synthesis alone, in points",
        "Each synthetic arm against the arm that differs from it in synthesis alone, with 95 % intervals: "
        f"{pairs}. \u201cHelps\u201d needs a gain over that arm and over the baseline.",
        "Arm",
        rows,
        summary["verdict"]["margin"],
    )
    cells = [
        [label, other, formats.points(delta), formats.change(ci)]
        for (label, delta, ci), other in zip(rows, against, strict=True)
    ]
    return figure and replace(figure, table=Table(["Arm", "Against", "Change", "95 % interval"], cells))


def recall_changes(summary: Summary) -> Figure | None:
    """Draw the change of every class's recall with its interval."""
    found = [
        (name, row["recall_delta"], row["recall_delta_ci"]) for name, row in summary["per_class"].items()
    ]
    rows = [(name, delta, ci) for name, delta, ci in found if delta is not None and ci]
    return _changes(
        "recall",
        "Change in recall of every class, in points",
        "Recall with the judged synthetic arm less recall of the baseline. The 95 % intervals hold for all "
        "classes together.",
        "Class",
        rows,
        None,
    )


def _changes(
    name: str, title: str, description: str, what: str,
    rows: Sequence[tuple[str, float, list[float]]], margin: float | None,
) -> Figure | None:  # fmt: skip
    if not rows:
        return None
    edges = [0.0, *([margin, -margin] if margin else [])]
    # A difference of two shares lies in [-1, 1]; an interval beyond that runs off the chart.
    ends = [max(-1.0, min(1.0, value)) for _, delta, ci in rows for value in (delta, *ci)]
    scale = scale_over([*edges, *ends])
    lane = 40.0
    bottom = 6 + lane * len(rows)
    shapes: list[Shape] = _ticks(scale, 2, bottom)
    if margin:
        shapes.append(Box(scale.x(-margin), 2, scale.x(margin) - scale.x(-margin), bottom - 2, "margin"))
    shapes.append(Line(scale.x(0), 2, scale.x(0), bottom, "zero"))
    for row, (label, delta, (low, high)) in enumerate(rows):
        y = 6 + lane * row + 26
        # Direction is shown by shape and sign as well as by colour.
        mark: Mark = "triangle" if low > 0 else "square" if high < 0 else "diamond"
        tip = f"{label}: {formats.points(delta)}, 95 % interval {formats.change([low, high])}"
        shapes += [
            Text(0, y - 13, shorten(label), "label halo"),
            Text(100, y - 13, formats.points(delta), "value halo", "end"),
            *_whisker(scale, low, high, y, "interval synthetic"),
            Point(scale.x(delta), y, mark, "mean synthetic", tip),
        ]
    table = Table(
        [what, "Change", "95 % interval"],
        [[label, formats.points(delta), formats.change(ci)] for label, delta, ci in rows],
    )
    return Figure(name, title, description, bottom + 22, shapes, table)


def class_counts(summary: Summary) -> Figure | None:
    """Draw the training images of every class before and after, as stacked bars."""
    rows = [
        (n, c["real"] or 0, c["synthetic"] or 0)
        for n, c in summary["counts"].items()
        if c["real"] is not None
    ]
    if not rows:
        return None
    scale = Scale(0, max(real + made for _, real, made in rows) or 1)
    lane = 40.0
    shapes: list[Shape] = []
    for row, (name, real, made) in enumerate(rows):
        y = lane * row
        after = (
            f"{formats.count(real)} → {formats.count(real + made)}"
            if made
            else f"{formats.count(real)}, unchanged"
        )
        shapes += [
            *_label(y + 14, name, "label"),
            Text(100, y + 14, after, "value", "end"),
            Box(0, y + 20, scale.x(real), 12, "bar real", f"{name}: {formats.count(real)} real"),
        ]
        if made:
            shapes.append(
                Box(
                    scale.x(real),
                    y + 20,
                    scale.x(made),
                    12,
                    "bar made",
                    f"{name}: {formats.count(made)} synthetic",
                )
            )
    noun = noun_in(summary)
    table = Table(
        ["Class", "Real", "Kept synthetic", "Together"],
        [[n, formats.count(real), formats.count(made), formats.count(real + made)] for n, real, made in rows],
    )
    return Figure(
        "counts",
        f"Training {noun.images} of every class, before and after",
        f"Solid bars are real {noun.images}, hatched bars are kept synthetic ones.",
        lane * len(rows),
        shapes,
        table,
    )


def _label(y: float, text: str, style: str, *, phone: str = "") -> list[Shape]:
    """Return a name on one line; on a phone ``phone`` stands there, cut so that a number fits beside it."""
    short = shorten(phone or text, PHONE_LABEL)
    if short == text:
        return [Text(0, y, text, style)]
    return [Text(0, y, shorten(text, 40), f"{style} roomy"), Text(0, y, short, f"{style} narrow")]


def shorten(text: str, longest: int = 34) -> str:
    """Return ``text`` cut in the middle so that it fits a phone; tables and tooltips keep it whole."""
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half].rstrip()}…{text[-half:].lstrip()}"


def _whisker(scale: Scale, low: float, high: float, y: float, style: str, cap: float = 5) -> list[Shape]:
    """Draw an interval; an end outside the chart has no cap."""
    left, right = max(0.0, scale.x(low)), min(100.0, scale.x(high))
    shapes: list[Shape] = [Line(left, y, right, y, style)]
    if low >= scale.low:
        shapes.append(Line(left, y - cap, left, y + cap, style))
    if high <= scale.high:
        shapes.append(Line(right, y - cap, right, y + cap, style))
    return shapes


def _ticks(
    scale: Scale, top: float, bottom: float, form: Callable[[float], str] = formats.tick
) -> list[Shape]:
    shapes: list[Shape] = []
    for value in scale.ticks(4):
        x = scale.x(value)
        shapes += [Line(x, top, x, bottom, "grid"), Text(x, bottom + 16, form(value), "tick", _edge(x))]
    return shapes


def _edge(x: float, near: float = 12) -> Anchor:
    """Text near an edge hangs inwards, so that nothing is cut at 360 pixels."""
    return "start" if x < near else "end" if x > 100 - near else "middle"
