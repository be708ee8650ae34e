"""Real and synthetic rows for a team's own training loop in torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch.utils.data import Dataset

from augmentor.core.errors import DataError, StorageError
from augmentor.core.files import inside
from augmentor.core.samples import Samples
from augmentor.core.scratch import concatenate_rows
from augmentor.core.synthetic import SyntheticSet
from augmentor.data.readers.files import Found
from augmentor.data.readers.npz_arrays import opened_arrays
from augmentor.data.readers.pictures import Picture, UnreadablePicture, decode
from augmentor.data.readers.streamed import stream
from augmentor.data.spec import ImageSpec

Item = tuple[torch.Tensor, int, bool]


class ExpandedDataset(Dataset[Item]):
    """Images, volumes or series with their label and whether they are synthetic.

    Item ``i`` is ``(x, label, is_synthetic)``: ``x`` a float32 tensor (C, *S) in [0, 1], which is the
    data's value range brought linearly to [0, 1]; ``label`` an index into :attr:`classes`. Real rows
    come first, in their order, then the synthetic ones.

    Example:
        >>> import numpy as np
        >>> from augmentor.core.kinds import IMAGE
        >>> from augmentor.core.samples import Samples
        >>> real = Samples(np.full((2, 1, 4, 4), 255, np.uint8), np.array([0, 1]), ("a", "b"),
        ...                np.array(["r0", "r1"]), value_range=(0, 255), kind=IMAGE)
        >>> x, label, is_synthetic = ExpandedDataset(real)[1]
        >>> x.shape, float(x.max()), label, is_synthetic
        (torch.Size([1, 4, 4]), 1.0, 1, False)
    """

    def __init__(
        self,
        real: Samples,
        synthetic: SyntheticSet | None = None,
        *,
        kept_only: bool = True,
        transform: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        """Join real rows and, where given, synthetic ones.

        Args:
            real: the training part.
            synthetic: rows of the same classes, shape and units.
            kept_only: leave out what the filters rejected.
            transform: applied to each float tensor (C, *S) when it is read.

        Raises:
            DataError: if real and synthetic rows do not fit together.
        """
        parts = [real]
        if synthetic is not None:
            made = synthetic.kept_samples if kept_only else synthetic.samples
            if (
                made.classes != real.classes
                or made.shape != real.shape
                or made.value_range != real.value_range
            ):
                raise DataError(
                    "real and synthetic rows must share classes, shape and value range, got "
                    f"{real.classes}, {real.shape}, {real.value_range} and "
                    f"{made.classes}, {made.shape}, {made.value_range}"
                )
            parts.append(made)
        assert real.value_range is not None  # Samples of arrays have one
        self._hold(
            concatenate_rows([part.array for part in parts]),
            np.concatenate([part.y for part in parts]),
            np.repeat([False, True][: len(parts)], [len(part) for part in parts]),
            classes=real.classes,
            value_range=real.value_range,
            transform=transform,
        )

    def _hold(
        self,
        x: npt.NDArray[Any],
        labels: npt.NDArray[np.int64],
        is_synthetic: npt.NDArray[np.bool_],
        *,
        classes: tuple[str, ...],
        value_range: tuple[float, float],
        transform: Callable[[torch.Tensor], torch.Tensor] | None,
    ) -> None:
        self._x, self.labels, self.is_synthetic = x, labels, is_synthetic
        self.classes, self.transform = classes, transform
        self._low, self._high = value_range

    @classmethod
    def from_folder(
        cls, folder: Path | str, *, transform: Callable[[torch.Tensor], torch.Tensor] | None = None
    ) -> ExpandedDataset:
        """Read the ``expanded/`` folder of a run by its metadata.csv, in the order of that file.

        Images fill their value range. Of series and volumes (.npy) the value range is that of the
        .npz file in the folder, else that of their dtype, or of their values where they are floats.

        Raises:
            DataError: if metadata.csv or a file is missing or damaged, or a path leads outside.
        """
        folder = Path(folder)
        try:
            table = pd.read_csv(
                folder / "metadata.csv",
                usecols=["file_name", "label", "class", "source"],
                dtype={"file_name": str, "label": np.int64, "class": str, "source": str},
                keep_default_na=False,
            )
        except (OSError, ValueError) as error:
            raise DataError(
                f"{folder} is no expanded dataset: its metadata.csv cannot be read ({error})"
            ) from error
        names = [str(name) for name in table["file_name"]]
        if not names:
            raise DataError(f"{folder / 'metadata.csv'} names no file")
        arrays = all(name.endswith(".npy") for name in names)
        stacked = _stacked_arrays(folder, names) if arrays else _stacked_pictures(folder, names)
        bounds = _bounds(folder, stacked) if arrays else (0.0, float(np.iinfo(stacked.dtype).max))
        dataset = cls.__new__(cls)
        dataset._hold(
            stacked,
            table["label"].to_numpy(dtype=np.int64),
            table["source"].to_numpy() == "synthetic",
            classes=_classes(table, folder),
            value_range=bounds,
            transform=transform,
        )
        return dataset

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.labels)

    def __getitem__(self, index: int) -> Item:
        """Return ``(x, label, is_synthetic)`` of one row."""
        scaled = (self._x[index].astype(np.float32) - self._low) / (self._high - self._low)
        x = torch.from_numpy(scaled.astype(np.float32))
        if self.transform is not None:
            x = self.transform(x)
        return x, int(self.labels[index]), bool(self.is_synthetic[index])


def _stacked_pictures(folder: Path, names: list[str]) -> npt.NDArray[Any]:
    # One after the other: an expanded dataset may be larger than memory.
    read = ((Found(folder, name, "train", ""), _read(folder, name)) for name in names)
    return stream(read, ImageSpec()).x


def _stacked_arrays(folder: Path, names: list[str]) -> npt.NDArray[Any]:
    rows: list[npt.NDArray[Any]] = []
    for name in names:
        try:
            with inside(folder, name).open("rb") as handle:
                rows.append(np.lib.format.read_array(handle, allow_pickle=False))
        except (OSError, ValueError, EOFError, StorageError) as error:
            raise DataError(f"the array {name} of {folder} cannot be read: {error}") from error
    if len({(row.dtype, row.shape) for row in rows}) > 1:
        raise DataError(f"the arrays of {folder} differ in dtype or shape; they are not those of one run")
    return np.stack(rows)


def _bounds(folder: Path, x: npt.NDArray[Any]) -> tuple[float, float]:
    for path in sorted(folder.glob("*.npz")):
        with opened_arrays(path) as arrays:
            bounds = arrays.get("value_range", np.empty(0))
        if bounds.shape == (2,):
            return float(bounds[0]), float(bounds[1])
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
