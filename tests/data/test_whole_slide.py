from __future__ import annotations

import io
import struct
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from augmentor.data.readers.scan import Scan, UnreadableScan
from augmentor.data.readers.whole_slide import _slide, _small_tiff, tiles_of

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (100, 130, 3), dtype=np.uint8)


def tiled(pixels: np.ndarray, side: int = 32) -> bytes:
    """Return a tiled TIFF of plain RGB, as the standard lays it out."""
    height, width = pixels.shape[:2]
    across, down = -(-width // side), -(-height // side)
    padded = np.pad(pixels, ((0, down * side - height), (0, across * side - width), (0, 0)))
    tiles = [
        padded[y * side : (y + 1) * side, x * side : (x + 1) * side].tobytes()
        for y in range(down)
        for x in range(across)
    ]
    n, each = len(tiles), len(tiles[0])
    after = 8 + 2 + 12 * 10 + 4
    bits, places = after, after + 6
    counts = places + 4 * n
    begin = counts + 4 * n
    tags = [
        *((256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, bits), (259, 3, 1, 1), (262, 3, 1, 2)),
        *((277, 3, 1, 3), (322, 3, 1, side), (323, 3, 1, side), (324, 4, n, places), (325, 4, n, counts)),
    ]
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    offsets = struct.pack(f"<{n}I", *(begin + each * k for k in range(n)))
    return (
        head
        + bytes(4)
        + struct.pack("<3H", 8, 8, 8)
        + offsets
        + struct.pack(f"<{n}I", *[each] * n)
        + b"".join(tiles)
    )


def cut(data: bytes, size: int) -> list[Scan]:
    return list(tiles_of(io.BytesIO(data), size))


@pytest.mark.parametrize("size", [16, 32, 40, 50])
def test_tiles_of_a_slide_are_squares_of_the_picture_whatever_its_own_tiles_are(size: int) -> None:
    found = cut(tiled(COLOUR), size)
    assert len(found) == (100 // size) * (130 // size)
    for scan in found:
        left, top = (int(text[1:]) for text in scan.part.split("-"))
        assert np.array_equal(np.moveaxis(scan.x, 0, 2), COLOUR[top : top + size, left : left + size])


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "packbits", "jpeg"])
def test_each_compressed_tile_is_decoded_as_a_small_tiff(compression: str) -> None:
    out = io.BytesIO()
    Image.fromarray(COLOUR[:32, :32]).save(out, "TIFF", compression=compression)
    image = Image.open(out)
    tags = image.tag_v2
    data = out.getvalue()[tags[273][0] : tags[273][0] + tags[279][0]]
    slide = _slide(io.BytesIO(tiled(COLOUR[:32, :32])))
    assert slide is not None
    own = {tag: (tags[tag],) for tag in (259, 262)} | {530: tags.get(530), 347: tags.get(347)}
    described = [(tag, kind, own.get(tag, values)) for tag, kind, values in slide.tags]
    described += [(tag, kind, own[tag]) for tag, kind in ((530, "short"), (347, "blob")) if own[tag]]
    small = _small_tiff(replace(slide, tags=tuple(described)), data)
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(small)).convert("RGB")), np.asarray(image.convert("RGB"))
    )


def test_background_is_left_out_and_a_slide_of_nothing_else_is_refused() -> None:
    half = COLOUR.copy()
    half[:, :64] = 240
    assert {scan.part[:7] for scan in cut(tiled(half), 32)} == {"x000064", "x000096"}
    with pytest.raises(UnreadableScan, match="12 tiles of 32 pixels shows anything"):
        cut(tiled(np.full_like(COLOUR, 240)), 32)


def test_small_pictures_are_cut_too_and_smaller_ones_than_a_tile_refused() -> None:
    out = io.BytesIO()
    Image.fromarray(COLOUR).save(out, "PNG")
    assert len(cut(out.getvalue(), 50)) == 4
    with pytest.raises(UnreadableScan, match="130 x 100 pixels, less than one tile"):
        cut(out.getvalue(), 200)


def test_a_slide_that_is_cut_off_is_refused() -> None:
    data = tiled(COLOUR)
    with pytest.raises(UnreadableScan, match="cut off"):
        cut(data[: len(data) // 2], 32)


def with_tag(tag: int, value: int, *, called: int | None = None) -> bytes:
    """Return a slide whose head gives that tag another value, or another number."""
    data = bytearray(tiled(COLOUR))
    for place in range(10, 10 + 12 * 10, 12):
        if struct.unpack_from("<H", data, place) == (tag,):
            struct.pack_into("<I", data, place + 8, value)
            struct.pack_into("<H", data, place, tag if called is None else called)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (with_tag(259, 34925), r"compressed in a way \(TIFF 34925\) that is not read"),
        (with_tag(256, 0), "its TIFF head is damaged"),
        (with_tag(322, 16), "its head names 20 tiles, which do not cover the picture"),
        (with_tag(257, 100, called=65000), "its TIFF head is damaged"),
        (tiled(COLOUR)[:-40_000], "cut off: a tile lies beyond its end"),
    ],
)
def test_a_slide_that_cannot_be_used_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableScan, match=reason):
        cut(data, 32)


def test_a_tile_that_was_never_written_is_background_and_left_out() -> None:
    data = bytearray(tiled(COLOUR))
    counts = 8 + 2 + 12 * 10 + 4 + 6 + 4 * 20
    struct.pack_into("<I", data, counts, 0)
    first, *_ = cut(bytes(data), 32)
    assert first.part == "x000032-y000000"
    assert np.array_equal(np.moveaxis(first.x, 0, 2), COLOUR[:32, 32:64])
