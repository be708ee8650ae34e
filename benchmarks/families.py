"""Every family on the same budget of images, on four small real sets; what each makes of them.

Each family trains on the training part of a set, cut as the table says, and its last average is measured: no
checkpoint is chosen. Everything is measured on the validation part; the test parts stay closed, as the
default family is chosen by this table. A reference classifier learns from the whole training part, uncut.

    python benchmarks/families.py [--data ../shared/data] [--only SET ...] [--family NAME ...] [--processes 2]

Finished rows lie in families.jsonl; those whose settings are still the same are not measured again.
The tables, and the sheets of samples in docs/families/, are written anew after each.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from families_tables import PICTURES, REAL, ROWS, TASKS, known, settings, variants, write
from sheet import put
from torch import Tensor
from torch.nn.functional import cross_entropy

from augmentor.core.conditions import Conditions
from augmentor.core.errors import AugmentorError
from augmentor.core.samples import Samples
from augmentor.data.load import load
from augmentor.data.spec import ImageSpec, ScarcitySpec, SeriesSpec, SplitSpec
from augmentor.data.split import split
from augmentor.metrics.diversity import diversity_ratio
from augmentor.metrics.estimate import is_number
from augmentor.metrics.fidelity import neighbourhood
from augmentor.metrics.kid import kid
from augmentor.modalities.base import Codec
from augmentor.modalities.table import modality_of
from augmentor.synthesizers.build import build
from augmentor.synthesizers.spec import read_synthesizer
from augmentor.training.classifier import embed, fit_classifier, predict
from augmentor.training.spec import TrainingSpec

HERE = Path(__file__).parent
SHOWN = 12
SMALLEST = 32
"""Rows of lower pictures are enlarged to about as many pixels."""


def parts(task: str, data: Path) -> tuple[Samples, Samples, Samples]:
    """Return the cut training part, the whole training part and the validation part."""
    found = TASKS[task]
    loaded = load(
        found.dataset,
        image=ImageSpec(),
        series=SeriesSpec(length=found.series) if found.series else SeriesSpec(),
        data=data / found.folder if found.folder else None,
    )
    cut = split(loaded, split=SplitSpec(), scarcity=ScarcitySpec(per_class=found.scarcity))
    whole = split(loaded, split=SplitSpec(), scarcity=ScarcitySpec())
    return cut.train, whole.train, whole.validation


class Classifier:
    """A classifier of batches that hold every class alike."""

    def __init__(self, train: Samples, codec: Codec, updates: int) -> None:
        self.codec = codec
        x, y = torch.from_numpy(codec.encode(train.x)), torch.from_numpy(train.y)
        rows = [torch.nonzero(y == label).flatten() for label in range(train.n_classes)]

        def draw(step: int) -> tuple[Tensor, Tensor]:
            rng = torch.Generator().manual_seed(step)
            labels = torch.randint(len(rows), (64,), generator=rng)
            places = torch.rand(64, generator=rng)
            pairs = zip(labels.tolist(), places.tolist(), strict=True)
            picked = torch.stack([rows[label][int(place * len(rows[label]))] for label, place in pairs])
            return x[picked], labels

        self.model = fit_classifier(
            draw,
            shape=codec.shape,
            n_classes=train.n_classes,
            updates=updates,
            seed=1,
            loss=cross_entropy,
        )

    def encoded(self, samples: Samples) -> Tensor:
        """Return the samples in the networks' range."""
        return torch.from_numpy(self.codec.encode(samples.x))

    def accuracy(self, samples: Samples) -> float:
        """Return the share of right labels, averaged over classes."""
        right = predict(self.model, self.encoded(samples)).argmax(1) == samples.y
        return float(np.mean([right[samples.y == label].mean() for label in np.unique(samples.y)]))

    def features(self, samples: Samples) -> np.ndarray[Any, Any]:
        """Return the features (N, D)."""
        return embed(self.model, self.encoded(samples)).astype(np.float64)


