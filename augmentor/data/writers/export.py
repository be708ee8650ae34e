"""The expanded dataset: the real training part and the kept synthetic samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from augmentor.core.errors import DataError
from augmentor.core.files import atomic_folder
from augmentor.core.samples import Samples
from augmentor.core.synthetic import PROVENANCE, SyntheticSet
from augmentor.data.cards import Card
from augmentor.data.loaded import Layout
from augmentor.data.writers.card import dataset_card

COLUMNS = ("file_name", "label", "class", "source", "original_id", "synthesizer", "seed")
WINDOWS_NAMES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


class Writer(Protocol):
    """Writes the samples of one modality; the rest of an expanded dataset is the same for all."""

    def check(self, train: Samples) -> None:
        """Refuse samples that cannot be written.

        Raises:
            DataError: saying why.
        """

    def places(self, train: Samples, kept: Samples, folders: Sequence[str]) -> list[str]:
        """Return the file of every row, real ones first, by its path in the dataset's folder.

        ``folders`` are the names of the classes as plain path elements, in label order.
        """

    def write(
        self,
        folder: Path,
        train: Samples,
        kept: Samples,
        table: pd.DataFrame,
        *,
        folders: Sequence[str],
        archive: str | None,
    ) -> None:
        """Write all rows into ``folder``, where ``table``, that becomes metadata.csv, says they are.

        ``archive`` is the name of a file that holds all rows as well; None where the data came as files.
        """

    def describe(self, train: Samples) -> str:
        """Say in a paragraph of Markdown how the values of the data became those of the files."""


def write_expanded(
    folder: Path,
    train: Samples,
    synthetic: SyntheticSet,
    writer: Writer,
    *,
    layout: Layout,
    name: str,
    card: Card | None = None,
) -> None:
    """Write the real training part and the kept synthetic rows, whole or not at all.

    What lies in ``folder``: see :func:`augmentor.modalities.export.export`.

    Raises:
        DataError: if the synthetic samples are not of the training part's classes, shape and units.
        StorageError: if ``folder`` exists or cannot be written.
    """
    kept = synthetic.kept_samples
    _check_same(train, kept)
    writer.check(train)
    folders = class_folders(train.classes)
    table = _metadata(train, kept, synthetic, writer.places(train, kept, folders))
    with atomic_folder(folder) as temporary:
        archive = None if layout == "folder" else safe_name(name)
        writer.write(temporary, train, kept, table, folders=folders, archive=archive)
        table.to_csv(temporary / "metadata.csv", index=False)
        # Hugging Face takes train/ for a split and then looks for metadata.csv in it, not above it.
        inner = table.assign(file_name=table["file_name"].str.removeprefix("train/"))
        inner.to_csv(temporary / "train" / "metadata.csv", index=False)
        text = dataset_card(train, kept, name=name, card=card, folders=folders, values=writer.describe(train))
        (temporary / "README.md").write_text(text, encoding="utf-8")


def class_folders(classes: tuple[str, ...]) -> list[str]:
    """Return one folder name a class, in label order: the class name itself where that is safe.

    Signs that a file system or a shell may take amiss become ``_``; names that then agree (also when
    case is ignored) get their label appended. metadata.csv holds the true names.
    """
    taken: set[str] = set()
    folders = []
    for label, name in enumerate(classes):
        folder = safe_name(name)
        while folder.casefold() in taken:
            folder = f"{folder}-{label}"
        taken.add(folder.casefold())
        folders.append(folder)
    return folders


def safe_name(name: str) -> str:
    """Return ``name`` as one plain path element: letters, digits, space, ``_``, ``-``, ``.``, ``+``."""
    plain = "".join(sign if sign.isalnum() or sign in " _-.+" else "_" for sign in name)
    plain = plain.strip(" .")[:60].strip(" .")
    if not plain or plain.split(".")[0].casefold() in WINDOWS_NAMES:
        plain = f"_{plain}"
    return plain


def _check_same(train: Samples, kept: Samples) -> None:
    for what, real, made in (
        ("classes", train.classes, kept.classes),
        ("value range", train.value_range, kept.value_range),
        ("form", train.row_form, kept.row_form),
    ):
        if real != made:
            raise DataError(
                f"real and synthetic {train.kind.plural} must share their {what}, got {real} and {made}"
            )


def _metadata(train: Samples, kept: Samples, synthetic: SyntheticSet, places: list[str]) -> pd.DataFrame:
    labels = np.concatenate([train.y, kept.y])
    table = pd.DataFrame(
        {
            "file_name": places,
            "label": labels,
            "class": [train.classes[label] for label in labels],
            "source": ["real"] * len(train) + ["synthetic"] * len(kept),
            "original_id": [*map(str, train.ids), *map(str, kept.ids)],
        }
    )
    rows = synthetic.provenance.loc[synthetic.kept].reset_index(drop=True)
    # Int64 has missing values; int64 would turn to floats beside the real rows, and lose digits.
    rows = rows.astype({name: "Int64" for name in rows.columns if pd.api.types.is_integer_dtype(rows[name])})
    rows.index += len(train)
    table = table.join(rows)
    if train.group is not None:
        table["group"] = [*map(str, train.group), *([""] * len(kept))]
    return table[
        [
            *COLUMNS,
            *(["group"] if train.group is not None else []),
            *(name for name in rows.columns if name not in PROVENANCE),
        ]
    ]
