"""One picture file to one array: orientation, depth, colour, transparency and size."""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

Pixels = npt.NDArray[np.generic]

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".tif", ".tiff", ".bmp", ".webp", ".gif")
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
MAX_PIXELS = 100_000_000
"""A picture with more pixels is skipped: decoding it would need gigabytes."""

DEVICE = (0x010F, 0x0110, 0x0131)
"""EXIF and TIFF tags of the maker, the model and the software."""
TOO_LARGE = "make it smaller first, or cut it into tiles: --tile 512"
ORIENTATION, PHOTOMETRIC, BITS, DESCRIPTION = 0x0112, 262, 258, 270
IMAGEJ = (
    "ImageJ says that it holds {n} pictures, and the file has one page: save it again with a page for each "
    "(Bio-Formats, or File > Save As > Image Sequence)"
)
TURNED = "turned as its EXIF orientation says"
_LUMA = np.array([299, 587, 114], dtype=np.float64) / 1000


class UnreadablePicture(Exception):  # noqa: N818 - becomes a reason in a list, never a crash
    """Why a picture cannot be used; the message completes "skipped because"."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: uint8 or uint16 array (H, W, C) in the file's own values; C is 1 where the picture
            shows no colour (also when the file stores three equal channels), else 3.
        height: pixels before any resizing.
        width: pixels before any resizing.
        bits: bits per channel, 8 or 16.
        remarks: what was done beyond reading, e.g. "transparency was laid over black".
        stored: how the file keeps it: its format, mode, compression and the device that wrote it.
    """

    pixels: Pixels
    height: int
    width: int
    bits: int
    remarks: tuple[str, ...] = ()
    stored: tuple[str, str, str, str] = ("", "", "", "")


STORED = ("file format", "stored mode", "compression", "device or software tag")
"""What :attr:`Picture.stored` lists."""


def decode(data: bytes) -> Picture:
    """Decode the bytes of a PNG, JPEG, TIFF, BMP, WebP or GIF file; a moving one is refused.

    The EXIF orientation is applied. Palettes become colours. Transparency is laid over black. A
    picture whose three channels are equal everywhere is grey. 16-bit pictures keep 16 bits.

    Raises:
        UnreadablePicture: with the reason.
    """
    if not data:
        raise UnreadablePicture("the file is empty (zero bytes)")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_head(image)
            stored = _stored(image)
            if image.format == "TIFF":
                check_tiff_end(data)
            deep = _is_16_bit_colour(image, data)
            pixels, remarks = _deep_colour(data, _orientation(image)) if deep else _pixels(image)
    except UnreadablePicture:
        raise
    except UnidentifiedImageError as error:
        raise UnreadablePicture("the content is no PNG, JPEG, TIFF, BMP, WebP or GIF picture") from error
    except Image.DecompressionBombError as error:
        raise UnreadablePicture(f"more than {MAX_PIXELS:,} pixels; {TOO_LARGE}") from error
    except Exception as error:  # Pillow's decoders raise almost anything on damaged bytes
        raise UnreadablePicture(f"the file is damaged: {' '.join(str(error).split())[:160]}") from error
    return _picture(pixels, remarks, stored)


def decoded_page(image: Image.Image) -> Picture:
    """Decode the page that an open file is at.

    Raises:
        UnreadablePicture: with the reason.
    """
    if image.width * image.height > MAX_PIXELS:
        raise UnreadablePicture(f"more than {MAX_PIXELS:,} pixels; {TOO_LARGE}")
    if _is_16_bit_colour(image, b""):
        raise UnreadablePicture("its 16-bit colours are read from files of one page; write each as one")
    stored = _stored(image)
    return _picture(*_pixels(image.copy() if image.format == "GIF" else image), stored)


def _picture(pixels: Pixels, remarks: tuple[str, ...], stored: tuple[str, str, str, str]) -> Picture:
    if pixels.shape[2] == 3 and _is_grey(pixels):
        pixels = pixels[:, :, :1]
    height, width = pixels.shape[:2]
    return Picture(pixels, height, width, 8 * pixels.dtype.itemsize, remarks, stored)


