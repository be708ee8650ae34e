"""Small but real trainings: two classes of noise, and a listener that can end them."""

from __future__ import annotations

import numpy as np
import pytest
from method_fields import spec_of

from augmentor.core.kinds import IMAGE, SERIES, VOLUME
from augmentor.core.samples import Samples
from augmentor.core.score import CheckpointScore
from augmentor.synthesizers.build import build
from augmentor.training import loop
from augmentor.training.spec import TrainingSpec


def make_blobs(shape=(1, 4, 4), *, dtype=np.uint8, n=24, seed=0):
    """Two classes of noise: one dark, one bright."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    level = 60 + 130 * y.reshape(-1, *[1] * len(shape))
    return Samples(
        x=np.clip(rng.normal(level, 25, (n, *shape)), 0, 255).astype(dtype),
        y=y.astype(np.int64),
        classes=("dark", "bright"),
        ids=np.array([f"r{i}" for i in range(n)]),
        value_range=(0, 255),
        kind={1: SERIES, 2: IMAGE, 3: VOLUME}[len(shape) - 1],
    )


def make_training(**changes):
    fields = {"images": 40 * 8, "batch": 8, "checkpoints": 3, "judged": 4, "states": 10}
    return TrainingSpec(**fields | changes)


def make_gan(spec=None, **changes):
    fields = {"width": 8, "latent": 8} | (spec or {})
    if fields.get("family") in {"flow", "translation", "stargan", "cyclegan"}:
        del fields["latent"]
    if fields.get("family") == "flow":
        fields = {"steps": 2} | fields
    if fields.get("family") == "translation":
        fields = {"steps": 2, "attempts": 2} | fields
    return build(spec_of(**fields), make_training(**changes))


def rising(samples):
    """A judge whose scores follow the brightness of the samples: no constant."""
    level = float(np.mean(samples.array.astype(np.float64))) / 255
    return CheckpointScore(level, 0.5, {"dark": 0.4, "bright": level})


class Listener:
    """Remembers what it hears; ends the training at so many images, or updates, as Ctrl-C would."""

    def __init__(self, stop_at=None, stop_after=None):
        self.stop_at, self.stop_after = stop_at, stop_after
        self.lines, self.updates = [], []

    def start(self, stage, total):
        self.stage, self.total = stage, total

    def update(self, stage, done, info=None):
        self.updates.append((done, dict(info)))
        if self.stop_at is not None and done >= self.stop_at:
            raise KeyboardInterrupt
        if self.stop_after is not None and len(self.updates) >= self.stop_after:
            raise KeyboardInterrupt

    def finish(self, stage):
        self.finished = stage

    def log(self, message):
        self.lines.append(message)


@pytest.fixture(scope="session")
def blobs():
    return make_blobs


@pytest.fixture(scope="session")
def training():
    return make_training


@pytest.fixture(scope="session")
def gan():
    return make_gan


@pytest.fixture(scope="session")
def rising_judge():
    return rising


@pytest.fixture
def listener(monkeypatch):
    """The class of listeners; every step is heard."""
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)
    return Listener
