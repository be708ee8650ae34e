"""Whole-slide images, and other large pictures, cut into tiles; only the tiles of one row are in memory.

Slides of most scanners are tiled TIFF files (.svs, .ndpi, .tif): their tiles are taken out of the file and
decoded one by one, each as a small TIFF of its own, so that Pillow's decoders do the work.
"""

from __future__ import annotations

import io
import struct
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

import numpy as np
from PIL import Image, TiffImagePlugin

from augmentor.core.kinds import IMAGE
from augmentor.data.readers.pictures import MAX_PIXELS, Pixels, UnreadablePicture, decode
from augmentor.data.readers.scan import MOST_FRAMES, Scan, UnreadableScan

FLAT: Final = 5.0
"""Grey levels of 255: a tile whose grey values deviate less from their mean shows background."""
MOST_TILE_BYTES: Final = 2**26
COMPRESSIONS: Final = {1: "none", 5: "LZW", 7: "JPEG", 8: "Deflate", 32946: "Deflate", 32773: "PackBits"}
TYPES: Final = {"byte": 1, "short": 3, "long": 4, "blob": 7}


@dataclass(frozen=True)
class Slide:
    """A tiled TIFF page.

    Attributes:
        width: pixels.
        height: pixels.
        tile: (width, height) of its tiles.
        offsets: where each tile begins in the file, row by row.
        counts: bytes of each tile.
        tags: what each tile needs to be decoded, as (tag, type, values).
    """

    width: int
    height: int
    tile: tuple[int, int]
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    tags: tuple[tuple[int, str, tuple[int, ...] | bytes], ...]


def tiles_of(file: IO[bytes], size: int) -> Iterator[Scan]:
    """Yield the squares of ``size`` pixels that a picture is cut into, row by row, without flat ones.

    What remains at the right and lower edge, narrower than a tile, is not used.

    Args:
        file: the open picture, in which can be sought.
        size: side of the squares in pixels of the full resolution.

    Raises:
        UnreadableScan: if it cannot be read, or holds no tile that shows anything.
    """
    slide = _slide(file)
    if slide is None:
        whole = _whole(file)
        width, height = whole.shape[1], whole.shape[0]
    else:
        width, height = slide.width, slide.height
    across, down = width // size, height // size
    if across * down > MOST_FRAMES:
        raise UnreadableScan(
            f"it makes {across * down:,} tiles of {size} pixels, and at most {MOST_FRAMES:,} are read; "
            "choose larger tiles"
        )
    shown = 0
    rows = (
        _rows(file, slide, size) if slide else (whole[top * size : (top + 1) * size] for top in range(down))
    )
    for top, row in enumerate(rows):
        for left in range(across):
            pixels = row[:, left * size : (left + 1) * size]
            highest = 255.0 if pixels.dtype == np.uint8 else 65535.0
            if float(pixels.astype(np.float32).mean(axis=2).std()) < FLAT * highest / 255:
                continue
            shown += 1
            yield Scan(
                IMAGE,
                np.moveaxis(pixels, 2, 0),
                bounds=(0.0, highest),
                part=f"x{left * size:06d}-y{top * size:06d}",
                remarks=("a picture was cut into tiles; those of one colour, background, were left out",),
            )
    if not shown:
        raise UnreadableScan(
            f"none of its {across * down} tiles of {size} pixels shows anything but background"
            if across * down
            else f"it has {width} x {height} pixels, less than one tile of {size}"
        )


def _slide(file: IO[bytes]) -> Slide | None:
    """Return the first page of a tiled TIFF; None where the file is no such one."""
    file.seek(0)
    if file.read(4) not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return None
    file.seek(0)
    try:
        # Image.open refuses large pictures; here none is decoded as a whole.
        tags = TiffImagePlugin.TiffImageFile(file).tag_v2
    except Exception as error:  # Pillow raises almost anything on damaged heads
        raise UnreadableScan(f"its TIFF head is damaged: {' '.join(str(error).split())[:160]}") from error
    if 322 not in tags:
        return None
    try:
        return _described(tags)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UnreadableScan(f"its TIFF head is damaged ({type(error).__name__})") from error


