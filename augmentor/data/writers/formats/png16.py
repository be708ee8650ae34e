"""PNG files of 16 bits with the data's own values, and a file that says what they mean."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

from augmentor.core.errors import DataError
from augmentor.core.files import json_text
from augmentor.data.expanded import Expanded
from augmentor.data.export_spec import ExportOptions
from augmentor.data.writers.export import class_folders
from augmentor.data.writers.formats.base import ARTIFICIAL, write_card, write_table
from augmentor.data.writers.formats.scale import error, measured, sixteen_bits, spacing, units, window
from augmentor.data.writers.images import png

IHDR_END = 33
"""Bytes of the signature and the chunk IHDR, which comes first (PNG specification, 5.6)."""


def write(folder: Path, data: Expanded, options: ExportOptions) -> None:
    """Write ``train/<class>/<name>.png``, metadata.csv and values.json.

    Raises:
        DataError: if images have other than 1 or 3 channels.
    """
    samples, scale = data.samples, sixteen_bits(data.samples)
    if samples.shape[0] not in (1, 3):
        raise DataError(f"PNG holds 1 or 3 channels, got {samples.shape[0]}; format nifti holds any number")
    folders = class_folders(samples.classes)
    for name in folders:
        (folder / "train" / name).mkdir(parents=True)
    places, lines, spacings = [], [], []
    for row, (name, label) in enumerate(zip(samples.ids, samples.y, strict=True)):
        places.append(f"train/{folders[label]}/{name}.png")
        lines.append(scale.then(measured(samples, row)))
        spacings.append(spacing(samples, row, options))
        made = png(scale.stored(samples.array[row]), (0, 65535))
        note = ARTIFICIAL if data.is_synthetic[row] else "real"
        (folder / places[-1]).write_bytes(_described(made, note, spacings[-1]))
    columns = {"slope": [line.slope for line in lines], "intercept": [line.intercept for line in lines]}
    for axis, side in enumerate(("spacing_height", "spacing_width")):
        columns[side] = [np.nan if one is None else one[axis] for one in spacings]
    write_table(folder / "metadata.csv", data, places, more=columns)
    low, high = window(samples, 0, options)
    values = {
        "value": "intercept + slope * pixel, by the columns of metadata.csv",
        "units": units(samples) or "the data's own",
        "dtype": str(samples.array.dtype),
        "window": [low, high],
        "spacing": "millimetres, in the columns spacing_height and spacing_width; empty where unknown",
    }
    (folder / "values.json").write_text(json_text(values), encoding="utf-8")
    write_card(
        folder,
        data,
        error(samples),
        files="`train/<class>/<name>.png`, each of 16 bits; `metadata.csv` has a row for each file: "
        "value = intercept + slope * pixel, and the spacing in millimetres; `values.json` says the units "
        "and the "
        "window to show. Each file says in its text chunk `Source` whether it is synthetic.",
    )


def _described(data: bytes, source: str, spacing: tuple[float, ...] | None) -> bytes:
    """Return a PNG with a text on its origin, and the pixels' size where it is known (chunk pHYs)."""
    chunks = _chunk(b"tEXt", b"Source\0" + source.encode("latin-1"))
    if spacing is not None:
        height, width = (max(1, round(1000 / side)) for side in spacing[-2:])
        chunks = _chunk(b"pHYs", struct.pack(">IIB", width, height, 1)) + chunks
    return data[:IHDR_END] + chunks + data[IHDR_END:]


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
