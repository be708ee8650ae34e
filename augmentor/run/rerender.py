"""The report of a finished run, made again from the run's own files."""

from __future__ import annotations

from pathlib import Path

from augmentor.core.errors import ConfigError
from augmentor.core.files import write_json
from augmentor.core.results import Results


def run_folder(run: Path | str) -> Path:
    """Return ``run`` if it is a finished run folder.

    Raises:
        ConfigError: if it is not, naming what is missing.
    """
    folder = Path(run).expanduser()
    if not folder.is_dir():
        raise ConfigError(f"there is no run folder {run}; augmentor run prints the folder as its last line")
    missing = [
        name for name in ("results.parquet", "facts.json", "recipe.yaml") if not (folder / name).is_file()
    ]
    if missing:
        raise ConfigError(f"{run} is not a finished run: it lacks {', '.join(missing)}")
    return folder


def rerender(run: Path | str) -> Path:
    """Write summary.json, report.html and report.md of ``run`` again; return the HTML's path.

    Raises:
        ConfigError: if ``run`` is not a finished run folder.
        DataError: if another version wrote its facts.
    """
    from augmentor.report.render import render
    from augmentor.report.run_facts import RunFacts
    from augmentor.report.summarise import summarise

    folder = run_folder(run)
    facts = RunFacts.read(folder)
    write_json(folder / "summary.json", summarise(Results.read(folder / "results.parquet"), facts))
    render(folder)
    return folder / "report.html"
