"""TIFF files of several pages, where a recipe says how pages are used; OME and ImageJ heads are heeded."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
from PIL import Image, UnidentifiedImageError

from augmentor.core.kinds import IMAGE, VOLUME
from augmentor.data.readers.pictures import (
    DESCRIPTION,
    FORMATS,
    IMAGEJ,
    MAX_PIXELS,
    Picture,
    UnreadablePicture,
    check_tiff_end,
    decode,
    decoded_page,
    imagej_images,
)
from augmentor.data.readers.scan import (
    MOST_FRAMES,
    Scan,
    ScanHead,
    Stack,
    UnreadableScan,
    check_bytes,
    one_stack,
)

WAYS: Final[tuple[Stack, ...]] = ("volume", "frames", "first")


def head_of_pages(data: bytes, stack: Stack | None) -> ScanHead:
    """Return what a picture file of one or several pages makes.

    Raises:
        UnreadableScan: if it cannot be used.
    """
    with _opened(data) as image:
        sides = (image.height, image.width)
        n = _pages(image)
        way = one_stack(stack, n, f"{n} pages", WAYS) if n > 1 else None
    if way == "volume":
        return ScanHead(VOLUME, (n, *sides))
    return ScanHead(IMAGE, sides, n if way == "frames" else 1)


def read_pages(data: bytes, stack: Stack | None) -> list[Scan]:
    """Return the pages of a TIFF file (or the pictures of a film), used as ``stack`` says.

    Raises:
        UnreadableScan: if it cannot be used.
    """
    try:
        with _opened(data) as image:
            n = _pages(image)
            if image.format == "TIFF":
                check_tiff_end(data)
            if n == 1:
                return [_scan(decode(data))]
            way = one_stack(stack, n, f"{n} pages", WAYS)
            _check_pages(image, n, way)
            pages = [_page(image, number) for number in range(1 if way == "first" else n)]
    except UnreadablePicture as error:
        raise UnreadableScan(str(error)) from error
    if way != "volume":
        return [_scan(page) for page in pages]
    if len({(page.pixels.shape, page.bits) for page in pages}) > 1 or pages[0].pixels.shape[2] != 1:
        raise UnreadableScan(
            "its pages are in colour, or differ in size or depth, and make no volume; --set "
            "image.stack=frames uses each by itself"
        )
    first = pages[0]
    return [
        Scan(
            VOLUME,
            np.stack([page.pixels[:, :, 0] for page in pages])[None],
            bounds=(0.0, float(2**first.bits - 1)),
            remarks=first.remarks,
            traits={"bits": str(first.bits)},
        )
    ]


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnreadableScan("the content is no PNG, JPEG, TIFF, BMP, WebP or GIF picture") from error
    except Exception as error:  # Pillow raises almost anything on damaged heads
        raise UnreadableScan(f"the file is damaged: {' '.join(str(error).split())[:160]}") from error
    with image:
        yield image


def _pages(image: Image.Image) -> int:
    if image.format == "MPO":  # a phone's picture, with others of the same view behind it
        return 1
    try:
        n = int(getattr(image, "n_frames", 1))
    except Exception as error:  # a damaged list of pages
        raise UnreadableScan(f"its list of pages is damaged: {' '.join(str(error).split())[:160]}") from error
    hidden = imagej_images(image)
    if hidden > n:
        raise UnreadableScan(IMAGEJ.format(n=hidden))
    if n > MOST_FRAMES:
        raise UnreadableScan(f"it has {n:,} pages, and at most {MOST_FRAMES:,} are read")
    return n


def _check_pages(image: Image.Image, n: int, way: Stack) -> None:
    """Refuse what would be misread: planes in other files, channels as depth, too much."""
    planes = ome_planes(str(getattr(image, "tag_v2", {}).get(DESCRIPTION, "")))
    if planes is not None:
        deep, channels, times = planes
        if deep * channels * times != n:
            raise UnreadableScan(
                f"its OME head names {deep * channels * times} planes, and it has {n} pages: the others "
                "lie in other files. Write it as one file"
            )
        if way == "volume" and channels * times > 1:
            raise UnreadableScan(
                f"its {n} pages are {deep} slices of {channels} channels at {times} times, and no single "
                "volume; --set image.stack=frames uses each page by itself"
            )
    if image.width * image.height > MAX_PIXELS:
        raise UnreadableScan(f"a page has more than {MAX_PIXELS:,} pixels; make it smaller first")
    check_bytes(image.width * image.height * 2 * (1 if way == "first" else n), "its pages")


def ome_planes(description: str) -> tuple[int, int, int] | None:
    """Return (slices, channels, times) of an OME head; None where it is none.

    Example:
        >>> ome_planes('<OME><Image><Pixels SizeZ="5" SizeC="2" SizeT="1"/></Image></OME>')
        (5, 2, 1)
    """
    tag = re.search(r"<(?:OME:)?Pixels\b[^>]{0,4000}", description[:200_000])
    if "<OME" not in description[:4000] or tag is None:
        return None
    sizes = [re.search(rf'\bSize{axis}="(\d{{1,6}})"', tag[0]) for axis in "ZCT"]
    values = [int(size[1]) if size else 1 for size in sizes]
    colours = re.search(r'SamplesPerPixel="([34])"', description[:200_000])
    return values[0], 1 if colours else values[1], values[2]


def _page(image: Image.Image, number: int) -> Picture:
    try:
        image.seek(number)
        return decoded_page(image)
    except UnreadablePicture as error:
        raise UnreadableScan(f"page {number + 1}: {error}") from error
    except Exception as error:  # Pillow's decoders raise almost anything on damaged bytes
        raise UnreadableScan(f"page {number + 1} is damaged: {' '.join(str(error).split())[:160]}") from error


def _scan(picture: Picture) -> Scan:
    return Scan(
        IMAGE,
        np.moveaxis(picture.pixels, 2, 0),
        bounds=(0.0, float(2**picture.bits - 1)),
        remarks=picture.remarks,
        traits={"bits": str(picture.bits)},
    )
