"""Summary and pictures to pages: ``report.html`` (one file, no network) and ``report.md``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml

from augmentor.core.errors import DataError
from augmentor.core.files import write_text
from augmentor.core.shipped import shipped
from augmentor.report import curves, figures, formats, origin, vocabulary
from augmentor.report.gallery import read_gallery
from augmentor.report.reliability import reliability_figures
from augmentor.report.vocabulary import Vocabulary
from augmentor.report.wording import noun_in


def render(folder: Path) -> None:
    """Write ``report.html`` and ``report.md`` from ``summary.json`` and the gallery in ``folder``.

    The same files give the same bytes: no clock, no random number and no machine name is read.

    Raises:
        DataError: if the summary is missing or damaged, or the gallery is.
        StorageError: if the folder cannot be written.
    """
    summary = read_summary(folder)
    context = _context(summary, folder)
    environment = _environment()
    write_text(folder / "report.html", environment.get_template("report.html.jinja").render(context))
    write_text(folder / "report.md", environment.get_template("report.md.jinja").render(context))


def read_summary(folder: Path) -> dict[str, Any]:
    """Read ``summary.json`` in ``folder``.

    Raises:
        DataError: if it is missing, not JSON, or not a summary.
    """
    path = folder / "summary.json"
    try:
        summary = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {error}; a finished run has this file") from error
    if not isinstance(summary, dict) or "verdict" not in summary or "arms" not in summary:
        raise DataError(f"{path} is not the summary of a run: it has no verdict and arms")
    return summary


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number a summary may hold")


def _context(summary: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    verdict = summary["verdict"]
    recipe = summary.get("recipe")
    source = summary.get("synthetic_source")
    noun = noun_in(summary)
    words = Vocabulary(noun)
    drawn = {
        "verdict": figures.verdict_interval(summary),
        "arms": figures.arms(summary),
        "gains": figures.gains(summary),
        "alone": figures.alone(summary),
        "recall": figures.recall_changes(summary),
        "counts": figures.class_counts(summary),
        "reliability": reliability_figures(summary),
        "training": curves.training_figures(summary),
    }
    return {
        "s": summary,
        "foreign": source,
        "method": origin.method(source, noun),
        "limits": origin.limits(source, noun, several=bool(summary.get("folds"))),
        "word": words.word_of(verdict),
        "v": words,
        "noun": noun,
        "f": formats,
        "figures": drawn,
        "gallery": read_gallery(folder, words),
        "gaps": gaps(summary.get("not_estimable") or []),
        "recipe": yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True, width=100) if recipe else "",
        "css": (shipped("reports") / "report.css").read_text(encoding="utf-8"),
    }


def gaps(missing: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the numbers that could not be estimated: one entry a class and split, one line a reason."""
    together: dict[tuple[str, str], dict[str, list[str]]] = {}
    for gap in missing:
        class_ = "all classes" if gap.get("class") is None else str(gap["class"])
        reason = str(gap["reason"]).removeprefix("not estimable, because ")
        lines = together.setdefault((class_, str(gap["split"])), {})
        lines.setdefault(reason, []).append(vocabulary.sample_label(str(gap["metric"])))
    return [
        {"class": class_, "split": split, "lines": [(", ".join(names), why) for why, names in lines.items()]}
        for (class_, split), lines in together.items()
    ]


def _environment() -> jinja2.Environment:
    # Markdown has its own escaping, ``formats.markdown``; HTML entities would show in its tables.
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(shipped("reports")),
        autoescape=jinja2.select_autoescape(["html.jinja"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
