"""Pictures decoded one bite after the other into an array that may be larger than memory."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.scratch import RowWriter, chunks
from augmentor.data.loaded import Originals, SkippedFile
from augmentor.data.readers.files import Found
from augmentor.data.readers.pictures import STORED, Picture, to_channels
from augmentor.data.spec import ImageSpec

BITE = 64
"""Pictures that are put together before they are written."""
MOST_VALUES = 200
OTHER = "(others)"
"""Stands for the values of a file's property beyond the first so many."""


@dataclass(frozen=True, eq=False)
class Streamed:
    """Pictures that were read.

    Attributes:
        x: uint8 or uint16 array (N, C, H, W).
        index: int32 array (N,), the place of each picture among the files.
        originals: how the pictures were before they were resized.
        skipped: files that could not be used.
        notes: what was done to the pictures.
    """

    x: npt.NDArray[Any]
    index: npt.NDArray[np.int32]
    originals: Originals
    skipped: list[SkippedFile]
    notes: list[str]


def stream(results: Iterable[tuple[Found, Picture | str]], image: ImageSpec) -> Streamed:
    """Put decoded pictures of one size into one array, as they come.

    The array starts as 8-bit grey and is widened, once each, when a colour or 16 bits are met.

    Args:
        results: each file with its picture, or with the reason why it cannot be used.
        image: the requested colour.
    """
    stack = _Stack()
    index, skipped = array("i"), []
    for place, (item, result) in enumerate(results):
        if isinstance(result, str):
            skipped.append(SkippedFile(item.id, result))
        else:
            index.append(place)
            stack.add(result)
    x, notes = stack.finish(image)
    return Streamed(x, np.array(index, dtype=np.int32), stack.originals(), skipped, notes)


class _Stack:
    """Pictures of one size in the widest form met so far."""

    def __init__(self) -> None:
        self._writer: RowWriter | None = None
        self._bite: list[Picture] = []
        self._channels, self._deep = 1, False
        self._sides, self._colours, self._bits = array("i"), array("b"), array("b")
        self._remarks: Counter[str] = Counter()
        self._stored = [array("i") for _ in STORED]
        self._known: list[dict[str, int]] = [{} for _ in STORED]

    def add(self, picture: Picture) -> None:
        self._bite.append(picture)
        self._sides.extend((picture.height, picture.width))
        self._colours.append(picture.pixels.shape[2])
        self._bits.append(picture.bits)
        self._remarks.update(picture.remarks)
        for value, codes, known in zip(picture.stored, self._stored, self._known, strict=True):
            if len(known) >= MOST_VALUES and value not in known:
                value = OTHER
            codes.append(known.setdefault(value, len(known)))
        if len(self._bite) >= BITE:
            self._flush()

    def originals(self) -> Originals:
        def column(values: array[int], width: int) -> npt.NDArray[np.int64]:
            found = np.array(values).reshape(-1, width)
            # Pictures that are all alike, as most are, need one row.
            alike = len(found) > 1 and bool((found == found[0]).all())
            return (
                np.broadcast_to(found[0].astype(np.int64), found.shape) if alike else found.astype(np.int64)
            )

        return Originals(
            column(self._sides, 2),
            column(self._colours, 1)[:, 0],
            column(self._bits, 1)[:, 0],
            {
                name: ([value or "(none)" for value in known], np.array(codes, dtype=np.int32))
                for name, codes, known in zip(STORED, self._stored, self._known, strict=True)
                if len(known) > 1
            },
        )

    def finish(self, image: ImageSpec) -> tuple[npt.NDArray[Any], list[str]]:
        """Return all pictures in the requested colour, and what was done to them."""
        self._flush()
        if self._writer is None:
            return np.empty((0, 1, 0, 0), np.uint8), []
        channels = {"grey": 1, "rgb": 3, "auto": self._channels}[image.colour]
        colours, bits = np.array(self._colours), np.array(self._bits)
        n, colour, deep = len(colours), int((colours == 3).sum()), int((bits == 16).sum())
        notes = []
        if 0 < colour < n:
            used = "grey" if channels == 1 else "rgb"
            notes.append(f"{n - colour} grey and {colour} colour pictures: all are used as {used}")
        if 0 < deep < n:
            notes.append(f"{n - deep} pictures of 8 bits were widened to the 16 bits of the other {deep}")
        notes += [f"{many} pictures: {remark}" for remark, many in sorted(self._remarks.items())]
        x = self._writer.finish()
        if channels != self._channels:
            x = _converted(x, channels, colours)
        return x, notes

    def _flush(self) -> None:
        if not self._bite:
            return
        channels = max([self._channels, *(picture.pixels.shape[2] for picture in self._bite)])
        deep = self._deep or any(picture.bits == 16 for picture in self._bite)
        height, width = self._bite[0].pixels.shape[:2]
        if self._writer is None:
            self._writer = RowWriter(np.uint16 if deep else np.uint8, (channels, height, width))
        elif (channels, deep) != (self._channels, self._deep):
            before = self._writer.finish()
            self._writer = RowWriter(np.uint16 if deep else np.uint8, (channels, height, width))
            for piece in chunks(before):
                self._writer.add(_wider(before[piece], channels, deep and not self._deep))
        self._channels, self._deep = channels, deep
        rows = [
            _wider(np.moveaxis(picture.pixels, 2, 0)[None], channels, deep and picture.bits == 8)
            for picture in self._bite
        ]
        self._writer.add(np.concatenate(rows))
        self._bite = []


def _wider(x: npt.NDArray[Any], channels: int, deepen: bool) -> npt.NDArray[Any]:
    """Return (n, C, H, W) with more channels, and 255 as 65535 where ``deepen``."""
    x = np.repeat(x, 3, axis=1) if x.shape[1] < channels else x
    return x.astype(np.uint16) * 257 if deepen else x


def _converted(x: npt.NDArray[Any], channels: int, colours: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return (N, C, H, W) with ``channels``; a picture without colours gives its own grey."""
    writer = RowWriter(x.dtype, (channels, *x.shape[2:]))
    for piece in chunks(x):
        rows = x[piece]
        if channels == 3:
            writer.add(np.repeat(rows, 3, axis=1))
            continue
        made = [
            row[:1] if plain else np.moveaxis(to_channels(np.moveaxis(row, 0, 2), 1), 2, 0)
            for row, plain in zip(rows, colours[piece] == 1, strict=True)
        ]
        writer.add(np.stack(made))
    return writer.finish()
