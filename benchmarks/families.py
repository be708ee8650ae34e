"""Every family on the same budget of images, on four small real sets; what each makes of them.

Each family trains on the training part of a set, cut as the table says, and its last average is measured: no
checkpoint is chosen. Everything is measured on the validation part; the test parts stay closed, as the
default family is chosen by this table. A reference classifier learns from the whole training part, uncut.

    python benchmarks/families.py [--data ../shared/data] [--only SET ...] [--family NAME ...] [--processes 2]

Every result is a file in benchmarks/families/; one whose settings are still the same is not measured again.
The tables, and the rows of samples in docs/families/, are written anew after each.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from augmentor.core.errors import AugmentorError
from augmentor.core.files import sha256_json, write_json, write_text
from augmentor.core.samples import Samples
from augmentor.core.spec import parse
from augmentor.data.codecs.image import ImageCodec
from augmentor.data.load import load
from augmentor.data.spec import ImageSpec, ScarcitySpec, SeriesSpec, SplitSpec
from augmentor.data.split import split
from augmentor.job.pictures import painter
from augmentor.metrics.diversity import diversity_ratio
from augmentor.metrics.estimate import is_number
from augmentor.metrics.fidelity import neighbourhood
from augmentor.metrics.kernel import kid
from augmentor.report.png import png
from augmentor.synthesizers.build import build
from augmentor.synthesizers.spec import FAMILIES, SynthesizerSpec, TrainingSpec
from augmentor.training.classifier import embed, fit_classifier, predict

HERE = Path(__file__).parent
RESULTS = HERE / "families"
PICTURES = HERE.parent / "docs" / "families"
REAL = "(real)"
SHOWN = 12
SMALLEST = 32
"""Rows of lower pictures are enlarged to about as many pixels."""
DENSE = {"vanilla", "cgan"}


@dataclass(frozen=True)
class Task:
    """One set and its budget.

    Attributes:
        dataset: card.
        folder: below the data folder; None for a set that ships inside a package.
        images: real images shown to the critic.
        updates: of each classifier.
        scarcity: training images left of a class.
        series: length of series.
        batch: rows a step of the training.
        title: for the table.
    """

    dataset: str
    folder: str | None
    images: int
    updates: int
    title: str
    scarcity: dict[str, int]
    series: int | None = None
    batch: int = 32


TASKS = {
    "digits": Task("digits", None, 60_000, 600, "scikit-learn digits, 8 x 8, all of the training part", {}),
    "pneumoniamnist": Task(
        "pneumoniamnist",
        "pneumoniamnist",
        24_000,
        600,
        "PneumoniaMNIST, 28 x 28, cut to 60 normal and 540 pneumonia",
        {"normal": 60, "pneumonia": 540},
    ),
    "adrenalmnist3d": Task(
        "adrenalmnist3d",
        "adrenalmnist3d",
        3_200,
        300,
        "AdrenalMNIST3D, 28 x 28 x 28, cut to 200 normal and 60 hyperplasia",
        {"normal": 200, "hyperplasia": 60},
        batch=8,
    ),
    "indoor_movement": Task(
        "indoor_movement", "indoor_movement", 24_000, 600, "Indoor movement, series of 4 x 36", {}, 36
    ),
}


def variants(task: str) -> dict[str, dict[str, Any]]:
    """Return the rows of a set's table: name and synthesizer fields."""
    dimensions = {"adrenalmnist3d": 3, "indoor_movement": 1}.get(task, 2)
    names = [
        name
        for name, family in FAMILIES.items()
        if dimensions in family.dimensions and not (dimensions != 2 and name in DENSE)
    ]
    rows: dict[str, dict[str, Any]] = {name: {"family": name} for name in names}
    if dimensions == 2:
        rows["dcgan, one per class"] = {"family": "dcgan", "per_class": True}
        rows["residual, one per class"] = {"family": "residual", "per_class": True}
    return rows


