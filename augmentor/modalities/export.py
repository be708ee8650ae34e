"""The expanded dataset of samples of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.data.cards import Card
from augmentor.data.loaded import Layout
from augmentor.data.writers.export import write_expanded
from augmentor.modalities.table import modality_of


def export(
    folder: Path,
    train: Samples,
    synthetic: SyntheticSet,
    *,
    layout: Layout,
    name: str,
    card: Card | None = None,
    parts: Mapping[str, Samples] | None = None,
) -> None:
    """Write the real training part and the kept synthetic rows, whole or not at all.

    The new ``folder`` holds

    - ``train/<class>/real-000000.png`` and ``synthetic-000000.png``: 8-bit PNG for uint8 images,
      16-bit for uint16 and float32. Where the value range is not that of the PNG (digits 0 to 16,
      floats) it is stretched linearly onto it, and the README says so. Series and volumes are ``.npy``
      arrays (C, T) and (C, D, H, W) in the data's own units and dtype: no picture format holds them,
      and a medical one (NIfTI) would claim a voxel size and a direction that the data does not have;
    - ``metadata.csv``: one row per file with ``file_name`` (relative to ``folder``), ``label``,
      ``class``, ``source`` ("real" or "synthetic"),
      ``original_id`` (id of the real row, or of the row in the run's synthetic set),
      ``synthesizer`` (SHA-256), ``seed``, ``group`` (a pseudonym) where patients are known, and one column
      for each score; empty where it has no meaning. A text that a spreadsheet would take for a formula
      has a quote before it, see :mod:`augmentor.core.cells`. ``train/metadata.csv`` is the same with
      paths from ``train/``, where Hugging Face's ImageFolder looks for it;
    - ``split.csv`` where ``parts`` are given: ``id``, ``part``, ``class`` and ``group`` (the same
      pseudonyms) of every case of "train", "validation" and "test", so that anyone who has the data can
      train on exactly these parts;
    - ``README.md``: where the data comes from, its licence, counts, and what synthetic data is not;
    - ``<name>.npz`` unless the data came as a folder: MedMNIST's ``train_images`` (N, H, W),
      (N, H, W, 3), for volumes (N, D, H, W) or (N, C, D, H, W), in the data's own units and dtype,
      ``train_labels`` (N, 1), ``train_source`` (N,) in the order of metadata.csv, ``classes`` and
      ``value_range``; for series ``X_train`` (N, C, T), ``y_train`` (N,) and ``source_train`` (N,).

    Raises:
        DataError: if the synthetic samples are not of the training part's classes, shape and units, or
            cannot be written.
        StorageError: if ``folder`` exists or cannot be written.
    """
    write_expanded(
        folder,
        train,
        synthetic,
        modality_of(train).writer,
        layout=layout,
        name=name,
        card=card,
        parts=parts,
    )
