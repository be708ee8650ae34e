"""The commands of an operator; importing this adds them to those of a single run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from augmentor.cli.commands import Directory, app
from augmentor.cli.streams import say, tell

__all__ = ["app"]


@app.command(sort_key=20)
def runs(
    *,
    out: Directory = Path("runs"),
    html: Annotated[Path | None, Parameter(metavar="FILE")] = None,
) -> None:
    """List the runs under a folder: when, state, verdict, gain and time.

    With --html, also write one self-contained page with the gain and quality of each recipe over
    time; its place is then the last line on stdout.

    For example:

    `augmentor runs --html runs.html`

    Args:
        out: The folder that run folders are made in.
        html: The page to write.
    """
    from augmentor.job.runs import list_runs, write_index
    from augmentor.report import formats

    entries = list_runs(out.expanduser())
    rows = [("RECIPE", "WHEN (UTC)", "STATE", "VERDICT", "GAIN (POINTS)", "INTERVAL", "TIME")]
    for entry in entries:
        pair = list(entry.interval) if entry.interval else None
        rows.append(
            (
                entry.recipe,
                entry.when,
                entry.state,
                entry.word or "-",
                formats.points(entry.gain) if entry.measured else "-",
                formats.change(pair) if entry.measured else "-",
                formats.seconds(entry.seconds) if entry.seconds is not None else "-",
            )
        )
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for entry in entries:
        if entry.reason:
            tell(f"{entry.recipe} {entry.when}: {entry.reason}")
    if html is not None:
        write_index(entries, html.expanduser())
        say(str(html))
