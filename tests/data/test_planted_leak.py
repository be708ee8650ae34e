"""A test picture slipped into the training folder under another name and file format."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augmentor.core.errors import DataError
from augmentor.data.inspect import inspect
from augmentor.data.load import load
from augmentor.data.spec import SplitSpec
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


@pytest.mark.parametrize("suffix", ["bmp", "tif", "png", "rgb.png", "palette.png"])
@pytest.mark.parametrize("label", ["cat", "dog"])
def test_equal_pixels_are_taken_out_of_training_and_counted(data: Path, suffix: str, label: str) -> None:
    with Image.open(data / "test" / "cat" / "3.png") as image:
        mode = {"rgb.png": "RGB", "palette.png": "P"}.get(suffix, "L")
        image.convert(mode).save(data / "train" / label / f"holiday.{suffix}")
    parts = split(load(str(data)))
    assert [(item.id, item.twin, item.part, item.reason) for item in parts.removed] == [
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
    assert "train/dog/holiday.jpg" in "\n".join(found.to_lines())
    assert any("nearly equal pairs lie in two parts" in line for line in found.warnings)


def test_a_whole_part_copied_is_no_training_data(data: Path) -> None:
    shutil.rmtree(data / "train")
    shutil.copytree(data / "test", data / "train")
    with pytest.raises(DataError, match="too small to learn and measure from"):
        split(load(str(data)))
