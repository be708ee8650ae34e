"""Which runs there are under one folder, how they ended and what they measured."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from augmentor.core.errors import ConfigError
from augmentor.core.files import write_text
from augmentor.report.index import Entry, render_index
from augmentor.run.publish import STATE
from augmentor.store.log import is_running
from augmentor.store.run_directory import finished_runs, published_run


def list_runs(out: Path) -> list[Entry]:
    """Return every run under ``out`` in the order of time: finished, failed and running ones.

    Raises:
        ConfigError: if ``out`` is not a folder.
    """
    if not out.is_dir():
        raise ConfigError(f"--out {out}: there is no such folder; augmentor run makes it")
    entries = [_unfinished(path) for path in sorted(out.glob(".cache/logs/*.jsonl"))]
    for folder in sorted(path for path in out.iterdir() if path.is_dir() and path.name[:1] != "."):
        published = published_run(folder)
        entries += [_finished(run, run == published) for run in finished_runs(folder)]
    return sorted(entries, key=lambda entry: (entry.when, entry.recipe, entry.folder))


def write_index(entries: list[Entry], target: Path) -> None:
    """Write the page of ``entries`` to ``target``, whole or not at all."""
    write_text(target, render_index(entries))


def _finished(run: Path, published: bool) -> Entry:
    recipe, when = run.parent.name, _time(run.name)
    try:
        summary = _mapping(run / "summary.json")
        state = _mapping(run / STATE) if (run / STATE).is_file() else {}
        verdict = summary["verdict"]
        interval = verdict.get("ci")
        return Entry(
            recipe=recipe,
            when=when,
            state="published" if published else "finished" if state.get("good", True) else "not published",
            reason="; ".join(str(reason) for reason in state.get("reasons", ())),
            dataset=str(summary.get("dataset", "")),
            word=str(verdict.get("word", "")),
            metric=str(summary.get("primary_metric", "")),
            gain=_number(verdict.get("delta")),
            interval=None if interval is None else (float(interval[0]), float(interval[1])),
            coverage=_synthetic(summary, "diversity", "coverage"),
            copy_rate=_synthetic(summary, "copies", "copy_rate"),
            diversity=_lowest_diversity(summary),
            seconds=_number(state.get("seconds")),
            folder=str(run),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = f"its files cannot be read: {type(error).__name__}: {error}"
        return Entry(recipe=recipe, when=when, state="damaged", reason=reason, folder=str(run))


def _unfinished(log: Path) -> Entry:
    recipe = re.sub(r"-\d{8}-\d{6}-\d+$", "", log.stem)
    stamp = re.search(r"-(\d{8}-\d{6})-\d+$", log.stem)
    when = _time(stamp.group(1)) if stamp else ""
    events = _events(log)
    last = events[-1] if events else {}
    if last.get("event") == "end":
        state, reason = str(last.get("state")), str(last.get("reason", ""))
    elif is_running(log):
        state, reason = "running", ""
    else:
        state = "stopped"
        reason = "it was killed or the machine went down; the same command goes on where it stopped"
    return Entry(recipe=recipe, when=when, state=state, reason=reason, seconds=_number(last.get("seconds")))


def _events(log: Path) -> list[dict[str, Any]]:
    """Return the whole lines of ``log``; a last line that was cut off is passed over."""
    events = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            events.append(event)
    return events


def _time(stamp: str) -> str:
    date, clock = stamp.split("-")[:2]
    return f"{date[:4]}-{date[4:6]}-{date[6:]} {clock[:2]}:{clock[2:4]}:{clock[4:6]}"


def _mapping(path: Path) -> dict[str, Any]:
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"{path.name} holds no mapping")
    return value


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _synthetic(summary: dict[str, Any], group: str, metric: str) -> float | None:
    return _number(summary.get(group, {}).get("overall", {}).get(metric, {}).get("synthetic"))


def _lowest_diversity(summary: dict[str, Any]) -> float | None:
    classes = summary.get("diversity", {}).get("per_class", {}).values()
    found = [_number(metrics.get("diversity", {}).get("synthetic")) for metrics in classes]
    return min((value for value in found if value is not None), default=None)
