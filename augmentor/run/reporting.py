"""Summary, pictures and pages of an evaluation, from values in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from augmentor.core.facts.evaluation import EvaluateFacts
from augmentor.core.facts.quality import MeasureFacts
from augmentor.core.facts.samples import LoadFacts
from augmentor.core.files import atomic_folder, write_json
from augmentor.core.results import Results
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.modalities.table import modality_of
from augmentor.report.run_facts import RunFacts
from augmentor.run.gallery import write_gallery


def fill_report(
    folder: Path,
    results: Results,
    facts: RunFacts,
    *,
    train: Samples,
    synthetic: SyntheticSet,
    seed: int = 0,
    traversals: tuple[Samples, Sequence[Mapping[str, Any]]] | None = None,
) -> None:
    """Write results, facts, summary, gallery, report.html and report.md into an existing ``folder``.

    Args:
        folder: where to write.
        results: every measured number.
        facts: what the steps report besides numbers.
        train: the real training part, for the gallery.
        synthetic: the filtered set, rejects included.
        seed: chooses the rows of the gallery.
        traversals: samples along the codes of a generator that has some, and what each row of them is.
    """
    from augmentor.report.render import render
    from augmentor.report.summarise import summarise

    results.write(folder / "results.parquet")
    facts.write(folder)
    write_json(folder / "summary.json", summarise(results, facts))
    write_gallery(folder, train, synthetic, facts.measure.copies_shown, seed=seed, traversals=traversals)
    render(folder)


def write_report(
    folder: Path | str,
    results: Results,
    facts: EvaluateFacts,
    measured: MeasureFacts | None = None,
    *,
    train: Samples,
    synthetic: SyntheticSet,
) -> Path:
    """Write a report of an evaluation into the new ``folder``; return the HTML's path.

    Args:
        folder: appears whole or not at all; must not exist.
        results: of :func:`augmentor.evaluate`, joined with those of :func:`augmentor.measure`.
        facts: of :func:`augmentor.evaluate`.
        measured: of :func:`augmentor.measure`, where the samples were measured.
        train: the real training part.
        synthetic: the filtered set.

    Raises:
        StorageError: if ``folder`` exists or cannot be written.
    """
    target = Path(folder)
    data = LoadFacts(
        dataset=str(results.table["dataset"].iloc[0]),
        classes=train.classes,
        kind=train.kind,
        shape=modality_of(train).fit_codec(train).shape,
    )
    whole = RunFacts(load=data, evaluate=facts, measure=measured or MeasureFacts())
    with atomic_folder(target) as temporary:
        fill_report(temporary, results, whole, train=train, synthetic=synthetic)
    return target / "report.html"
