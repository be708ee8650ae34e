"""Pictures and folders for the tests of the data room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def shared() -> Callable[[str], Path]:
    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"the real dataset {name} is not on this machine")
        return path

    return find


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Write random pictures: counts by path, e.g. {"train/a": 5}."""

    def make(counts: dict[str, int], *, size: tuple[int, int] = (12, 12), root: str = "data") -> Path:
        rng = np.random.default_rng(0)
        folder = tmp_path / root
        folder.mkdir(parents=True, exist_ok=True)
        for place, n in counts.items():
            (folder / place).mkdir(parents=True)
            for number in range(n):
                pixels = rng.integers(0, 256, size, dtype=np.uint8)
                Image.fromarray(pixels).save(folder / place / f"p{number:02d}.png")
        return folder

    return make


@pytest.fixture
def make_samples() -> Callable[..., Samples]:
    def make(y: Any, *, x: Any = None, group: Any = None, prefix: str = "r", seed: int = 0) -> Samples:
        y = np.asarray(y, dtype=np.int64)
        if x is None:
            x = np.random.default_rng(seed).integers(0, 256, (len(y), 1, 6, 6), dtype=np.uint8)
        return Samples(
            x=x,
            y=y,
            classes=("a", "b", "c")[: max(2, int(y.max(initial=1)) + 1)],
            ids=np.array([f"{prefix}{row}" for row in range(len(y))], dtype=np.str_),
            group=None if group is None else np.asarray(group, dtype=np.str_),
            value_range=(0, 255),
            kind=IMAGE,
        )

    return make
