"""One picture of labelled rows, of which a single one can be put in place of an earlier one."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

MARGIN = 150
"""Width of the labels, in pixels."""
GAP = 3
ROWS = "rows"
"""The text inside the file that lists its labels from the top."""


def put(path: Path, label: str, strip: np.ndarray[Any, Any], order: Sequence[str]) -> None:
    """Put one row of pictures into the sheet.

    Args:
        path: the sheet, a PNG; made where it is not there.
        label: of the row; an earlier one of that label is replaced.
        strip: uint8 (H, W, 1) or (H, W, 3), of the same size for every row.
        order: all labels, from the top.
    """
    with Path(__file__).open("rb") as held:
        # Rows may be finished side by side.
        fcntl.flock(held, fcntl.LOCK_EX)
        picture = Image.fromarray(strip.squeeze(2) if strip.shape[2] == 1 else strip)
        rows = read(path) | {label: picture}
        _write(path, {name: rows[name] for name in order if name in rows})


def read(path: Path) -> dict[str, Image.Image]:
    """Return the rows of a sheet by their labels, none where there is no file."""
    if not path.is_file():
        return {}
    with Image.open(path) as sheet:
        labels = json.loads(sheet.info[ROWS])
        height = sheet.height // len(labels)
        boxes = [(MARGIN, i * height, sheet.width, (i + 1) * height - GAP) for i in range(len(labels))]
        pixels = sheet.convert("RGB") if sheet.mode == "P" else sheet
        return {label: pixels.crop(box) for label, box in zip(labels, boxes, strict=True)}


def _write(path: Path, rows: dict[str, Image.Image]) -> None:
    first = next(iter(rows.values()))
    height = first.height + GAP
    sheet = Image.new(first.mode, (MARGIN + first.width, height * len(rows)), "white")
    pen = ImageDraw.Draw(sheet)
    for i, (label, row) in enumerate(rows.items()):
        pen.text((4, i * height + first.height // 2), label, "black", ImageFont.load_default(13), anchor="lm")
        sheet.paste(row, (MARGIN, i * height))
    note = PngInfo()
    note.add_text(ROWS, json.dumps(list(rows)))
    path.parent.mkdir(parents=True, exist_ok=True)
    if sheet.mode == "RGB":
        # Lines on paper need few colours, and half the bytes.
        sheet = sheet.quantize(64, dither=Image.Dither.NONE)
    sheet.save(path, optimize=True, pnginfo=note)
