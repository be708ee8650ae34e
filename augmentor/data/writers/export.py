"""The expanded dataset: the real training part and the kept synthetic samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pandas as pd

from augmentor.core.cells import guarded_table
from augmentor.core.files import atomic_folder
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.data.cards import Card
from augmentor.data.expanded import About, check_alike, group_key, row_table
from augmentor.data.loaded import Layout
from augmentor.data.writers.card import dataset_card
from augmentor.data.writers.split import SPLIT, split_table

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
    parts: Mapping[str, Samples] | None = None,
) -> None:
    """Write the real training part and the kept synthetic rows, whole or not at all.

    What lies in ``folder``: see :func:`augmentor.modalities.export.export`.

    Raises:
        DataError: if the synthetic samples are not of the training part's classes, shape and units.
        StorageError: if ``folder`` exists or cannot be written.
    """
    kept = synthetic.kept_samples
    check_alike([train, kept])
    writer.check(train)
    folders = class_folders(train.classes)
    split = {"train": train} if parts is None else parts
    table = row_table(train, synthetic, group_key=group_key(split))
    table.insert(0, "file_name", writer.places(train, kept, folders))
    with atomic_folder(folder) as temporary:
        archive = None if layout == "folder" else safe_name(name)
        writer.write(temporary, train, kept, table, folders=folders, archive=archive)
        guarded_table(table).to_csv(temporary / "metadata.csv", index=False)
        # Hugging Face takes train/ for a split and then looks for metadata.csv in it, not above it.
        inner = table.assign(file_name=table["file_name"].str.removeprefix("train/"))
        guarded_table(inner).to_csv(temporary / "train" / "metadata.csv", index=False)
        if parts is not None:
            guarded_table(split_table(parts)).to_csv(temporary / SPLIT, index=False)
        text = dataset_card(
            train,
            kept,
            about=About.of(name, card),
            folders=folders,
            values=writer.describe(train),
            split=parts is not None,
        )
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
    # A leading - or + would be an option to a shell and a formula to a spreadsheet.
    if not plain or plain[0] in "-+" or plain.split(".")[0].casefold() in WINDOWS_NAMES:
        plain = f"_{plain}"
    return plain
