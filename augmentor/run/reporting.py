"""Summary, pictures and pages of an evaluation, from values in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from augmentor.core.files import atomic_folder, write_json
from augmentor.core.results import Results
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.run.gallery import write_gallery


def fill_report(
    folder: Path,
    results: Results,
    facts: Mapping[str, Any],
    *,
    train: Samples,
    synthetic: SyntheticSet,
    copies: Sequence[Mapping[str, Any]] = (),
    seed: int = 0,
    traversals: tuple[Samples, Sequence[Mapping[str, Any]]] | None = None,
) -> None:
    """Write results, facts, summary, gallery, report.html and report.md into an existing ``folder``.

    Args:
        folder: where to write.
        results: every measured number.
        facts: the words beside them, at least ``dataset``, ``classes`` and ``primary_metric``.
        train: the real training part, for the gallery.
        synthetic: the filtered set, rejects included.
        copies: the most copy-like samples, ``copies_shown`` of :func:`augmentor.measure`.
        seed: chooses the rows of the gallery.
        traversals: samples along the codes of a generator that has some, and what each row of them is.
    """
    from augmentor.report.render import render
    from augmentor.report.summarise import summarise

    facts = {"kind": train.kind.name, **facts}
    results.write(folder / "results.parquet")
    write_json(folder / "facts.json", facts)
    write_json(folder / "summary.json", summarise(results, facts))
    write_gallery(folder, train, synthetic, copies, seed=seed, traversals=traversals)
    render(folder)


def write_report(
    folder: Path | str,
    results: Results,
    facts: Mapping[str, Any],
    *,
    train: Samples,
    synthetic: SyntheticSet,
) -> Path:
    """Write a report of an evaluation into the new ``folder``; return the HTML's path.

    Args:
        folder: appears whole or not at all; must not exist.
        results: of :func:`augmentor.evaluate`, joined with those of :func:`augmentor.measure`.
        facts: of the same calls; dataset and classes are filled in from ``train`` and ``results``.
        train: the real training part.
        synthetic: the filtered set.

    Raises:
        StorageError: if ``folder`` exists or cannot be written.
    """
    target = Path(folder)
    whole = {
        "dataset": str(results.table["dataset"].iloc[0]),
        "classes": list(train.classes),
        **facts,
    }
    with atomic_folder(target) as temporary:
        fill_report(
            temporary,
            results,
            whole,
            train=train,
            synthetic=synthetic,
            copies=facts.get("copies_shown", ()),
        )
    return target / "report.html"
