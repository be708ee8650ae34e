"""The README inside an expanded dataset: what it is, where it comes from, what it must not be used for."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from augmentor.core.kinds import Kind
from augmentor.core.samples import Samples
from augmentor.data.expanded import About

SPLIT_NOTE = """ `split.csv` says which case of the source data is in which
part, by its `id` there, with `group` (a patient, say) as a pseudonym; whoever has the data can train and test
on exactly these parts."""


def dataset_card(
    train: Samples,
    kept: Samples,
    *,
    about: About,
    folders: Sequence[str],
    values: str,
    split: bool,
) -> str:
    """Return the Markdown of a short datasheet (after Gebru 2021, "Datasheets for Datasets").

    ``values`` is a paragraph on how the values of the data became those of the files, and ``split`` whether
    there is a split.csv beside it.
    """
    kind = train.kind
    lines = [
        *heading(kind, len(train), len(kept), about),
        *counts(train.counts, kept.counts, {"folder": [f"train/{folder}" for folder in folders]}),
        *source(kind, about),
        *("", "## Values", "", values, ""),
        *("## Files", ""),
        f"`metadata.csv` has a row for every {kind.name}: `file_name`, `label`, `class`, `source` (real or",
        "synthetic), `original_id`, and for synthetic ones the SHA-256 of the `synthesizer`, the `seed` and",
        "the scores of the filters. `train/metadata.csv` is the same with paths from `train/`, where Hugging",
        f"Face's ImageFolder looks for it. Only the training part is here: validation and test {kind.plural}",
        "are not." + (SPLIT_NOTE if split else ""),
        "",
    ]
    return "\n".join(lines)


def heading(kind: Kind, real: int, made: int, about: About) -> list[str]:
    """Return the title, how many samples there are, and what synthetic samples are not."""
    return [
        f"# {plain(about.title)}, expanded",
        "",
        f"{real} real training {kind.plural} and {made} synthetic ones that passed the filters.",
        "",
        f"**The synthetic {kind.plural} were made by a generator and show no real case.** They are meant for "
        "training",
        "a classifier together with the real ones. They are no test data, no evidence about patients, and no",
        "anonymised copy: a generator can repeat what it was trained on. The report of the run says whether",
        "they helped, and shows the ones closest to real ones.",
        "",
    ]


def counts(
    real: Mapping[str, int], made: Mapping[str, int], more: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """Return a table of the classes with their counts; ``more`` columns come before these."""
    names = ("class", *(more or {}), "real", "synthetic")
    cells = [
        [*map(plain, (name, *(column[label] for column in (more or {}).values()))), str(n), str(made[name])]
        for label, (name, n) in enumerate(real.items())
    ]
    head, *rows = (f"| {' | '.join(row)} |" for row in (names, *cells))
    return [head, "|" + "---|" * len(names), *rows]


def source(kind: Kind, about: About) -> list[str]:
    """Return where the real samples come from, and their licence."""
    lines = [
        *("", "## Source", ""),
        f"- dataset: {plain(about.name)}",
        f"- licence of the real {kind.plural}: "
        f"{plain(about.licence or 'unknown: ask who gave you the data')}",
    ]
    if about.source:
        lines += [f"- source: {plain(about.source)}", f"- citation: {plain(about.citation)}"]
    return [*lines, *(f"- note: {plain(note)}" for note in about.notes)]


def plain(text: str) -> str:
    """Return ``text`` as one line of Markdown that no sign in it can break out of."""
    line = html.escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{sign}" if sign in "\\|`*[]" else sign for sign in line)
