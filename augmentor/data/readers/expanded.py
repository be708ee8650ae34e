"""The ``expanded/`` folder of a run, read back by its metadata.csv in the data's own units."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from augmentor.core.cells import plain_cell
from augmentor.core.errors import DataError, StorageError
from augmentor.core.files import inside
from augmentor.core.kinds import IMAGE, SERIES, VOLUME, Kind
from augmentor.core.samples import Samples
from augmentor.data.expanded import About, Expanded
from augmentor.data.readers.files import Found
from augmentor.data.readers.npz_arrays import opened_arrays
from augmentor.data.readers.pictures import Picture, UnreadablePicture, decode
from augmentor.data.readers.streamed import stream
from augmentor.data.spec import ImageSpec

NEEDED = ("file_name", "label", "class", "source")
TEXTS = ("file_name", "class", "source", "original_id", "synthesizer", "group")
NAME = re.compile(r"(real|synthetic)-[0-9]{6,12}")
KINDS: Mapping[int, Kind] = {2: SERIES, 3: IMAGE, 4: VOLUME}
"""What samples of arrays are, by the dimensions of one."""


def read_expanded(
    folder: Path | str,
    *,
    about: About | None = None,
    value_range: tuple[float, float] | None = None,
) -> Expanded:
    """Read the ``expanded/`` folder of a run by its metadata.csv, in the order of that file.

    Images are read from the .npz file in the folder, where there is one and it holds these rows. Else
    pictures of data that do not fill their dtype's range, which were stretched, are brought back to
    ``value_range``.

    Args:
        folder: as :func:`augmentor.modalities.export.export` writes it.
        about: what the dataset is called; None for the folder's name.
        value_range: of the data, where no .npz file says; None for that of their dtype, or of their values
            where they are floats.

    Raises:
        DataError: if metadata.csv or a file is missing or damaged, or a path leads outside.
    """
    folder = Path(folder)
    table = _table(folder)
    names = [str(name) for name in table["file_name"]]
    classes = _classes(table, folder)
    endings = {Path(name).suffix for name in names}
    if endings - {".png", ".npy"} or len(endings) > 1:
        raise DataError(
            f"{folder} holds files ending in {', '.join(sorted(endings))}; read are the .png of images, or "
            "the .npy of series and volumes"
        )
    archive = _archive(folder)
    if archive is not None:
        value_range = archive.value_range
    if endings == {".npy"}:
        x = _arrays(folder, names)
        bounds = value_range or _bounds(x)
    elif archive is not None and list(archive.source) == list(table["source"]):
        x, bounds = archive.images, archive.value_range
    else:  # there is no archive, or rows were taken out of metadata.csv
        x, bounds = _pictures(folder, names, value_range)
    samples = Samples(
        x=x,
        y=table["label"].to_numpy(dtype=np.int64),
        classes=classes,
        ids=_ids(names, list(table["source"])),
        value_range=bounds,
        kind=KINDS[x.ndim - 1],
    )
    return Expanded(samples, table.drop(columns="file_name"), about or About(folder.name, folder.name))


def _table(folder: Path) -> pd.DataFrame:
    try:
        cells = pd.read_csv(folder / "metadata.csv", dtype=str, keep_default_na=False)
        table = pd.DataFrame({plain_cell(str(name)): cell.map(plain_cell) for name, cell in cells.items()})
        missing = [name for name in NEEDED if name not in table]
        if missing:
            raise ValueError(f"it lacks {', '.join(missing)}")
        table["label"] = table["label"].astype(np.int64)
        for name in set(table.columns) - set(TEXTS) - {"label", "seed"}:
            # Scores of the filters; a column of other texts stays what it is.
            numbers = pd.to_numeric(table[name].mask(table[name] == ""), errors="coerce")
            if not (numbers.isna() & (table[name] != "")).any():
                table[name] = numbers
        seeds = table["seed"] if "seed" in table else pd.Series("", index=table.index)
        table["seed"] = whole_numbers(seeds)
    except (OSError, ValueError, OverflowError) as error:
        raise DataError(
            f"{folder} is no expanded dataset: its metadata.csv cannot be read ({error})"
        ) from error
    if not len(table):
        raise DataError(f"{folder / 'metadata.csv'} names no file")
    return table if "synthesizer" in table else table.assign(synthesizer="")


@dataclass(frozen=True, eq=False)
class _Archive:
    """Rows of an .npz file as they are stored, their source (N,), and the values they may take."""

    x: npt.NDArray[Any]
    source: npt.NDArray[Any]
    value_range: tuple[float, float]

    @property
    def images(self) -> npt.NDArray[Any]:
        """The rows of images (N, C, H, W); they are stored with their colours last."""
        return self.x[:, None] if self.x.ndim == 3 else np.ascontiguousarray(np.moveaxis(self.x, -1, 1))


def _archive(folder: Path) -> _Archive | None:
    for path in sorted(folder.glob("*.npz")):
        with opened_arrays(path) as arrays:
            bounds = arrays.get("value_range", np.empty(0))
            for x, source in (("train_images", "train_source"), ("X_train", "source_train")):
                if x in arrays and source in arrays and bounds.shape == (2,):
                    low, high = map(float, bounds)
                    return _Archive(arrays[x], arrays[source], (low, high))
    return None


def whole_numbers(cells: Iterable[str]) -> pd.arrays.IntegerArray:
    """Return seeds of up to 63 bits, which floating point does not hold; a missing value for other text."""
    fit = (cell if cell.isascii() and cell.isdigit() and int(cell) < 2**63 else None for cell in cells)
    return pd.array([None if cell is None else int(cell) for cell in fit], dtype="Int64")


def _ids(names: list[str], sources: list[str]) -> npt.NDArray[np.str_]:
    """Return the names that :class:`Expanded` gives rows: those of the files where they have such names."""
    stems = [Path(name).stem for name in names]
    if len(set(stems)) == len(stems) and all(NAME.fullmatch(stem) for stem in stems):
        return np.array(stems, dtype=np.str_)
    taken: Counter[str] = Counter()
    made = []
    for source in sources:
        made.append(f"{source}-{taken[source]:06d}")
        taken[source] += 1
    return np.array(made, dtype=np.str_)


def _pictures(
    folder: Path, names: list[str], value_range: tuple[float, float] | None
) -> tuple[npt.NDArray[Any], tuple[float, float]]:
    # One after the other: an expanded dataset may be larger than memory.
    read = ((Found(folder, name, "train", ""), _read(folder, name)) for name in names)
    x = stream(read, ImageSpec()).x
    top = float(np.iinfo(x.dtype).max)
    if value_range is None or value_range == (0, top):
        return x, (0.0, top)
    low, high = value_range
    return np.rint(x / top * (high - low) + low).astype(x.dtype), value_range


def _arrays(folder: Path, names: list[str]) -> npt.NDArray[Any]:
    rows: list[npt.NDArray[Any]] = []
    for name in names:
        try:
            with inside(folder, name).open("rb") as handle:
                rows.append(np.lib.format.read_array(handle, allow_pickle=False))
        except (OSError, ValueError, EOFError, StorageError) as error:
            raise DataError(f"the array {name} of {folder} cannot be read: {error}") from error
    if len({(row.dtype, row.shape) for row in rows}) > 1:
        raise DataError(f"the arrays of {folder} differ in dtype or shape; they are not those of one run")
    if rows[0].ndim not in KINDS:
        raise DataError(f"the arrays of {folder} have {rows[0].ndim} dimensions; {sorted(KINDS)} are read")
    return np.stack(rows)


def _bounds(x: npt.NDArray[Any]) -> tuple[float, float]:
    if np.issubdtype(x.dtype, np.integer):
        return 0.0, float(np.iinfo(x.dtype).max)
    return float(x.min()), float(x.max())


def _read(folder: Path, name: str) -> Picture:
    try:
        return decode(inside(folder, name).read_bytes())
    except (OSError, UnreadablePicture, StorageError) as error:
        raise DataError(f"the picture {name} of {folder} cannot be read: {error}") from error


def _classes(table: pd.DataFrame, folder: Path) -> tuple[str, ...]:
    """Return the class names in label order; every class has at least one row, as exported."""
    pairs = table[["label", "class"]].drop_duplicates().sort_values("label")
    if list(pairs["label"]) != list(range(len(pairs))):
        raise DataError(
            f"{folder / 'metadata.csv'}: labels must count 0, 1, ... with one class name each, got "
            f"{list(zip(pairs['label'], pairs['class'], strict=True))[:10]}"
        )
    return tuple(pairs["class"])
