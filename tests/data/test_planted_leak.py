"""A test picture slipped into the training folder under another name and file format."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augmentor.core.errors import DataError
from augmentor.data.inspect import inspect
from augmentor.data.inspection_text import inspection_lines
from augmentor.data.load import load
from augmentor.data.spec import ImageSpec, SplitSpec
from augmentor.data.split import split


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Smooth pictures in train, val and test: every one a few random waves, none like another."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:24, 0:24] / 24
    for part, n in (("train", 12), ("val", 4), ("test", 6)):
        for name in ("cat", "dog"):
            (tmp_path / "data" / part / name).mkdir(parents=True)
            for number in range(n):
                waves = sum(
                    rng.normal() * np.cos(2 * np.pi * (u * rows + v * columns) + rng.uniform(0, 6.3))
                    for u in range(4)
                    for v in range(4)
                )
                pixels = np.clip(128 + 25 * waves, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(tmp_path / "data" / part / name / f"{number}.png")
    return tmp_path / "data"


def sixteen_bits(image: Image.Image) -> Image.Image:
    """The same grey levels in 16 bits: 255 becomes 65,535."""
    return Image.fromarray(np.asarray(image).astype(np.uint16) * 257)


LOSSLESS = {
    "bmp": lambda image: image,
    "tif": lambda image: image,
    "png": lambda image: image,
    "rgb.png": lambda image: image.convert("RGB"),
    "palette.png": lambda image: image.convert("P"),
    "alpha.png": lambda image: image.convert("LA"),
    "16bit.png": sixteen_bits,
    "16bit.tif": sixteen_bits,
}


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("label", ["cat", "dog"])
def test_equal_pixels_are_taken_out_of_training_and_counted(data: Path, suffix: str, label: str) -> None:
    with Image.open(data / "test" / "cat" / "3.png") as image:
        LOSSLESS[suffix](image).save(data / "train" / label / f"holiday.{suffix}")
    parts = split(load(str(data)))
    assert [(item.id, item.duplicate_of, item.part, item.reason) for item in parts.removed] == [
        (f"train/{label}/holiday.{suffix}", "test/cat/3.png", "train", "duplicate")
    ]
    assert len(parts.train) == 24
    assert "removed 1 rows of train (same pixels)" in " ".join(parts.notes)
    assert not set(parts.digests()["train"]) & set(parts.digests()["test"])
    with pytest.raises(DataError, match=r"1 rows .*holiday.* = test/cat/3.png \(duplicate\)"):
        split(load(str(data)), split=SplitSpec(duplicates="refuse"))


def test_a_lossy_copy_is_named_by_inspect(data: Path) -> None:
    before = inspect(data)
    assert before.near_across == 0
    with Image.open(data / "test" / "cat" / "3.png") as image:
        image.save(data / "train" / "dog" / "holiday.jpg", quality=90)
    found = inspect(data)
    assert (found.exact_across, found.near_across) == (0, 1)
    assert {found.near[0].first, found.near[0].second} == {"train/dog/holiday.jpg", "test/cat/3.png"}
    assert "train/dog/holiday.jpg" in "\n".join(inspection_lines(found))
    assert any("nearly equal pairs lie in two parts" in line for line in found.warnings)


CHANGED = {
    "compressed.jpg": lambda image: image,
    "twice as large.png": lambda image: image.resize((48, 48), Image.Resampling.BICUBIC),
    "brighter.png": lambda image: image.point(lambda value: min(255, round(1.05 * value))),
    "16 bits of which 8 are used.png": lambda image: Image.fromarray(np.asarray(image).astype(np.uint16)),
}
MOVED = {
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "shifted": lambda image: Image.fromarray(np.roll(np.asarray(image), 1, axis=1)),
    "cropped": lambda image: image.crop((2, 2, 22, 22)),
}


@pytest.mark.parametrize("name", [*CHANGED, *(f"{kind}.png" for kind in MOVED)])
def test_what_is_named_as_nearly_the_same_and_what_is_not_found(data: Path, name: str) -> None:
    """Changed values are named and stay in training; moved ones are not found (docs/concepts/leakage.md)."""
    change = CHANGED.get(name) or MOVED[name.removesuffix(".png")]
    with Image.open(data / "test" / "cat" / "3.png") as image:
        change(image).save(data / "train" / "dog" / name)
    size = ImageSpec(size=24)
    found = inspect(data, image=size)
    named = [{pair.first, pair.second} for pair in found.near]
    assert named == ([{f"train/dog/{name}", "test/cat/3.png"}] if name in CHANGED else [])
    assert not split(load(str(data), image=size)).removed


def test_a_whole_part_copied_is_no_training_data(data: Path) -> None:
    shutil.rmtree(data / "train")
    shutil.copytree(data / "test", data / "train")
    with pytest.raises(DataError, match="too small to learn and measure from"):
        split(load(str(data)))
