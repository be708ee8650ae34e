"""The readers by the form in which data lies on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from augmentor.core.progress import Progress
from augmentor.data.cards import Card
from augmentor.data.loaded import Loaded
from augmentor.data.readers.folder import read_folder
from augmentor.data.readers.npz import read_npz
from augmentor.data.spec import ImageSpec, SeriesSpec


@dataclass(frozen=True)
class Reading:
    """How data is to be read.

    Attributes:
        name: of the dataset.
        image: size and colour that images are brought to, and the size of volumes.
        series: length that series are brought to, and how.
        card: what is known about the data; None where nothing is.
        progress: gets the number of files read.
    """

    name: str
    image: ImageSpec
    series: SeriesSpec
    card: Card | None
    progress: Progress


Reader: TypeAlias = Callable[[Path, Reading], Loaded]


def _folder(path: Path, how: Reading) -> Loaded:
    return read_folder(
        path, name=how.name, image=how.image, series=how.series, card=how.card, progress=how.progress
    )


def _npz(path: Path, how: Reading) -> Loaded:
    return read_npz(path, name=how.name, image=how.image, series=how.series, card=how.card)


READERS: dict[str, Reader] = {
    "folder": _folder,
    ".npz": _npz,
}
"""Readers by what they read: a folder, or a file of that suffix. Each decides what one sample is."""


def reader_of(path: Path) -> Reader | None:
    """Return what reads ``path``, or None where nothing does."""
    return READERS.get("folder" if path.is_dir() else path.suffix.lower())