def measured(made: Samples, reference: Classifier, real: Samples, updates: int) -> dict[str, float | None]:
    """Return the numbers of a table's row for samples, against real ones of the validation part."""
    fake_features, real_features = reference.features(made), reference.features(real)
    found: dict[str, list[float]] = {"coverage": [], "density": [], "diversity": []}
    for label in range(real.n_classes):
        ours, theirs = made.y == label, real.y == label
        near = neighbourhood(real_features[theirs], fake_features[ours])
        ratio = diversity_ratio(flat(real.take(theirs)), flat(made.take(ours)))
        for key, value in (("coverage", near.coverage), ("density", near.density), ("diversity", ratio)):
            if is_number(value):
                found[key].append(float(value))
    distance = kid(real_features, fake_features).value
    learnt = Classifier(made, reference.codec, updates)
    return {
        "label_fidelity": reference.accuracy(made),
        "synthetic_only": learnt.accuracy(real),
        "coverage": float(np.mean(found["coverage"])) if found["coverage"] else None,
        "density": float(np.mean(found["density"])) if found["density"] else None,
        "diversity": float(np.mean(found["diversity"])) if found["diversity"] else None,
        "lowest_diversity": min(found["diversity"], default=None),
        "kid_task": float(distance) if is_number(distance) else None,
    }


def flat(samples: Samples) -> np.ndarray[Any, Any]:
    """Return the values (N, D)."""
    return samples.array.reshape(len(samples), -1).astype(np.float64)


def work(task: str, name: str, data: Path) -> dict[str, Any]:
    """Train one family on one set, sample as many of each class as the largest has, and measure."""
    torch.set_num_threads(1)
    found = TASKS[task]
    train, whole, real = parts(task, data)
    codec = modality_of(whole).fit_codec(whole)
    reference = Classifier(whole, codec, found.updates)
    if name == REAL:
        row(task, name, train)
        return {**measured(train, reference, real, found.updates), "training": dict(train.counts)}
    synthesizer = build(
        read_synthesizer(variants(task)[name], name),
        TrainingSpec(images=found.images, batch=found.batch),
    )
    begin = time.process_time()
    synthesizer.fit(train, seed=0)
    seconds = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    each = max(train.counts.values())
    labels = np.repeat(np.arange(train.n_classes), each).astype(np.int64)
    made = synthesizer.sample(Conditions(labels), seed=1)
    row(task, name, made)
    return {
        **measured(made, reference, real, found.updates),
        "seconds": seconds,
        "images_per_second": found.images / seconds,
        "peak_mib": peak,
    }


def row(task: str, name: str, samples: Samples) -> None:
    """Put the first samples of every class, as many of each, into the set's sheet as one row."""
    each = max(1, SHOWN // samples.n_classes)
    index = [
        place for label in range(samples.n_classes) for place in np.flatnonzero(samples.y == label)[:each]
    ]
    tiles = modality_of(samples).preview(samples).paint(samples.array[np.asarray(index)])
    tiles = np.pad(tiles, ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=255)
    strip = np.concatenate(list(tiles), axis=1)
    # Tiny images would be too small to see on a page.
    larger = max(1, SMALLEST // strip.shape[0])
    strip = strip.repeat(larger, axis=0).repeat(larger, axis=1)
    put(PICTURES / f"{task}.png", name, strip, (REAL, *variants(task)))


def one(task: str, name: str, data: Path) -> None:
    """Measure one row and keep it, failures included."""
    try:
        values: dict[str, Any] = work(task, name, data)
    except AugmentorError as error:
        values = {"failed": str(error)}
    ROWS.put(task, name, settings=settings(task, name), values=values)


def launch(pair: tuple[str, str], data: Path) -> None:
    """Measure one row in a process of its own: its peak memory is then its own."""
    task, name = pair
    print(f"{task}: {name} ...", flush=True)
    subprocess.run([sys.executable, __file__, "--one", task, name, "--data", str(data)], check=True)
    write()


def main() -> None:
    """Measure what is missing and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--only", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--family", nargs="*")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        task, name = arguments.one
        one(task, name, arguments.data)
        return
    todo = [
        (task, name)
        for task in arguments.only
        for name in (REAL, *variants(task))
        if (not arguments.family or name in arguments.family) and known(task, name) is None
    ]
    with ThreadPoolExecutor(arguments.processes) as pool:
        for _ in pool.map(partial(launch, data=arguments.data), todo):
            pass
    write()
    print((HERE / "families.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