def head_size(file: IO[bytes]) -> tuple[int, int] | None:
    """Return (height, width) as the file's head says, without decoding; None where it has no such head."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            turned = image.getexif().get(ORIENTATION, 1) in range(5, 9)
            return (image.width, image.height) if turned else (image.height, image.width)
    except Exception:  # whatever is wrong with it is reported when it is decoded
        return None


def _stored(image: Image.Image) -> tuple[str, str, str, str]:
    tables = getattr(image, "quantization", None)
    compression = str(image.info.get("compression", ""))
    if tables:
        # The quality that a JPEG was written with, by the sum of its first table.
        compression = f"JPEG tables of sum {sum(next(iter(tables.values())))}"
    exif = image.getexif()
    device = " ".join(str(exif.get(tag, "")).strip() for tag in DEVICE).strip()
    return str(image.format), image.mode, compression, device[:80]


def _check_head(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadablePicture(
            f"{image.width} x {image.height} is more than {MAX_PIXELS:,} pixels; {TOO_LARGE}"
        )
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise UnreadablePicture(
            f"it is a stack or film of {frames} pictures; write each as a file of its own, or say "
            "how they are used: --set image.stack= frames (each by itself), volume (pages are depth), first"
        )
    hidden = imagej_images(image)
    if hidden > 1:
        raise UnreadablePicture(IMAGEJ.format(n=hidden))


def check_tiff_end(data: bytes) -> None:
    """Refuse a TIFF whose list of pages leads beyond its end: Pillow would take the pages before for all.

    Raises:
        UnreadablePicture: if it does.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    width, count, entry = ("Q", "Q", 20) if big else ("I", "H", 12)
    size, counted = struct.calcsize(width), struct.calcsize(count)
    seen: set[int] = set()
    place = 8 if big else 4
    while True:
        if place + size > len(data):
            raise UnreadablePicture("the file is cut off: its list of pages leads beyond its end")
        at = struct.unpack_from(order + width, data, place)[0]
        if at == 0 or at in seen:
            return
        seen.add(at)
        if at + counted > len(data):
            raise UnreadablePicture("the file is cut off: its list of pages leads beyond its end")
        place = at + counted + entry * struct.unpack_from(order + count, data, at)[0]


def imagej_images(image: Image.Image) -> int:
    """Return how many pictures ImageJ says that a TIFF holds; 1 where it says nothing.

    ImageJ may write a single page, with the other pictures behind its own: other readers never see them.
    """
    tags = getattr(image, "tag_v2", None)
    said = "" if tags is None else str(tags.get(DESCRIPTION, ""))[:4096]
    found = re.search(r"^images=(\d{1,9})$", said, re.MULTILINE) if said.startswith("ImageJ=") else None
    return int(found[1]) if found else 1


