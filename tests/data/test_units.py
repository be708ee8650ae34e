"""Synthetic samples in other units than the real ones are refused, and those in the same are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from augmentor.core.errors import DataError
from augmentor.data.load import load
from augmentor.data.readers.units import check_units
from augmentor.modalities.foreign import read_foreign

SHARES = np.random.default_rng(0).random((30, 1, 6, 6))


def of(low: float, high: float, dtype: Any = np.float32) -> Any:
    return (low + SHARES * (high - low)).astype(dtype)


@pytest.mark.parametrize(
    ("real", "made"),
    [
        (of(0, 255), of(0, 1)),
        (of(-1, 1), of(0, 1)),
        (of(0, 1), of(-1, 1)),
        (of(0, 65000, np.uint16), of(0, 255, np.uint16)),
        (of(0, 255, np.uint8), of(0, 1.99, np.uint8)),
        (of(0, 4095, np.uint16), of(0, 65535, np.uint16)),
    ],
)
def test_other_units_are_refused(real: Any, made: Any) -> None:
    with pytest.raises(DataError, match="other units"):
        check_units(made, real, "made")


@pytest.mark.parametrize(
    ("real", "made"),
    [
        (of(0, 255, np.uint8), of(20, 120, np.uint8)),
        (of(0, 65000, np.uint16), of(0, 30000, np.uint16)),
        (of(0, 1), of(0.4, 0.6)),
        (of(0, 16, np.uint8), of(0, 12, np.uint8)),
        (of(-1, 1), of(-0.5, 0.9)),
        (of(0, 300), of(0, 200)),
        (of(-3e5, 3e5), of(0, 1)),
        (of(0, 255, np.uint8), np.zeros((3, 1, 6, 6), np.uint8)),
    ],
)
def test_the_same_units_pass_however_good_the_samples_are(real: Any, made: Any) -> None:
    check_units(made, real, "made")


def test_a_folder_of_8_bits_beside_12_bits_kept_in_16_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for label in "ab":
        for root, top, dtype in (("real", 4096, np.uint16), ("made", 256, np.uint8)):
            (tmp_path / root / label).mkdir(parents=True)
            for number in range(4):
                pixels = rng.integers(0, top, (6, 6)).astype(dtype)
                Image.fromarray(pixels).save(tmp_path / root / label / f"{number}.png")
    like = load(tmp_path / "real").parts["all"]
    with pytest.raises(DataError, match=r"numbers from 0 to 65535.*real ones like numbers from 0 to 4095"):
        read_foreign(tmp_path / "made", like, layout="folder", digest="x")
