"""How many real images of the rare classes is synthesis worth?

For every set: the test score of the best way without synthetic data (of balanced sampling, class weights,
mixup and CutMix, all with classical augmentation; chosen on the validation part) over the number of real
rare images, and beside it what the recommended training of `benchmarks/gain.py final` reached at its
scarcities. Where a number is one of these, the point is their baseline; else it is three classifiers on the
same cut. Read off sideways, on the line through the points without synthesis over the logarithm of the
number, is how many real images would have done as well.

    python benchmarks/learning_curve.py [--set NAME ...]

Points whose settings are still the same are not worked again. Writes learning_curve.md and
docs/learning_curve.png.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import torch
from gain import FINAL_CUT
from gain_scenarios import HERE, ROWS, SCENARIOS, Scenario, folder_of, recipe_of
from gain_tables import Row, read
from quick_arms import evidence

from augmentor.core.files import write_text
from augmentor.core.progress import Silent
from augmentor.core.seeds import derive_seed
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.arms import arms_of
from augmentor.experiment.fit import read_fit
from augmentor.experiment.runner import Runner
from augmentor.experiment.values import Workers
from augmentor.run.context import RunContext
from augmentor.run.recipe import Recipe
from augmentor.run.step import run_step
from augmentor.run.steps.load import LOAD
from augmentor.store.cache import StepCache

mpl.use("Agg")

PICTURE = HERE.parent / "docs" / "learning_curve.png"
ARMS = arms_of(("classical", "class_weighted", "mixup", "cutmix"))
SEEDS = 3


@dataclass(frozen=True)
class Curve:
    """One set: the counts of its curve, and its scenarios by their count.

    Attributes:
        scarce: classes whose images are counted.
        counts: of each of them, for the points without synthesis.
        scenarios: name of the scenario at a count.
        title: for the picture.
    """

    scarce: tuple[str, ...]
    counts: tuple[int, ...]
    scenarios: Mapping[int, str]
    title: str


CURVES = {
    "digits": Curve(
        ("1", "3", "5", "7", "9"),
        (8, 12, 16, 24, 30, 45, 60),
        {8: "digits severe", 16: "digits middle", 30: "digits mild"},
        "digits, odd classes",
    ),
    "chest": Curve(
        ("normal",),
        (15, 30, 60, 150, 300, 540),
        {15: "chest severe", 60: "chest middle", 150: "chest mild"},
        "chest X-rays, normal",
    ),
    "cells": Curve(
        ("WBC", "Platelets"),
        (10, 20, 30, 60, 100, 200),
        {10: "cells severe", 30: "cells middle", 100: "cells mild"},
        "blood cells, WBC and platelets",
    ),
}


def at(name: str, count: int) -> Scenario:
    """Return the set's scenario with so many images of each scarce class."""
    curve = CURVES[name]
    base = SCENARIOS[next(iter(curve.scenarios.values()))]
    return replace(base, counts={**base.counts, **dict.fromkeys(curve.scarce, count)})


def recipe_at(name: str, count: int, data: Path) -> Recipe:
    """Return the recipe of a point, on the cut of the final table."""
    return recipe_of(at(name, count), data, (f"scarcity.seed={FINAL_CUT}",))


def settings(name: str, count: int, data: Path) -> dict[str, Any]:
    """Return everything that decides a point."""
    recipe = recipe_at(name, count, data)
    asked = recipe.model_dump(mode="json", include={"dataset", "image", "split", "scarcity", "evaluation"})
    return {**asked, "arms": list(ARMS), "seeds": SEEDS}


def one(name: str, count: int, data: Path, cache: Path) -> None:
    """Fit the ways without synthetic data at one count and keep the point."""
    torch.set_num_threads(1)
    context = RunContext(recipe_at(name, count, data), StepCache(cache), "cpu", Silent())
    run_step(LOAD, context)
    parts = context.completed.parts
    nobody = parts["train"].take(np.zeros(0, np.int64))
    provenance = pd.DataFrame({"synthesizer": [], "seed": []})
    empty = SyntheticSet(nobody, provenance, np.zeros(0, np.bool_), np.zeros(0, np.str_))
    held = {split: parts[split] for split in ("validation", "test")}
    runner = Runner(
        parts["train"], empty, held, context.evaluation.model_copy(update={"seeds": SEEDS}),
        seed=derive_seed(0, "curve"), workers=Workers(cache / folder_of("curve", name, str(count)), 1),
    )  # fmt: skip
    means: dict[str, dict[str, float]] = {}
    for split, samples in held.items():
        found = {}
        for arm in ARMS:
            jobs = [runner.job(ARMS[arm], None, seed) for seed in range(SEEDS)]
            runner.run(jobs)
            stored = [read_fit(job, split) for job in jobs]
            found[arm] = np.stack([p for p in stored if p is not None])
        means[split] = evidence(found, samples.y, "balanced_accuracy").means
    runner.clean()
    best = max(means["validation"], key=means["validation"].__getitem__)
    ROWS.put(
        "curve",
        name,
        str(count),
        settings=settings(name, count, data),
        values={"best": best, **means},
    )


def points(name: str) -> tuple[list[int], list[float]]:
    """Return counts and test scores without synthesis, as far as they are there.

    Where a count is that of a scenario, the score is its baseline's in the final table.
    """
    found: dict[int, float] = {}
    for count in CURVES[name].counts:
        held = reached(name, count)
        if held is not None:
            found[count] = held[0]
            continue
        row = ROWS.get("curve", name, str(count))
        if row is not None:
            found[count] = row["test"][row["best"]]
    return list(found), list(found.values())