def _described(tags: TiffImagePlugin.ImageFileDirectory_v2) -> Slide:
    width, height, across, down = (int(tags[tag]) for tag in (256, 257, 322, 323))
    compression, samples = int(tags.get(259, 1)), int(tags.get(277, 1))
    bits = tuple(int(one) for one in tags.get(258, (1,)))
    if compression not in COMPRESSIONS:
        raise UnreadableScan(
            f"its tiles are compressed in a way (TIFF {compression}) that is not read; "
            f"{', '.join(dict.fromkeys(COMPRESSIONS.values()))} are. Convert it (vips tiffsave)"
        )
    if set(bits) != {8} or samples not in (1, 3) or int(tags.get(284, 1)) != 1:
        raise UnreadableScan(
            f"its tiles have {samples} values of {max(bits)} bits; 1 or 3 of 8 bits are read"
        )
    if min(width, height, across, down) < 1 or across * down * samples > MOST_TILE_BYTES:
        raise UnreadableScan(f"its head says {width} x {height} pixels in tiles of {across} x {down}")
    offsets, counts = (tuple(int(one) for one in tags[tag]) for tag in (324, 325))
    if len(offsets) != -(-width // across) * -(-height // down) or len(counts) != len(offsets):
        raise UnreadableScan(f"its head names {len(offsets)} tiles, which do not cover the picture")
    needed: list[tuple[int, str, tuple[int, ...] | bytes]] = [
        (256, "long", (across,)),
        (257, "long", (down,)),
        (258, "short", bits),
        (259, "short", (compression,)),
        (262, "short", (int(tags.get(262, 1)),)),
        (277, "short", (samples,)),
        (278, "long", (down,)),
    ]
    needed += [(317, "short", (int(tags[317]),))] if 317 in tags else []
    needed += [(347, "blob", bytes(tags[347]))] if 347 in tags else []
    needed += [(530, "short", tuple(int(one) for one in tags[530]))] if 530 in tags else []
    return Slide(width, height, (across, down), offsets, counts, tuple(needed))


def _rows(file: IO[bytes], slide: Slide, size: int) -> Iterator[Pixels]:
    """Yield strips (size, width, C) from the top down."""
    across, down = slide.tile
    many = -(-slide.width // across)
    bands: OrderedDict[int, Pixels] = OrderedDict()
    for top in range(0, slide.height // size * size, size):
        first, last = top // down, (top + size - 1) // down
        for band in range(first, last + 1):
            if band not in bands:
                tiles = [_tile(file, slide, band * many + column) for column in range(many)]
                bands[band] = np.concatenate(tiles, axis=1)[:, : slide.width]
        while next(iter(bands)) < first:
            bands.popitem(last=False)
        strip = np.concatenate([bands[band] for band in range(first, last + 1)])
        yield strip[top - first * down : top - first * down + size]


def _tile(file: IO[bytes], slide: Slide, number: int) -> Pixels:
    """Decode one tile (height, width, C); one that the scanner left out is white."""
    count = slide.counts[number]
    across, down = slide.tile
    samples = next(values[0] for tag, _, values in slide.tags if tag == 277)
    if count == 0:
        return np.full((down, across, samples), 255, dtype=np.uint8)
    if count > MOST_TILE_BYTES:
        raise UnreadableScan(f"its head says that a tile has {count:,} bytes")
    file.seek(slide.offsets[number])
    data = file.read(count)
    if len(data) < count:
        raise UnreadableScan("the file is cut off: a tile lies beyond its end")
    try:
        with Image.open(io.BytesIO(_small_tiff(slide, data)), formats=("TIFF",)) as image:
            pixels = np.asarray(image.convert("RGB" if samples == 3 else "L"))
    except Exception as error:  # Pillow's decoders raise almost anything on damaged bytes
        raise UnreadableScan(f"a tile is damaged: {' '.join(str(error).split())[:160]}") from error
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def _small_tiff(slide: Slide, data: bytes) -> bytes:
    """Return a TIFF of one strip, which is the tile."""
    tags = [*slide.tags, (273, "long", (0,)), (279, "long", (len(data),))]
    tags.sort(key=lambda tag: tag[0])
    after = 8 + 2 + 12 * len(tags) + 4
    bodies = [_packed(kind, values) for _, kind, values in tags]
    begin = after + sum(len(body) for body in bodies if len(body) > 4)
    entries, behind = b"", b""
    for (tag, kind, values), body in zip(tags, bodies, strict=True):
        if tag == 273:
            body = struct.pack("<I", begin)
        n = len(values)
        value = body.ljust(4, b"\0") if len(body) <= 4 else struct.pack("<I", after + len(behind))
        behind += body if len(body) > 4 else b""
        entries += struct.pack("<HHI", tag, TYPES[kind], n) + value
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + behind + data


def _packed(kind: str, values: tuple[int, ...] | bytes) -> bytes:
    if isinstance(values, bytes):
        return values
    return struct.pack(f"<{len(values)}{'H' if kind == 'short' else 'I'}", *values)


def _whole(file: IO[bytes]) -> Pixels:
    """Return a picture that is no tiled TIFF, (H, W, C)."""
    file.seek(0)
    try:
        return decode(file.read(8 * MAX_PIXELS)).pixels
    except UnreadablePicture as error:
        raise UnreadableScan(str(error)) from error
