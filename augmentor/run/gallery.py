"""The pictures a report shows: real, kept and rejected samples, and the most copy-like ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.facts.quality import ShownCopy
from augmentor.core.files import atomic_file, write_json
from augmentor.core.samples import Samples, rows_at
from augmentor.core.seeds import generator
from augmentor.core.synthetic import SyntheticSet
from augmentor.modalities.table import modality_of

PER_CLASS = 12


def write_gallery(
    folder: Path,
    train: Samples,
    synthetic: SyntheticSet,
    copies: Sequence[ShownCopy],
    *,
    seed: int,
    traversals: tuple[Samples, Sequence[Mapping[str, Any]]] | None = None,
) -> None:
    """Write gallery.npz and gallery.json into ``folder``.

    Rows are drawn at random by ``seed``, never picked by a score: a gallery of the best would
    flatter.

    Args:
        folder: an existing folder.
        train: the real training part.
        synthetic: the filtered set, rejects included.
        copies: the most copy-like samples.
        seed: chooses the rows.
        traversals: samples along a generator's codes and what each row of them is.
    """
    preview = modality_of(train).preview(train)
    pictures: list[npt.NDArray[np.uint8]] = []

    def add(samples: Samples, index: Sequence[int]) -> list[int]:
        first = sum(len(block) for block in pictures)
        if len(index):
            pictures.append(preview.paint(rows_at(samples.x, np.asarray(index, dtype=np.int64))))
        return list(range(first, first + len(index)))

    classes = [_class_tiles(add, train, synthetic, label, seed) for label in range(train.n_classes)]
    shown = [
        {
            "synthetic": add(synthetic.samples, [copy.synthetic])[0],
            "real": add(train, [copy.real])[0],
            "class": copy.class_,
            "ratio": copy.ratio,
            "kept": copy.kept,
        }
        for copy in copies
    ]
    along = []
    if traversals is not None:
        samples, rows = traversals
        first = 0
        for row in rows:
            last = first + len(row["values"])
            along.append({**row, "images": add(samples, list(range(first, last)))})
            first = last
    images = np.concatenate(pictures)
    with atomic_file(folder / "gallery.npz") as temporary, temporary.open("wb") as handle:
        np.savez_compressed(handle, images=images)
    write_json(
        folder / "gallery.json",
        {
            "kind": asdict(train.kind),
            "panels": preview.panels,
            "note": preview.note,
            "lines": preview.lines,
            "size": int(images.shape[1]),
            "classes": classes,
            "copies": shown,
            "traversals": along,
        },
    )


def _class_tiles(
    add: Callable[[Samples, Sequence[int]], list[int]],
    train: Samples,
    synthetic: SyntheticSet,
    label: int,
    seed: int,
) -> dict[str, Any]:
    """Return the places of the pictures of one class: real, kept and rejected, drawn at random."""
    rng = generator(seed, "gallery", label)
    real = _draw(rng, np.flatnonzero(train.y == label))
    mine = synthetic.samples.y == label
    kept = _draw(rng, np.flatnonzero(mine & synthetic.kept))
    refused = mine & ~synthetic.kept & (synthetic.reason != "surplus")
    rejected = _draw(rng, np.flatnonzero(refused))
    return {
        "name": train.classes[label],
        "real": add(train, real),
        "kept": add(synthetic.samples, kept),
        "rejected": [
            {"index": place, "reason": str(synthetic.reason[row])}
            for place, row in zip(add(synthetic.samples, rejected), rejected, strict=True)
        ],
    }


def _draw(rng: np.random.Generator, rows: npt.NDArray[np.int64]) -> list[int]:
    chosen = rng.choice(rows, size=min(PER_CLASS, len(rows)), replace=False)
    return [int(row) for row in chosen]
