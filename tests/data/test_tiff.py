from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from augmentor.core.kinds import IMAGE, VOLUME
from augmentor.data.readers.scan import Scan, UnreadableScan
from augmentor.data.readers.scan_formats import read_scan

PAGES = np.random.default_rng(0).integers(0, 65536, (4, 5, 6), dtype=np.uint16)
OME = '<OME><Image><Pixels SizeX="6" SizeY="5" SizeZ="{}" SizeC="{}" SizeT="1"/></Image></OME>'


def pages(x: np.ndarray, description: str = "", kind: str = "TIFF") -> bytes:
    first, *others = map(Image.fromarray, x)
    out = io.BytesIO()
    options = {"description": description} if description else {}
    first.save(out, kind, save_all=True, append_images=others, **options)
    return out.getvalue()


def read(data: bytes, stack: str) -> list[Scan]:
    return read_scan(data, "a.tif", stack=stack)  # type: ignore[arg-type]


def test_pages_are_a_volume_frames_or_the_first_as_it_is_asked() -> None:
    data = pages(PAGES)
    (whole,) = read(data, "volume")
    assert whole.kind == VOLUME
    assert np.array_equal(whole.x[0], PAGES)
    frames = read(data, "frames")
    assert [scan.kind for scan in frames] == [IMAGE] * 4
    assert np.array_equal(frames[2].x[0], PAGES[2])
    (first,) = read(data, "first")
    assert np.array_equal(first.x[0], PAGES[0])
    with pytest.raises(UnreadableScan, match=r"image.stack=channels does not fit"):
        read(data, "channels")


def test_ome_channels_are_no_depth_and_planes_elsewhere_are_missed() -> None:
    assert np.array_equal(read(pages(PAGES, OME.format(4, 1)), "volume")[0].x[0], PAGES)
    with pytest.raises(UnreadableScan, match="2 slices of 2 channels"):
        read(pages(PAGES, OME.format(2, 2)), "volume")
    assert len(read(pages(PAGES, OME.format(2, 2)), "frames")) == 4
    with pytest.raises(UnreadableScan, match="names 12 planes, and it has 4 pages"):
        read(pages(PAGES, OME.format(6, 2)), "frames")


def test_a_file_that_is_cut_between_its_pages_is_not_taken_for_a_shorter_one() -> None:
    data = pages(PAGES)
    for end in range(8, len(data) - 12, 3):  # in the last bytes lie tags that say nothing of the pixels
        with pytest.raises(UnreadableScan):
            read(data[:end], "volume")


def test_damage_in_one_page_names_the_page() -> None:
    data = bytearray(pages(PAGES))
    with pytest.raises(UnreadableScan):
        read(bytes(data[: len(data) // 2]), "frames")
    assert len(read(pages(PAGES[:1]), "volume")) == 1


def test_pages_in_colour_make_no_volume() -> None:
    colour = np.random.default_rng(0).integers(0, 256, (3, 5, 6, 3), dtype=np.uint8)
    with pytest.raises(UnreadableScan, match="make no volume"):
        read(pages(colour), "volume")
    assert np.array_equal(np.moveaxis(read(pages(colour), "frames")[1].x, 0, 2), colour[1])