def worth(counts: list[int], scores: list[float], score: float) -> str:
    """Return how many real images reach ``score`` on the line through the points."""
    # A point below an earlier one is noise of the test part: the curve never falls.
    rising = np.maximum.accumulate(scores)
    if score < rising[0]:
        return f"fewer than {counts[0]}"
    if score > rising[-1]:
        return f"more than {counts[-1]}"
    place_of = int(np.searchsorted(rising, score))
    if place_of == 0 or rising[place_of] == score:
        return str(counts[place_of])
    low, high = rising[place_of - 1], rising[place_of]
    share = (score - low) / (high - low)
    ends = np.log([counts[place_of - 1], counts[place_of]])
    return f"{np.exp(ends[0] + share * (ends[1] - ends[0])):.0f}"


def reached(name: str, count: int) -> tuple[float, float, float, float, float] | None:
    """Return the baseline's score, the recommended training's gain with its interval, and the arm's score.

    From the final table; None where the count has no scenario or no row there.
    """
    scenario = CURVES[name].scenarios.get(count)
    runs = read("final", scenario, ("0", "1", "2", "3", "4")) if scenario else []
    if not runs:
        return None
    row = Row(runs)
    gain, low, high, _ = row.gain(recommended=True)
    return row.score("baseline"), gain, low, high, row.score("arm")


def draw(names: list[str]) -> None:
    """Write the picture: one panel a set."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(names), figsize=(3.6 * len(names), 3.2), squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        counts, scores = points(name)
        axis.plot(counts, [100 * s for s in scores], "o-", color="#66717d", label="best without synthesis")
        for count in CURVES[name].scenarios:
            found = reached(name, count)
            if found is None:
                continue
            score, gain, low, high, arm = found
            score += gain
            first = count == min(CURVES[name].scenarios)
            axis.plot(
                [count], [100 * arm], "D", color="#b4530a", fillstyle="none", markersize=8,
                label="with synthesis, whatever the advice" if first else None,
            )  # fmt: skip
            axis.errorbar(
                [count], [100 * score], [[100 * (gain - low)], [100 * (high - gain)]],
                fmt="D", color="#0a63b0", capsize=3,
                label="with synthesis, as recommended" if first else None,
            )  # fmt: skip
        axis.set(xscale="log", title=CURVES[name].title, xlabel="real images of each scarce class")
        axis.set_xticks(counts, [str(n) for n in counts], minor=False)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("balanced accuracy on the test part, %")
    axes[0][0].legend(fontsize=7, loc="lower right")
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


def write() -> None:
    """Write the table and the picture from the points that are there."""
    lines = [
        "# What synthesis is worth in real images",
        "",
        "Made by `python benchmarks/learning_curve.py`, which says what was done; picture in",
        "docs/learning_curve.png. *Worth*: how many real images of each scarce class reach the same score",
        "without synthesis, on the curve below. Intervals of the gain are in gain.md. Points at the counts",
        "of a scenario may be the critic's untrained network; those between them are the small classifier's",
        "alone, so the curve is a little low there.",
        "",
        "| set | real images of each scarce class | without, % | with, as recommended, % | worth "
        "| with, whatever the advice, % | worth |",
        "|---|---|---|---|---|---|---|",
    ]
    names = [name for name in CURVES if points(name)[0]]
    for name in names:
        counts, scores = points(name)
        for n in CURVES[name].scenarios:
            found = reached(name, n)
            if found is None:
                continue
            before, gain, arm = found[0], found[1], found[4]
            lines.append(
                f"| {name} | {n} | {100 * before:.1f} | {100 * (before + gain):.1f} | "
                f"{worth(counts, scores, before + gain) if gain else n} | {100 * arm:.1f} | "
                f"{worth(counts, scores, arm)} |"
            )
    lines += ["", "Without synthesis, % by number of real images:", ""]
    for name in names:
        counts, scores = points(name)
        curve = ", ".join(f"{n}: {100 * score:.1f}" for n, score in zip(counts, scores, strict=True))
        lines.append(f"- {CURVES[name].title}: {curve}")
    write_text(HERE / "learning_curve.md", "\n".join(lines) + "\n")
    if names:
        draw(names)


def main() -> None:
    """Work the points that are missing and write table and picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", nargs="*", default=list(CURVES), choices=list(CURVES))
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=Path("runs") / ".cache")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        one(asked.one[0], int(asked.one[1]), asked.data, asked.cache)
        return
    todo = [
        (name, count)
        for name in asked.set
        for count in CURVES[name].counts
        if count not in CURVES[name].scenarios
        and ROWS.known("curve", name, str(count), settings=settings(name, count, asked.data)) is None
    ]

    def launch(pair: tuple[str, int]) -> None:
        name, count = pair
        print(f"{name}: {count}", flush=True)
        command = [sys.executable, __file__, "--one", name, str(count)]
        subprocess.run([*command, "--data", str(asked.data), "--cache", str(asked.cache)], check=True)

    with ThreadPoolExecutor(asked.processes) as pool:
        for _ in pool.map(launch, todo):
            pass
    write()


if __name__ == "__main__":
    main()
