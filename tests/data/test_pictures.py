"""Decoding one picture: against values written by hand, and against an independent reader."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from augmentor.data.readers.pictures import UnreadablePicture, decode, to_channels, to_square

RNG = np.random.default_rng(3)
GREY = RNG.integers(0, 256, (7, 9), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (7, 9, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (7, 9), dtype=np.uint16)
DEEP_COLOUR = RNG.integers(0, 65536, (7, 9, 3), dtype=np.uint16)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_lossless_files_come_back_pixel_by_pixel(kind: str, pixels: np.ndarray) -> None:
    picture = decode(saved(Image.fromarray(pixels), kind))
    assert picture.pixels.dtype == np.uint8
    assert picture.bits == 8
    assert (picture.height, picture.width) == (7, 9)
    np.testing.assert_array_equal(picture.pixels.squeeze(), pixels)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_every_bit(kind: str) -> None:
    picture = decode(saved(Image.fromarray(DEEP), kind))
    assert picture.bits == 16
    np.testing.assert_array_equal(picture.pixels[:, :, 0], DEEP)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bit_colour_keeps_every_bit_and_the_order_red_green_blue(suffix: str) -> None:
    done, data = cv2.imencode(suffix, DEEP_COLOUR[:, :, ::-1])
    assert done
    np.testing.assert_array_equal(decode(data.tobytes()).pixels, DEEP_COLOUR)


def test_three_equal_channels_are_grey() -> None:
    picture = decode(saved(Image.fromarray(np.repeat(GREY[:, :, None], 3, axis=2))))
    np.testing.assert_array_equal(picture.pixels, GREY[:, :, None])


def test_one_bit_and_palette_pictures() -> None:
    bits = decode(saved(Image.fromarray(GREY > 127)))
    np.testing.assert_array_equal(bits.pixels[:, :, 0], np.where(GREY > 127, 255, 0))
    indexed = Image.new("P", (2, 1))
    indexed.putpalette([10, 20, 30, 200, 100, 50])
    indexed.putdata([1, 0])
    np.testing.assert_array_equal(decode(saved(indexed)).pixels[0], [[200, 100, 50], [10, 20, 30]])


def test_transparency_is_laid_over_black_and_reported() -> None:
    values = np.array([[[200, 100, 50, 255], [200, 100, 50, 51]]], dtype=np.uint8)
    picture = decode(saved(Image.fromarray(values)))
    # 51 / 255 = 1/5 of the colour over black.
    np.testing.assert_array_equal(picture.pixels[0], [[200, 100, 50], [40, 20, 10]])
    assert picture.remarks == ("transparency was laid over black",)
    opaque = decode(saved(Image.fromarray(np.dstack([COLOUR, np.full((7, 9), 255, np.uint8)]))))
    assert opaque.remarks == ()
    np.testing.assert_array_equal(opaque.pixels, COLOUR)


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate 90 degrees clockwise to see it upright"
    picture = decode(saved(Image.fromarray(GREY), exif=exif))
    np.testing.assert_array_equal(picture.pixels[:, :, 0], np.rot90(GREY, k=-1))
    assert (picture.height, picture.width) == (9, 7)
    assert picture.remarks == ("turned as its EXIF orientation says",)


def bomb() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "zero bytes"),
        (b"this is a text\n", "no PNG, JPEG, TIFF, BMP, WebP or GIF"),
        (saved(Image.fromarray(COLOUR), "PPM"), "no PNG, JPEG, TIFF, BMP, WebP or GIF"),
        (saved(Image.fromarray(COLOUR), "JPEG")[:-40], "damaged"),
        (saved(Image.fromarray(COLOUR))[:60], "damaged"),
        (saved(Image.fromarray(COLOUR), "BMP")[:70], "damaged"),
        (bomb(), "more than 100,000,000 pixels"),
        (saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "floating-point"),
        (saved(Image.fromarray(DEEP.astype(np.int32) * 2), "TIFF"), "values run from"),
        (
            saved(Image.fromarray(GREY), "TIFF", save_all=True, append_images=[Image.fromarray(GREY)]),
            "film of 2 pictures",
        ),
    ],
    ids=["empty", "text", "ppm", "jpeg", "png", "bmp", "bomb", "float", "int32", "stack"],
)
def test_what_cannot_be_read_gives_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadablePicture, match=reason):
        decode(data)


def test_every_cut_of_a_jpeg_is_read_or_refused_never_a_crash() -> None:
    data = saved(Image.fromarray(np.repeat(np.repeat(COLOUR, 8, 0), 8, 1)), "JPEG")
    outcomes = set()
    for end in range(0, len(data), 37):
        try:
            outcomes.add(decode(data[:end]).pixels.shape)
        except UnreadablePicture:
            outcomes.add("refused")
    assert "refused" in outcomes


def test_grey_is_the_luma_of_bt_601() -> None:
    red, green, blue = (np.array([[[*row]]], dtype=np.uint16) for row in np.eye(3, dtype=int) * 10_000)
    assert [int(to_channels(c, 1)[0, 0, 0]) for c in (red, green, blue)] == [2990, 5870, 1140]
    expected = np.asarray(Image.fromarray(COLOUR).convert("L"), dtype=int)
    assert np.abs(to_channels(COLOUR, 1)[:, :, 0].astype(int) - expected).max() <= 1


def test_shrinking_is_the_mean_of_the_area() -> None:
    pixels = RNG.integers(0, 65536, (12, 12, 3), dtype=np.uint16)
    blocks = pixels.reshape(4, 3, 4, 3, 3).astype(float).mean(axis=(1, 3))
    small = to_square(pixels, 4)
    assert small.dtype == np.uint16
    assert np.abs(small - blocks).max() <= 0.51


def test_the_longer_side_is_cut_evenly_and_nothing_is_stretched() -> None:
    wide = np.zeros((4, 8, 1), dtype=np.uint8)
    wide[:, 2:6] = np.arange(16, dtype=np.uint8).reshape(4, 4, 1) * 10
    np.testing.assert_array_equal(to_square(wide, 4), wide[:, 2:6])
    tall = np.moveaxis(wide, 0, 1)
    np.testing.assert_array_equal(to_square(tall, 4), tall[2:6])


def test_growing_a_ramp_stays_a_ramp_and_a_flat_picture_stays_flat() -> None:
    ramp = np.tile(np.arange(0, 200, 40, dtype=np.uint8), (5, 1))[:, :, None]
    grown = to_square(ramp, 10)[5, :, 0].astype(int)
    assert np.all(np.diff(grown) >= 0)
    assert set(np.diff(grown)[1:-1]) == {20}
    flat = np.full((5, 5, 1), 77, dtype=np.uint8)
    assert set(to_square(flat, 13).ravel()) == {77}


def tiff16(pixels: np.ndarray, *, orientation: int = 1, white_is_zero: bool = False) -> bytes:
    """Return a bare TIFF of 16 bits, (H, W) or (H, W, 3), as the standard lays it out."""
    height, width = pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else 3
    data, bits = pixels.astype("<u2").tobytes(), struct.pack(f"<{samples}H", *[16] * samples)
    photometric = 2 if samples == 3 else int(not white_is_zero)
    after = 8 + 2 + 12 * 10 + 4
    tags = [
        *((256, 3, 1, width), (257, 3, 1, height), (258, 3, samples, after if samples > 2 else 16)),
        *((259, 3, 1, 1), (262, 3, 1, photometric), (273, 4, 1, after + len(bits))),
        *((274, 3, 1, orientation), (277, 3, 1, samples), (278, 3, 1, height), (279, 4, 1, len(data))),
    ]
    packed = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + packed + bytes(4) + bits + data


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bit_colour_is_turned_as_eight_bit_colour_is(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    upright = decode(saved(Image.fromarray(COLOUR), exif=exif)).pixels.astype(np.uint16) * 257
    deep = COLOUR.astype(np.uint16) * 257
    png = bytes(cv2.imencode(".png", np.ascontiguousarray(deep[:, :, ::-1]))[1])
    tag = exif.tobytes()[6:]
    chunk = struct.pack(">I", len(tag)) + b"eXIf" + tag + struct.pack(">I", zlib.crc32(b"eXIf" + tag))
    at = png.index(b"IDAT") - 4
    assert np.array_equal(decode(png[:at] + chunk + png[at:]).pixels, upright)
    assert np.array_equal(decode(tiff16(deep, orientation=orientation)).pixels, upright)


def test_sixteen_bit_tiff_where_white_is_zero_is_turned_round() -> None:
    found = decode(tiff16(DEEP, white_is_zero=True))
    assert np.array_equal(found.pixels[:, :, 0], 65535 - DEEP)
    assert any("WhiteIsZero" in remark for remark in found.remarks)
    assert np.array_equal(decode(tiff16(DEEP)).pixels[:, :, 0], DEEP)
    eight = Image.fromarray(GREY)
    # Pillow turns 8-bit values round when it writes them so, and again when it reads them.
    assert np.array_equal(decode(saved(eight, "TIFF", tiffinfo={262: 0})).pixels[:, :, 0], GREY)


def test_pictures_that_imagej_hides_behind_one_page_are_not_lost() -> None:
    hidden = saved(Image.fromarray(GREY), "TIFF", description="ImageJ=1.53t\nimages=40\nslices=40\n")
    with pytest.raises(UnreadablePicture, match="40 pictures, and the file has one page"):
        decode(hidden)
