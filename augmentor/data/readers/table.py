"""The readers by the form in which data lies on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from augmentor.data.loaded import Loaded
from augmentor.data.readers.folder import read_folder, read_manifest
from augmentor.data.readers.npz import read_npz
from augmentor.data.readers.reading import Reading

Reader: TypeAlias = Callable[[Path, Reading], Loaded]


READERS: dict[str, Reader] = {
    "folder": read_folder,
    ".zip": read_folder,
    ".npz": read_npz,
    ".csv": read_manifest,
    ".tsv": read_manifest,
    ".parquet": read_manifest,
    ".jsonl": read_manifest,
    ".json": read_manifest,
}
"""Readers by what they read: a folder, or a file of that suffix. Each decides what one sample is."""


def reader_of(path: Path) -> Reader | None:
    """Return what reads ``path``, or None where nothing does."""
    return READERS.get("folder" if path.is_dir() else path.suffix.lower())
