"""The README inside an expanded dataset: what it is, where it comes from, what it must not be used for."""

from __future__ import annotations

import html
from collections.abc import Sequence

from augmentor.core.samples import Samples
from augmentor.data.cards import Card


def dataset_card(
    train: Samples, kept: Samples, *, name: str, card: Card | None, folders: Sequence[str], values: str
) -> str:
    """Return the Markdown of a short datasheet (after Gebru 2021, "Datasheets for Datasets").

    ``values`` is a paragraph on how the values of the data became those of the files.
    """
    title = card.title if card else name
    kind = train.kind
    lines = [
        f"# {_plain(title)}, expanded",
        "",
        f"{len(train)} real training {kind.plural} and {len(kept)} synthetic ones that passed the filters.",
        "",
        f"**The synthetic {kind.plural} were made by a generator and show no real case.** They are meant for "
        "training",
        "a classifier together with the real ones. They are no test data, no evidence about patients, and no",
        "anonymised copy: a generator can repeat what it was trained on. The report of the run says whether",
        "they helped, and shows the ones closest to real ones.",
        "",
        "| class | folder | real | synthetic |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {_plain(label)} | {_plain(f'train/{folder}')} | {train.counts[label]} | {kept.counts[label]} |"
        for label, folder in zip(train.classes, folders, strict=True)
    ]
    lines += [
        "",
        "## Source",
        "",
        f"- dataset: {_plain(name)}",
        f"- licence of the real {kind.plural}: "
        f"{_plain(card.licence if card else 'unknown: ask who gave you the data')}",
    ]
    if card:
        lines += [f"- source: {_plain(card.source)}", f"- citation: {_plain(card.citation)}"]
        lines += [f"- note: {_plain(note)}" for note in card.notes]
    lines += ["", "## Values", "", values, ""]
    lines += [
        "## Files",
        "",
        f"`metadata.csv` has a row for every {kind.name}: `file_name`, `label`, `class`, `source` (real or",
        "synthetic), `original_id`, and for synthetic ones the SHA-256 of the `synthesizer`, the `seed` and",
        "the scores of the filters. `train/metadata.csv` is the same with paths from `train/`, where Hugging",
        f"Face's ImageFolder looks for it. Only the training part is here: validation and test {kind.plural}",
        "are not.",
        "",
    ]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return ``text`` as one line of Markdown that no sign in it can break out of."""
    line = html.escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{sign}" if sign in "\\|`*[]" else sign for sign in line)
