"""The expanded dataset: the real training part and the kept synthetic samples."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from augmentor.core.errors import DataError
from augmentor.core.files import atomic_folder, inside
from augmentor.core.kinds import Kind, kind_of
from augmentor.core.samples import Samples
from augmentor.core.scratch import concatenate_rows
from augmentor.core.synthetic import PROVENANCE, SyntheticSet
from augmentor.data.cards import Card
from augmentor.data.loaded import Layout
from augmentor.data.writers.card import dataset_card

COLUMNS = ("file_name", "label", "class", "source", "original_id", "synthesizer", "seed")
WINDOWS_NAMES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def export(
    folder: Path,
    train: Samples,
    synthetic: SyntheticSet,
    *,
    layout: Layout,
    name: str,
    card: Card | None = None,
) -> None:
    """Write the real training part and the kept synthetic rows, whole or not at all.

    The new ``folder`` holds

    - ``train/<class>/real-000000.png`` and ``synthetic-000000.png``: 8-bit PNG for uint8 images,
      16-bit for uint16 and float32. Where the value range is not that of the PNG (digits 0 to 16,
      floats) it is stretched linearly onto it, and the README says so. Series and volumes are ``.npy``
      arrays (C, T) and (C, D, H, W) in the data's own units and dtype: no picture format holds them,
      and a medical one (NIfTI) would claim a voxel size and a direction that nobody told;
    - ``metadata.csv``: one row a file with ``file_name`` (relative to ``folder``), ``label``,
      ``class``, ``source`` ("real" or "synthetic"),
      ``original_id`` (id of the real row, or of the row in the run's synthetic set),
      ``synthesizer`` (SHA-256), ``seed``, ``group`` where patients are known, and one column for each
      score; empty where it has no meaning. ``train/metadata.csv`` is the same with paths from
      ``train/``, where Hugging Face's ImageFolder looks for it;
    - ``README.md``: where the data comes from, its licence, counts, and what synthetic data is not;
    - ``<name>.npz`` unless the data came as a folder: MedMNIST's ``train_images`` (N, H, W),
      (N, H, W, 3), for volumes (N, D, H, W) or (N, C, D, H, W), in the data's own units and dtype,
      ``train_labels`` (N, 1), ``train_source`` (N,) in the order of metadata.csv, ``classes`` and
      ``value_range``; for series ``X_train`` (N, C, T), ``y_train`` (N,) and ``source_train`` (N,).

    Raises:
        DataError: if the synthetic samples are not of the training part's classes, shape and units.
        StorageError: if ``folder`` exists or cannot be written.
    """
    kept = synthetic.kept_samples
    kind = kind_of(train.shape)
    _check_same(train, kept, kind)
    if kind.name == "image" and train.shape[0] not in (1, 3):
        raise DataError(f"images to write have 1 or 3 channels, got {train.shape[0]}")
    ending = "png" if kind.name == "image" else "npy"
    folders = class_folders(train.classes)
    sources = ["real"] * len(train) + ["synthetic"] * len(kept)
    names = [
        f"train/{folders[label]}/{source}-{number:06d}.{ending}"
        for source, part in (("real", train), ("synthetic", kept))
        for number, label in enumerate(part.y)
    ]
    x = concatenate_rows([train.array, kept.array])
    assert train.value_range is not None  # Samples of arrays have one
    table = _metadata(train, kept, synthetic, names, sources)
    with atomic_folder(folder) as temporary:
        for place in folders:
            inside(temporary, f"train/{place}").mkdir(parents=True)
        for target, row in zip(names, x, strict=True):
            data = png(row, train.value_range) if ending == "png" else npy(row)
            (temporary / target).write_bytes(data)
        table.to_csv(temporary / "metadata.csv", index=False)
        # Hugging Face takes train/ for a split and then looks for metadata.csv in it, not above it.
        inner = table.assign(file_name=table["file_name"].str.removeprefix("train/"))
        inner.to_csv(temporary / "train" / "metadata.csv", index=False)
        if layout != "folder":
            _write_npz(temporary / f"{safe_name(name)}.npz", x, table, train)
        (temporary / "README.md").write_text(
            dataset_card(train, kept, name=name, card=card, folders=folders), encoding="utf-8"
        )


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


def png(picture: npt.NDArray[Any], value_range: tuple[float, float]) -> bytes:
    """Encode one picture (C, H, W) as PNG: uint8 with 8 bits, uint16 and float32 with 16 bits.

    Values are written as they are where ``value_range`` is that of the PNG, else stretched linearly.
    """
    import cv2  # writes 16-bit colour, which Pillow cannot; slow to import, only needed here

    deep = picture.dtype != np.uint8
    top = 65535 if deep else 255
    low, high = value_range
    pixels = picture
    if (low, high) != (0, top) or not np.issubdtype(picture.dtype, np.integer):
        stretched = (picture.astype(np.float64) - low) / (high - low) * top
        pixels = np.clip(np.rint(stretched), 0, top).astype(np.uint16 if deep else np.uint8)
    # OpenCV keeps colours in the order blue, green, red.
    plane = pixels[0] if len(pixels) == 1 else np.moveaxis(pixels[::-1], 0, 2)
    done, data = cv2.imencode(".png", np.ascontiguousarray(plane))
    if not done:
        raise DataError(f"a picture of the shape {picture.shape} cannot be written as PNG")
    return bytes(data)


def npy(row: npt.NDArray[Any]) -> bytes:
    """Encode one series (C, T) or volume (C, D, H, W) as a .npy file, version 1.0, without pickle."""
    handle = io.BytesIO()
    np.lib.format.write_array(handle, np.ascontiguousarray(row), version=(1, 0), allow_pickle=False)
    return handle.getvalue()


def _check_same(train: Samples, kept: Samples, kind: Kind) -> None:
    for what, real, made in (
        ("classes", train.classes, kept.classes),
        ("shape", train.shape, kept.shape),
        ("value range", train.value_range, kept.value_range),
        ("dtype", train.array.dtype, kept.array.dtype),
    ):
        if real != made:
            raise DataError(
                f"real and synthetic {kind.plural} must share their {what}, got {real} and {made}"
            )


def _metadata(
    train: Samples, kept: Samples, synthetic: SyntheticSet, names: list[str], sources: list[str]
) -> pd.DataFrame:
    labels = np.concatenate([train.y, kept.y])
    table = pd.DataFrame(
        {
            "file_name": names,
            "label": labels,
            "class": [train.classes[label] for label in labels],
            "source": sources,
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


def _write_npz(path: Path, x: npt.NDArray[Any], table: pd.DataFrame, train: Samples) -> None:
    labels = table["label"].to_numpy(dtype=np.int64)
    source = table["source"].to_numpy(dtype=np.str_)
    rows: dict[str, npt.NDArray[Any]]
    if kind_of(train.shape).name == "series":
        rows = {"X_train": x, "y_train": labels, "source_train": source}
    else:
        # Images of MedMNIST have their colours last; one channel has no axis of its own.
        layout = x[:, 0] if x.shape[1] == 1 else np.moveaxis(x, 1, 3) if x.ndim == 4 else x
        rows = {
            "train_images": np.ascontiguousarray(layout),
            "train_labels": labels[:, None],
            "train_source": source,
        }
    np.savez_compressed(
        path,
        **rows,  # type: ignore[arg-type]  # none of these names is allow_pickle
        classes=np.array(train.classes, dtype=np.str_),
        value_range=np.array(train.value_range, dtype=np.float64),
    )