def settings(task: str, name: str) -> dict[str, Any]:
    """Return everything that decides a result, as it stands in its file."""
    found = TASKS[task]
    fields = variants(task)[name] if name != REAL else {}
    spec = parse(SynthesizerSpec, fields, name).model_dump(mode="json") if fields else None
    tuned = (
        TrainingSpec(images=found.images, batch=found.batch).tuned(FAMILIES[fields["family"]].training)
        if fields
        else None
    )
    return {
        "task": found.__dict__,
        "spec": spec,
        "training": tuned.model_dump(mode="json") if tuned else None,
    }


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

    def __init__(self, train: Samples, codec: ImageCodec, updates: int) -> None:
        self.codec = codec
        x, y = torch.from_numpy(codec.encode(train.array)), torch.from_numpy(train.y)
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
            shape=train.shape,
            n_classes=train.n_classes,
            updates=updates,
            seed=1,
            loss=cross_entropy,
        )

    def encoded(self, samples: Samples) -> Tensor:
        """Return the samples in the networks' range."""
        return torch.from_numpy(self.codec.encode(samples.array))

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
    codec = ImageCodec.fit(whole)
    reference = Classifier(whole, codec, found.updates)
    if name == REAL:
        row(task, name, train)
        return {**measured(train, reference, real, found.updates), "training": dict(train.counts)}
    synthesizer = build(
        parse(SynthesizerSpec, variants(task)[name], name),
        TrainingSpec(images=found.images, batch=found.batch),
    )
    begin = time.process_time()
    synthesizer.fit(train, seed=0)
    seconds = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    each = max(train.counts.values())
    labels = np.repeat(np.arange(train.n_classes), each).astype(np.int64)
    made = synthesizer.sample(labels, seed=1)
    row(task, name, made)
    return {
        **measured(made, reference, real, found.updates),
        "seconds": seconds,
        "images_per_second": found.images / seconds,
        "peak_mib": peak,
    }


