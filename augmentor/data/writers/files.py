"""An expanded dataset of one file for each sample, and all of them in an .npz archive."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from augmentor.core.files import inside
from augmentor.core.samples import Samples
from augmentor.core.scratch import concatenate_rows


class FilePerSample(ABC):
    """Writes ``train/<class>/real-000000.<ending>`` and ``synthetic-000000.<ending>``."""

    ending: ClassVar[str]

    def check(self, train: Samples) -> None:  # noqa: B027 - most can be written
        """Refuse samples that the files cannot hold."""

    @abstractmethod
    def encode(self, row: npt.NDArray[Any], value_range: tuple[float, float]) -> bytes:
        """Return one sample (C, *spatial) as the bytes of a file."""

    @abstractmethod
    def archive(
        self, x: npt.NDArray[Any], labels: npt.NDArray[np.int64], source: npt.NDArray[np.str_]
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays of the .npz archive by name, from samples (N, C, *spatial) and their labels."""

    @abstractmethod
    def describe(self, train: Samples) -> str:
        """Say how the values of the data became those of the files."""

    def places(self, train: Samples, kept: Samples, folders: Sequence[str]) -> list[str]:
        """Return the file of every row, real ones first."""
        return [
            f"train/{folders[label]}/{source}-{number:06d}.{self.ending}"
            for source, part in (("real", train), ("synthetic", kept))
            for number, label in enumerate(part.y)
        ]

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
        """Write every row of ``table`` to its file, and all of them to the archive where it has a name."""
        x = concatenate_rows([train.array, kept.array])
        assert train.value_range is not None  # Samples of arrays have one
        for place in folders:
            inside(folder, f"train/{place}").mkdir(parents=True)
        for target, row in zip(table["file_name"], x, strict=True):
            (folder / target).write_bytes(self.encode(row, train.value_range))
        if archive is not None:
            labels = table["label"].to_numpy(dtype=np.int64)
            rows = self.archive(x, labels, table["source"].to_numpy(dtype=np.str_))
            np.savez_compressed(
                folder / f"{archive}.npz",
                **rows,  # type: ignore[arg-type]  # none of these names is allow_pickle
                classes=np.array(train.classes, dtype=np.str_),
                value_range=np.array(train.value_range, dtype=np.float64),
            )


def image_archive(
    x: npt.NDArray[Any], labels: npt.NDArray[np.int64], source: npt.NDArray[np.str_]
) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an archive as MedMNIST names them.

    Images are (N, H, W) or (N, H, W, 3), volumes (N, D, H, W) or (N, C, D, H, W); labels (N, 1).
    """
    # Images of MedMNIST have their colours last; one channel has no axis of its own.
    layout = x[:, 0] if x.shape[1] == 1 else np.moveaxis(x, 1, 3) if x.ndim == 4 else x
    return {
        "train_images": np.ascontiguousarray(layout),
        "train_labels": labels[:, None],
        "train_source": source,
    }
