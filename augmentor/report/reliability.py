"""Calibration in the summary and the report: scores before and after a temperature, reliability diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augmentor.report import formats
from augmentor.report.rows import Rows, spread
from augmentor.report.svg import Curve, Figure, Line, Mark, Point, Scale, Shape, Table, Text
from augmentor.report.vocabulary import arm_label

KINDS = {"plain": "", "scaled": "_scaled"}
TOP, BOTTOM, HEIGHT = 8.0, 208.0, 267.0
ACROSS = Scale(0.0, 1.0)


def calibration(rows: Rows, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return for the baseline and the judged arm ("baseline", "arm") what the results say, or None.

    Each holds the arm's name, the mean temperature and its range over seeds, and under "plain" and
    "scaled" the mean ECE and Brier score and the bins (count, confidence, accuracy) of all seeds.
    """
    return {role: _of_arm(rows, verdict[role]) for role in ("baseline", "arm")}


def _of_arm(rows: Rows, arm: str | None) -> dict[str, Any] | None:
    if arm is None:
        return None
    temperatures = list(rows.by_seed("temperature", arm=arm, split="test").values())
    if not temperatures:
        return None
    found: dict[str, Any] = {
        "arm": arm,
        "temperature": spread(temperatures)[0],
        "temperatures": [min(temperatures), max(temperatures)],
    }
    for kind, suffix in KINDS.items():
        found[kind] = {
            name: spread(list(rows.by_seed(name + suffix, arm=arm, split="test").values()))[0]
            for name in ("ece", "brier")
        }
        found[kind]["bins"] = _bins(rows, arm, suffix)
    return found


def _bins(rows: Rows, arm: str, suffix: str) -> list[dict[str, float | None]]:
    return [
        {
            what: rows.value(f"reliability_{what}{suffix}", arm=arm, split="test", setting=setting)
            for what in ("count", "confidence", "accuracy")
        }
        for setting in rows.settings(f"reliability_count{suffix}", arm=arm, split="test")
    ]


def reliability_figures(summary: Mapping[str, Any]) -> list[Figure]:
    """Return a reliability diagram for the baseline and one for the judged arm, where there are bins."""
    found = summary.get("calibration") or {}
    return [
        _diagram(role, one, arm_label(summary["arms"], str(one["arm"])))
        for role, one in found.items()
        if one and one["plain"]["bins"] and one["scaled"]
    ]


def _diagram(role: str, one: Mapping[str, Any], title: str) -> Figure:
    up = Scale(0.0, 1.0)
    shapes: list[Shape] = []
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = up.y(value, TOP, BOTTOM)
        shapes += [Line(0, y, 100, y, "grid"), Text(0, y - 3, f"{value:g}", "tick halo")]
    shapes.append(Line(0, BOTTOM, 100, TOP, "reference"))
    styles = {"plain": ("line-a", "as trained"), "scaled": ("line-b", "with temperature")}
    rows: list[list[str]] = []
    for kind, (style, label) in styles.items():
        bins: Sequence[Mapping[str, float]] = one[kind]["bins"]
        most = max(b["count"] for b in bins)
        places = [(ACROSS.x(b["confidence"]), up.y(b["accuracy"], TOP, BOTTOM)) for b in bins]
        shapes.append(Curve(places, style))
        for b, (x, y) in zip(bins, places, strict=True):
            tip = (
                f"{label}: {formats.count(b['count'])} predictions, sure {formats.number(b['confidence'])}, "
                f"right {formats.number(b['accuracy'])}"
            )
            mark: Mark = "dot" if kind == "plain" else "square"
            # A bin of a few cases says little; its mark is an outline.
            few = b["count"] < most / 20
            side = "synthetic" if kind == "plain" else "real"
            shapes.append(Point(x, y, mark, f"seed {side}" if few else f"mean {side}", tip))
            rows.append(
                [
                    label,
                    formats.count(b["count"]),
                    *(formats.number(b[n]) for n in ("confidence", "accuracy")),
                ]
            )
    shapes += [
        Text(0, BOTTOM + 16, "0", "tick"),
        Text(100, BOTTOM + 16, "1", "tick", "end"),
        Text(50, BOTTOM + 16, "how sure the classifier was", "note", "middle"),
        Text(50, BOTTOM + 34, "solid: as trained · dotted: perfect", "note", "middle"),
        Text(50, BOTTOM + 51, "dashed: with temperature", "note", "middle"),
    ]
    plain, scaled = one["plain"], one["scaled"]
    return Figure(
        f"reliability-{role}",
        f"Reliability of {title}",
        "Share of right answers (up) among predictions of one confidence (across), all seeds together. "
        f"Calibration error {formats.number(plain['ece'])}, "
        f"with temperature {formats.number(scaled['ece'])}.",
        HEIGHT,
        shapes,
        Table(["Predictions", "Cases", "Mean confidence", "Share right"], rows),
    )