def _pixels(image: Image.Image) -> tuple[Pixels, tuple[str, ...]]:
    remarks: list[str] = []
    white_is = _white_is_zero(image)
    if image.format == "MPO":
        remarks.append("the first picture of a phone's several (MPO) was taken")
    if _orientation(image) != 1:
        image = ImageOps.exif_transpose(image)
        remarks.append(TURNED)
    if image.mode.startswith("I"):
        values = _whole_numbers(np.asarray(image))
        if white_is is not None:
            remarks.append("WhiteIsZero, where bright means low: the values were turned round")
            values = (white_is - values.astype(np.int64)).astype(np.uint16)
        return values, tuple(remarks)
    if image.mode == "F":
        raise UnreadablePicture("its pixels are floating-point; pictures of 8 or 16 bits are read")
    if image.mode == "1":
        image = image.convert("L")
    if image.mode in {"P", "PA"}:
        image = image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
    elif "transparency" in image.info and image.mode in {"L", "RGB"}:
        image = image.convert("LA" if image.mode == "L" else "RGBA")
    if image.mode in {"LA", "La", "RGBA", "RGBa"}:
        image, opaque = _over_black(image)
        if not opaque:
            remarks.append("transparency was laid over black")
    if image.mode not in {"L", "RGB"}:
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return (pixels[:, :, None] if pixels.ndim == 2 else pixels), tuple(remarks)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none."""
    said = image.getexif().get(ORIENTATION, 1)
    return int(said) if said in range(1, 9) else 1


def _white_is_zero(image: Image.Image) -> int | None:
    """Return the value of black in a TIFF of over 8 bits where 0 is white; Pillow turns the others itself."""
    tags = getattr(image, "tag_v2", None)
    if tags is None or tags.get(PHOTOMETRIC) != 0 or not image.mode.startswith("I"):
        return None
    return int(2 ** int(tags.get(BITS, (16,))[0]) - 1)


def _whole_numbers(values: npt.NDArray[Any]) -> Pixels:
    if values.min() < 0 or values.max() > 65535:
        raise UnreadablePicture(
            f"its values run from {values.min()} to {values.max()}; pictures of 8 or 16 bits are read"
        )
    return values.astype(np.uint16)[:, :, None]


def _over_black(image: Image.Image) -> tuple[Image.Image, bool]:
    image = image.convert("LA" if image.mode in {"LA", "La"} else "RGBA")
    values = np.asarray(image)
    alpha = values[:, :, -1:].astype(np.float64) / 255
    laid = np.rint(values[:, :, :-1] * alpha).astype(np.uint8)
    return Image.fromarray(laid[:, :, 0] if laid.shape[2] == 1 else laid), bool((alpha == 1).all())


def _is_16_bit_colour(image: Image.Image, data: bytes) -> bool:
    """Say whether Pillow would drop the low bytes: it opens 16-bit colour as 8-bit colour."""
    if image.format == "PNG":
        return data[24:25] == b"\x10" and image.mode not in {"I", "I;16", "I;16B"}
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return False
    bits = tags.get(BITS, (1,))
    return max(bits if isinstance(bits, tuple) else (bits,)) == 16 and not image.mode.startswith("I")


def _deep_colour(data: bytes, orientation: int) -> tuple[Pixels, tuple[str, ...]]:
    import cv2  # the one reader here that keeps 16 bits of colour; slow to import, rarely needed

    values = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.ndim not in {2, 3}:
        raise UnreadablePicture("its 16-bit colours cannot be decoded; write it as 8-bit, or as 16-bit grey")
    remarks: tuple[str, ...] = () if orientation == 1 else (TURNED,)
    if not data.startswith((b"II", b"MM")):  # OpenCV turns TIFF by itself, and PNG not
        values = _turned(values, orientation)
    if values.ndim == 2:
        return values[:, :, None], remarks
    if values.shape[2] == 4:
        alpha = values[:, :, 3:].astype(np.float64) / 65535
        if not (alpha == 1).all():
            remarks = (*remarks, "transparency was laid over black")
        values = np.rint(values[:, :, :3] * alpha).astype(np.uint16)
    return np.ascontiguousarray(values[:, :, ::-1]), remarks


def _turned(values: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Return (H, W, ...) pixels upright: mirrored at the diagonal (5 to 8), then rows or columns reversed."""
    if orientation >= 5:
        values = np.swapaxes(values, 0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values


def _is_grey(pixels: Pixels) -> bool:
    first = pixels[:, :, 0]
    return bool(np.array_equal(first, pixels[:, :, 1]) and np.array_equal(first, pixels[:, :, 2]))


def to_channels(pixels: Pixels, channels: int) -> Pixels:
    """Return (H, W, C) pixels with 1 or 3 channels; grey is the luma of ITU-R BT.601."""
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=2)
    luma = pixels.astype(np.float64) @ _LUMA
    if np.issubdtype(pixels.dtype, np.integer):
        luma = np.rint(luma)
    return luma.astype(pixels.dtype)[:, :, None]


def to_square(pixels: Pixels, size: int) -> Pixels:
    """Return the largest centred square of (H, W, C) pixels, resized to (size, size, C).

    Nothing is padded or stretched: what lies beyond the square is cut off. Each channel is resized
    in floating point and rounded once, by area averaging where it shrinks (every output pixel is
    the mean of the area it covers) and bilinearly where it grows.
    """
    height, width = pixels.shape[:2]
    side = min(height, width)
    if height == width == size:
        return pixels
    left, top = (width - side) / 2, (height - side) / 2
    method = Image.Resampling.BOX if side >= size else Image.Resampling.BILINEAR
    planes = [
        np.asarray(
            Image.fromarray(plane.astype(np.float32)).resize(
                (size, size), method, box=(left, top, left + side, top + side)
            )
        )
        for plane in np.moveaxis(pixels, 2, 0)
    ]
    result = np.stack(planes, axis=2)
    if np.issubdtype(pixels.dtype, np.integer):
        result = np.rint(result)  # means and blends never leave the range of what they are made of
    return result.astype(pixels.dtype)
