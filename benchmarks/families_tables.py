"""What benchmarks/families.py measures on what budget, the results it has so far, and their tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rows import Rows

from augmentor.core.files import write_text
from augmentor.synthesizers.families import FAMILIES
from augmentor.synthesizers.spec import read_synthesizer
from augmentor.training.spec import TrainingSpec

HERE = Path(__file__).parent
ROWS = Rows(HERE / "families.jsonl", ("task", "name"))
REAL = "(real)"
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
    asked = read_synthesizer(fields, name) if fields else None
    spec = asked.model_dump(mode="json") if asked else None
    budget = TrainingSpec(images=found.images, batch=found.batch)
    tuned = budget.tuned(asked.preset.training) if asked else None
    return {
        "task": found.__dict__,
        "spec": spec,
        "training": tuned.model_dump(mode="json") if tuned else None,
    }


def known(task: str, name: str) -> dict[str, Any] | None:
    """Return a finished row whose settings are those of today."""
    there = name == REAL or name in variants(task)
    return ROWS.known(task, name, settings=settings(task, name)) if there else None


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


PAGE = HERE.parent / "docs" / "reference" / "families.md"
PICTURES = HERE.parent / "docs" / "families"
MARKS = ("<!-- measured: begin -->", "<!-- measured: end -->")


def cell(task: str, name: str, *keys: str) -> str:
    """Return a row's numbers as they stand on the page, "-" where there are none."""
    values = known(task, name) or {}
    shown = [f"{values[key]:.2f}" for key in keys if values.get(key) is not None]
    return ", ".join(shown) if len(shown) == len(keys) else "-"


def summary() -> list[str]:
    """Return the page's table: the numbers that a choice rests on."""
    lines = [
        "| family | digits: fidelity, synthetic only | chest: synthetic only, coverage, diversity "
        "| series: synthetic only, coverage | volumes: synthetic only, coverage | chest: images/s |",
        "|---|---|---|---|---|---|",
    ]
    names = [REAL, *variants("digits"), "gan3d"]
    for name in names:
        if not any(known(task, name) for task in TASKS):
            continue
        speed = (known("pneumoniamnist", name) or {}).get("images_per_second")
        lines.append(
            f"| {name} | {cell('digits', name, 'label_fidelity', 'synthetic_only')} "
            f"| {cell('pneumoniamnist', name, 'synthetic_only', 'coverage', 'diversity')} "
            f"| {cell('indoor_movement', name, 'synthetic_only', 'coverage')} "
            f"| {cell('adrenalmnist3d', name, 'synthetic_only', 'coverage')} "
            f"| {'-' if speed is None else f'{speed:.0f}'} |"
        )
    return lines


def write() -> None:
    """Write all tables, and the page's between its marks."""
    if PAGE.is_file():
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
        _, _, after = rest.partition(MARKS[1])
        if after:
            write_text(PAGE, "\n".join([before + MARKS[0], *summary(), MARKS[1] + after]))
    head = "Every family on the same budget of images, on four small real sets; what each makes of them."
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
