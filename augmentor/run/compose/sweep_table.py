"""The trials of a sweep's members, as values and as a table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from augmentor.core.facts.base import Facts
from augmentor.core.facts.training import ScoreFacts


class Trial(Facts):
    """One member and its validation scores, or why it has none.

    Attributes:
        number: from 1, in the order of the plan.
        settings: dotted keys and values it differs in.
        title: the settings as one line of text.
        tried: the scores at each share; empty where it failed.
        reason: why it failed, else empty.
        seconds: wall-clock seconds of this run; few where the steps were reused.
    """

    number: int
    settings: dict[str, Any]
    title: str
    tried: tuple[ScoreFacts, ...] = ()
    reason: str = ""
    seconds: float = 0.0

    @property
    def means(self) -> list[tuple[float, float, float | None]]:
        """For each share: the share, the mean score, and the spread over seeds (None of one seed)."""
        return [
            (
                one.share,
                statistics.fmean(one.scores),
                statistics.stdev(one.scores) if len(one.scores) > 1 else None,
            )
            for one in self.tried
        ]

    @property
    def outcome(self) -> str:
        """The result in one line."""
        if not self.tried:
            return f"failed: {self.reason}"
        share, mean, _ = max(self.means, key=lambda one: one[1])
        return f"{mean:.4f} on the validation part at share {share:g}"


def sweep_rows(trials: Sequence[Trial], metric: str) -> list[dict[str, Any]]:
    """Return the table, a row for each member and share and one for each failure, best first."""
    rows: list[dict[str, Any]] = []
    for trial in trials:
        shared: Mapping[str, Any] = {"member": trial.number, "settings": trial.title}
        for share, mean, spread in trial.means:
            rows.append(
                {
                    **shared,
                    "share": share,
                    f"validation {metric}": round(mean, 4),
                    "sd over seeds": None if spread is None else round(spread, 4),
                    "failed": "",
                }
            )
        if not trial.tried:
            rows.append(
                {
                    **shared,
                    "share": None,
                    f"validation {metric}": None,
                    "sd over seeds": None,
                    "failed": trial.reason,
                }
            )
    score = f"validation {metric}"
    return sorted(rows, key=lambda row: (row[score] is None, -(row[score] or 0.0)))


def sweep_markdown(trials: Sequence[Trial], metric: str) -> str:
    """Return the table as Markdown; the first row is the chosen pair."""
    rows = sweep_rows(trials, metric)
    heads = list(rows[0])
    lines = [
        "# Sweep",
        "",
        f"Every member and share by its mean {metric.replace('_', ' ')} on the validation part, best first. "
        "The first row was chosen; the test part was read for it alone.",
        "",
        f"| {' | '.join(heads)} |",
        f"|{'|'.join('---' for _ in heads)}|",
    ]
    lines += [f"| {' | '.join(_cell(row[head]) for head in heads)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")
