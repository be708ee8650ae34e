"""A small PNG encoder, so that the same pixels give the same bytes whatever image library is installed."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png(image: npt.NDArray[np.uint8]) -> bytes:
    """Return ``image`` (H, W, 1) grey or (H, W, 3) RGB, uint8, as a PNG file (ISO/IEC 15948).

    All rows share one filter (none, sub or up), the one that compresses best.

    Raises:
        ValueError: if the array has another shape or type.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in {1, 3} or 0 in image.shape:
        raise ValueError(
            f"a PNG needs uint8 of shape (H, W, 1) or (H, W, 3), got {image.dtype} {image.shape}"
        )
    height, width, channels = image.shape
    left = np.zeros_like(image)
    left[:, 1:] = image[:, :-1]
    above = np.zeros_like(image)
    above[1:] = image[:-1]
    # uint8 arithmetic wraps modulo 256, which is what the filters ask for.
    packed = [
        _packed(kind, image - base) for kind, base in ((0, np.zeros_like(image)), (1, left), (2, above))
    ]
    head = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", min(packed, key=len)) + _chunk(b"IEND", b"")


def data_uri(image: npt.NDArray[np.uint8]) -> str:
    """Return ``image`` as the ``data:`` address of a PNG."""
    return "data:image/png;base64," + base64.b64encode(png(image)).decode("ascii")


def _packed(kind: int, filtered: npt.NDArray[np.uint8]) -> bytes:
    rows = filtered.reshape(len(filtered), -1)
    marked = np.concatenate([np.full((len(rows), 1), kind, dtype=np.uint8), rows], axis=1)
    return zlib.compress(marked.tobytes(), 9)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
