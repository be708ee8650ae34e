"""One picture file to one array: orientation, depth, colour, transparency and size."""

from __future__ import annotations

import io
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

ORIENTATION = 0x0112
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
    """

    pixels: Pixels
    height: int
    width: int
    bits: int
    remarks: tuple[str, ...] = ()


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
            deep = _is_16_bit_colour(image, data)
            pixels, remarks = _deep_colour(data) if deep else _pixels(image)
    except UnreadablePicture:
        raise
    except UnidentifiedImageError as error:
        raise UnreadablePicture("the content is no PNG, JPEG, TIFF, BMP, WebP or GIF picture") from error
    except Image.DecompressionBombError as error:
        raise UnreadablePicture(f"more than {MAX_PIXELS:,} pixels; make it smaller first") from error
    except Exception as error:  # Pillow's decoders raise almost anything on damaged bytes
        raise UnreadablePicture(f"the file is damaged: {' '.join(str(error).split())[:160]}") from error
    if pixels.shape[2] == 3 and _is_grey(pixels):
        pixels = pixels[:, :, :1]
    height, width = pixels.shape[:2]
    return Picture(pixels, height, width, 8 * pixels.dtype.itemsize, remarks)


def head_size(file: IO[bytes]) -> tuple[int, int] | None:
    """Return (height, width) as the file's head says, without decoding; None where it has no such head."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            turned = image.getexif().get(ORIENTATION, 1) in range(5, 9)
            return (image.width, image.height) if turned else (image.height, image.width)
    except Exception:  # whatever is wrong with it is reported when it is decoded
        return None


def _check_head(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadablePicture(
            f"{image.width} x {image.height} is more than {MAX_PIXELS:,} pixels; make it smaller first"
        )
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise UnreadablePicture(
            f"it is a stack or film of {frames} pictures; write each as a file of its own"
        )


def _pixels(image: Image.Image) -> tuple[Pixels, tuple[str, ...]]:
    remarks: list[str] = []
    if image.format == "MPO":
        remarks.append("the first picture of a phone's several (MPO) was taken")
    if image.getexif().get(ORIENTATION, 1) in range(2, 9):
        image = ImageOps.exif_transpose(image)
        remarks.append("turned as its EXIF orientation says")
    if image.mode.startswith("I"):
        return _whole_numbers(np.asarray(image)), tuple(remarks)
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
        return data[24] == 16 and image.mode not in {"I", "I;16", "I;16B"}
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return False
    bits = tags.get(258, (1,))
    return max(bits if isinstance(bits, tuple) else (bits,)) == 16 and not image.mode.startswith("I")


def _deep_colour(data: bytes) -> tuple[Pixels, tuple[str, ...]]:
    import cv2  # the one reader here that keeps 16 bits of colour; slow to import, rarely needed

    values = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.ndim not in {2, 3}:
        raise UnreadablePicture("its 16-bit colours cannot be decoded; write it as 8-bit, or as 16-bit grey")
    if values.ndim == 2:
        return values[:, :, None], ()
    remarks: tuple[str, ...] = ()
    if values.shape[2] == 4:
        alpha = values[:, :, 3:].astype(np.float64) / 65535
        if not (alpha == 1).all():
            remarks = ("transparency was laid over black",)
        values = np.rint(values[:, :, :3] * alpha).astype(np.uint16)
    return np.ascontiguousarray(values[:, :, ::-1]), remarks


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
