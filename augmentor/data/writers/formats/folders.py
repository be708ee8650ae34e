"""Class folders of files with metadata.csv: what ``expanded/`` of a run is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from augmentor.core.samples import Samples
from augmentor.data.expanded import Expanded
from augmentor.data.export_spec import ExportOptions
from augmentor.data.writers.arrays import SeriesFiles, VolumeFiles
from augmentor.data.writers.export import class_folders
from augmentor.data.writers.files import FilePerSample
from augmentor.data.writers.formats.base import bounds, write_card, write_table
from augmentor.data.writers.images import ImageFiles

WRITERS: Mapping[str, FilePerSample] = {
    "image": ImageFiles(),
    "series": SeriesFiles(),
    "volume": VolumeFiles(),
}


def write(folder: Path, data: Expanded, options: ExportOptions) -> None:
    """Write ``train/<class>/<name>.png`` or ``.npy``, and metadata.csv."""
    places = write_files(folder, data)
    write_table(folder / "metadata.csv", data, places)
    note = WRITERS[data.samples.kind.name].describe(data.samples)
    write_card(
        folder,
        data,
        error(data.samples),
        files=f"`train/<class>/<name>` and `metadata.csv` with a row for each file. {note}",
    )


def write_files(folder: Path, data: Expanded) -> list[str]:
    """Write each row to a file; return their places in ``folder``, in the order of the rows."""
    samples = data.samples
    writer, folders = WRITERS[samples.kind.name], class_folders(samples.classes)
    writer.check(samples)
    for name in folders:
        (folder / "train" / name).mkdir(parents=True)
    places = []
    for row, (name, label) in enumerate(zip(samples.ids, samples.y, strict=True)):
        places.append(f"train/{folders[label]}/{name}.{writer.ending}")
        (folder / places[-1]).write_bytes(writer.encode(samples.array[row], bounds(samples)))
    return places


def error(samples: Samples) -> float:
    """Return half a step of the pictures: 0 where they hold the values as they are.

    Whole numbers that were stretched onto a finer grid are rounded back to what they were.
    """
    if samples.kind.name != "image" or np.issubdtype(samples.array.dtype, np.integer):
        return 0.0
    low, high = bounds(samples)
    return (high - low) / 65535 / 2