def row(task: str, name: str, samples: Samples) -> None:
    """Write the first samples of every class, as many of each, as one row of pictures."""
    each = max(1, SHOWN // samples.n_classes)
    index = [
        place for label in range(samples.n_classes) for place in np.flatnonzero(samples.y == label)[:each]
    ]
    tiles = painter(samples)(samples.array[np.asarray(index)])
    tiles = np.pad(tiles, ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=255)
    PICTURES.mkdir(parents=True, exist_ok=True)
    strip = np.concatenate(list(tiles), axis=1)
    # Tiny images would be too small to see on a page.
    larger = max(1, SMALLEST // strip.shape[0])
    strip = strip.repeat(larger, axis=0).repeat(larger, axis=1)
    (PICTURES / f"{task}-{file_name(name)}.png").write_bytes(png(strip))


def file_name(name: str) -> str:
    """Return a row's name as a file's."""
    return "".join(letter if letter.isalnum() or letter == "-" else "_" for letter in name).strip("_")


def one(task: str, name: str, data: Path) -> None:
    """Measure one row and write its file, failures included."""
    key = sha256_json(settings(task, name))
    try:
        values: dict[str, Any] = work(task, name, data)
    except AugmentorError as error:
        values = {"failed": str(error)}
    write_json(RESULTS / task / f"{file_name(name)}.json", {"key": key, "name": name, **values})


def known(task: str, name: str) -> dict[str, Any] | None:
    """Return a finished row whose settings are those of today."""
    path = RESULTS / task / f"{file_name(name)}.json"
    if not path.is_file():
        return None
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values if values["key"] == sha256_json(settings(task, name)) else None


COLUMNS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("label fidelity", "label_fidelity", "{:.3f}".format),
    ("synthetic only", "synthetic_only", "{:.3f}".format),
    ("coverage", "coverage", "{:.2f}".format),
    ("density", "density", "{:.2f}".format),
    ("diversity", "diversity", "{:.2f}".format),
    ("lowest", "lowest_diversity", "{:.2f}".format),
    ("KID x 1000", "kid_task", lambda value: f"{1000 * value:.1f}"),
    ("images/s", "images_per_second", "{:.0f}".format),
    ("seconds", "seconds", "{:.0f}".format),
    ("peak MiB", "peak_mib", "{:.0f}".format),
)


def table(task: str) -> list[str]:
    """Return the lines of a set's table."""
    found = TASKS[task]
    lines = [
        f"## {found.title}",
        "",
        f"Budget: {found.images:,} images shown in batches of {found.batch}; "
        f"classifiers have {found.updates} updates.",
        "",
        "| family | images shown | " + " | ".join(title for title, _, _ in COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 2) + "|",
    ]
    for name in (REAL, *variants(task)):
        values = known(task, name)
        if values is None:
            continue
        if "failed" in values:
            lines.append(
                f"| {name} | {found.images:,} | failed: {values['failed']} |" + " |" * (len(COLUMNS) - 1)
            )
            continue
        cells = [show(values[key]) if values.get(key) is not None else "-" for _, key, show in COLUMNS]
        lines.append(
            f"| {name} | {'-' if name == REAL else f'{found.images:,}'} | " + " | ".join(cells) + " |"
        )
    return [*lines, ""]


PAGE = HERE.parent / "docs" / "families.md"
MARKS = ("<!-- measured: begin -->", "<!-- measured: end -->")


def cell(task: str, name: str, *keys: str) -> str:
    """Return a row's numbers as they stand on the page, "-" where there are none."""
    values = known(task, name) or {}
    shown = [f"{values[key]:.2f}" for key in keys if values.get(key) is not None]
    return ", ".join(shown) if len(shown) == len(keys) else "-"


def summary() -> list[str]:
    """Return the page's table: the numbers that a choice rests on, and a row of samples of each."""
    lines = [
        "| family | digits: fidelity, synthetic only | chest: synthetic only, coverage, diversity "
        "| series: synthetic only, coverage | volumes: synthetic only, coverage | chest: images/s "
        "| samples |",
        "|---|---|---|---|---|---|---|",
    ]
    names = [REAL, *variants("digits"), "gan3d"]
    for name in names:
        speed = (known("pneumoniamnist", name) or {}).get("images_per_second")
        pictures = [
            f"![{name}, {task}](families/{task}-{file_name(name)}.png)"
            for task in ("digits", "pneumoniamnist", "adrenalmnist3d")
            if known(task, name) is not None and (task != "adrenalmnist3d" or name == "gan3d")
        ]
        lines.append(
            f"| {name} | {cell('digits', name, 'label_fidelity', 'synthetic_only')} "
            f"| {cell('pneumoniamnist', name, 'synthetic_only', 'coverage', 'diversity')} "
            f"| {cell('indoor_movement', name, 'synthetic_only', 'coverage')} "
            f"| {cell('adrenalmnist3d', name, 'synthetic_only', 'coverage')} "
            f"| {'-' if speed is None else f'{speed:.0f}'} | {'<br>'.join(pictures)} |"
        )
    return lines


def write() -> None:
    """Write all tables, and the page's between its marks."""
    if PAGE.is_file():
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
        _, _, after = rest.partition(MARKS[1])
        if after:
            write_text(PAGE, "\n".join([before + MARKS[0], *summary(), MARKS[1] + after]))
    head = (__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    lines = [
        "# Families",
        "",
        head,
        "",
        "Seconds and images per second are processor time of one thread. Label fidelity: accuracy of the "
        "reference classifier on the samples. Synthetic only: balanced accuracy on real validation images of "
        "a classifier that learnt from samples alone. Coverage, density, KID: against the validation part in "
        "the reference classifier's features. Diversity: mean distance within a class over that of real "
        "validation images; "
        f"lowest: that of the least varied class. {REAL}: the (cut) training part in the samples' place. "
        "Made by `python benchmarks/families.py`.",
        "",
    ]
    for task in TASKS:
        lines += table(task)
    write_text(HERE / "families.md", "\n".join(lines))


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
