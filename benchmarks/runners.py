"""Time of one recipe's classifier fits under each runner, and whether the results are the same bytes.

Run ``python benchmarks/runners.py``; it needs the extras [dask] and [ray], starts a Prefect server of its
own, makes a small dataset in a temporary folder, works every step but the evaluation once, and then the
evaluation by each runner. It prints a table and writes runners.md beside itself.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from augmentor.tasks.quiet import settle

settle()

RECIPE = """\
name: runners
image: {size: 16}
training: {images: 1600, batch: 16, checkpoints: 1, states: 1, judged: 8}
judge: {updates: 40, folds: 2}
filters: {label: null, outliers: null}
evaluation:
  seeds: %(seeds)d
  model: {updates: %(updates)d}
  augmentation: {pool_versions: 4}
  mixing: {shares: [0.5]}
"""
RUNNERS = ("processes", "dask", "ray")


def write_images(root: Path) -> None:
    """Write discs and rings of 16 pixels with noise."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:16, :16] - 7.5
    for name, count in (("disc", 120), ("ring", 60)):
        (root / name).mkdir(parents=True)
        for number in range(count):
            radius = np.hypot(rows - rng.uniform(-2, 2), columns - rng.uniform(-2, 2))
            shape = radius < 4.5 if name == "disc" else np.abs(radius - 4.5) < 1.3
            grey = np.clip(60 + 120 * shape + rng.normal(0, 40, shape.shape), 0, 255)
            Image.fromarray(grey.astype(np.uint8)).save(root / name / f"{number:03d}.png")


def digest(folder: Path, name: str) -> str:
    """Return the first digits of a file's SHA-256."""
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()[:12]


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--updates", type=int, default=100)
    asked = parser.parse_args()

    from prefect.testing.utilities import prefect_test_harness

    from augmentor.run.compose.expand import expansion
    from augmentor.run.publish import step_seconds
    from augmentor.run.recipe import load_recipe
    from augmentor.run.session import Job, begin
    from augmentor.run.step import run_steps
    from augmentor.tasks.expand import run_with_prefect

    lines = [
        "# Runners",
        "",
        "The evaluation of one recipe by each value of execution.runner, workers started on this machine, a "
        "Prefect server beside them; seconds of the step evaluate, workers' start included. Of both files "
        f"the first digits of the SHA-256 are shown. {len(os.sched_getaffinity(0))} cores, "
        f"{platform.machine()}; load average at the start {os.getloadavg()[0]:.1f}.",
        "",
        "| runner | fits | seconds | results.parquet | predictions.npz |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as place, prefect_test_harness(server_startup_timeout=180):
        root = Path(place)
        write_images(root / "data")
        recipe = root / "runners.yaml"
        recipe.write_text(RECIPE % vars(asked), encoding="utf-8")
        base = load_recipe(str(recipe), data=root / "data")
        session = begin(Job(base, root / "out"), expansion(base))
        run_steps(session.plan.steps[:-1], session.context)
        for runner in RUNNERS:
            shutil.rmtree(root / "out" / ".cache" / "evaluate", ignore_errors=True)
            chosen = load_recipe(str(recipe), [f"execution.runner={runner}"], data=root / "data")
            begun = time.perf_counter()
            outcome = run_with_prefect(Job(chosen, root / "out"))
            (kept,) = (root / "out" / ".cache" / "evaluate").glob("*/done.json")
            fits = len(chosen.evaluation.arms) * chosen.evaluation.seeds
            seconds = step_seconds(kept.parent)
            names = ("results.parquet", "predictions.npz")
            found = " | ".join(digest(outcome.folder, name) for name in names)
            lines.append(f"| {runner} | {fits} | {seconds:.0f} | {found} |")
            print(lines[-1], f"(run: {time.perf_counter() - begun:.0f} s)", flush=True)
    same = len({tuple(line.split("|")[4:6]) for line in lines[-len(RUNNERS) :]}) == 1
    lines += ["", "All runners gave the same bytes." if same else "THE RUNNERS DIFFER."]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
