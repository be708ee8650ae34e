"""A tiny image folder and a recipe that runs the whole loop on it in seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augmentor.cli.app import main

TINY = """\
name: tiny
image: {size: 8}
split: {folds: 1}
training: {images: 640, batch: 16, checkpoints: 1, states: 10, judged: 8}
judge: {updates: 8, folds: 2}
filters: {label: null, outliers: null}
evaluation:
  seeds: 2
  fewest_to_choose: 1
  model: {updates: 8, batch: 16}
  augmentation: {pool_versions: 2}
  mixing: {share_seeds: 1}
execution: {processes: 1}
"""


def write_tiny_images(root: Path, counts: dict[str, int]) -> Path:
    """Write noisy grey discs and rings of 12 px, ``root/class/000.png``."""
    rng = np.random.default_rng(0)
    for name, n in counts.items():
        (root / name).mkdir(parents=True)
        for number in range(n):
            rows, columns = np.mgrid[:12, :12] - 5.5 - rng.uniform(-1, 1, (2, 1, 1))
            radius = np.hypot(rows, columns)
            shape = radius < 3.5 if name == "disc" else np.abs(radius - 3.5) < 1.2
            grey = np.clip(60 + 130 * shape + rng.normal(0, 25, shape.shape), 0, 255)
            Image.fromarray(grey.astype(np.uint8)).save(root / name / f"{number:03d}.png")
    return root


@pytest.fixture(scope="session")
def tiny_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_images(tmp_path_factory.mktemp("tiny") / "shapes", {"disc": 40, "ring": 24})


@pytest.fixture(scope="session")
def tiny_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


@dataclass
class Finished:
    """What an in-process command left: exit code and both streams."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Callable[..., Finished]:
    """Run ``augmentor ARGUMENTS`` in this process; stdout and stderr are read from descriptors."""

    def run(*arguments: str) -> Finished:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ending:
            main(list(arguments))
        captured = capfd.readouterr()
        code = ending.value.code
        assert isinstance(code, int)
        return Finished(code, captured.out, captured.err)

    return run
