"""The pictures a report shows: real, kept and rejected samples, and the most copy-like ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

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
    copies: Sequence[Mapping[str, Any]],
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
        copies: rows with ``synthetic`` and ``real`` (positions), ``ratio`` and ``kept``.
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

    classes = []
    for label, name in enumerate(train.classes):
        rng = generator(seed, "gallery", label)
        real = _draw(rng, np.flatnonzero(train.y == label))
        mine = synthetic.samples.y == label
        kept = _draw(rng, np.flatnonzero(mine & synthetic.kept))
        refused = mine & ~synthetic.kept & (synthetic.reason != "surplus")
        rejected = _draw(rng, np.flatnonzero(refused))
        classes.append(
            {
                "name": name,
                "real": add(train, real),
                "kept": add(synthetic.samples, kept),
                "rejected": [
                    {"index": place, "reason": str(synthetic.reason[row])}
                    for place, row in zip(add(synthetic.samples, rejected), rejected, strict=True)
                ],
            }
        )
    shown = [
        {
            "synthetic": add(synthetic.samples, [int(copy["synthetic"])])[0],
            "real": add(train, [int(copy["real"])])[0],
            "class": train.classes[int(synthetic.samples.y[int(copy["synthetic"])])],
            "ratio": copy["ratio"],
            "kept": bool(synthetic.kept[int(copy["synthetic"])]),
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
            "kind": train.kind.name,
            "size": int(images.shape[1]),
            "classes": classes,
            "copies": shown,
            "traversals": along,
        },
    )


def _draw(rng: np.random.Generator, rows: npt.NDArray[np.int64]) -> list[int]:
    chosen = rng.choice(rows, size=min(PER_CLASS, len(rows)), replace=False)
    return [int(row) for row in chosen]
