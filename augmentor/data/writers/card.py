"""The README inside an expanded dataset: what it is, where it comes from, what it must not be used for."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np

from augmentor.core.samples import Samples
from augmentor.data.cards import Card

AXES: Mapping[str, tuple[str, ...]] = {"series": ("time",), "volume": ("depth", "height", "width")}


def dataset_card(
    train: Samples, kept: Samples, *, name: str, card: Card | None, folders: Sequence[str]
) -> str:
    """Return the Markdown of a short datasheet (after Gebru 2021, "Datasheets for Datasets")."""
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
    lines += ["", "## Values", "", _values(train), ""]
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


def _values(train: Samples) -> str:
    dtype = train.array.dtype
    kind = train.kind
    if kind.name != "image":
        axes = ", ".join(("channels", *AXES[kind.name]))
        low, high = train.value_range or (0, 0)
        return (
            f"Each {kind.name} is a .npy array ({axes}) of the shape {train.shape} and the dtype {dtype}, in "
            f"the data's own units, {low:g} to {high:g}; read it with "
            "`numpy.load(file, allow_pickle=False)`. An "
            ".npz file beside them, where there is one, holds all of them."
        )
    top = 255 if dtype == np.uint8 else 65535
    low, high = train.value_range or (0, top)
    if (low, high) == (0, top) and dtype != np.float32:
        return f"Pixels are written as they are, 0 to {top}."
    return (
        f"The data's own values run from {low:g} to {high:g} ({dtype}). The PNG files hold them stretched "
        "linearly "
        f"to 0 to {top}: value = {low:g} + png / {top} * {high - low:g}. An .npz file beside them, where "
        "there is "
        "one, holds the own values."
    )


def _plain(text: str) -> str:
    """Return ``text`` as one line of Markdown that no sign in it can break out of."""
    line = html.escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{sign}" if sign in "\\|`*[]" else sign for sign in line)
