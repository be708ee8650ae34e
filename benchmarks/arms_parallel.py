"""How much faster arms x seeds are on two cores than one after another.

One whole evaluation of the digits recipe's kind (every arm of the recipe, every seed, choice of the
share, verdict) through :func:`augmentor.experiment.evaluate.evaluate`, in one process and in two, in turns;
the fastest round of each counts, because other work on the machine only adds time. Both must give
the same bytes. The synthetic rows are real rows of a part that is otherwise unused: the classifiers'
work does not depend on what they show.

    python benchmarks/arms_parallel.py [--seeds S] [--updates U] [--rounds R] [--processes P]

It wants a quiet machine: the load before each round is printed, and the table says the highest.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from provenance import said

from augmentor.core.files import sha256_bytes, write_text
from augmentor.core.synthetic import SyntheticSet
from augmentor.data.load import load
from augmentor.data.spec import ScarcitySpec
from augmentor.data.split import Split, split
from augmentor.downstream.base import ModelSpec
from augmentor.experiment.evaluate import evaluate
from augmentor.experiment.spec import EvaluationSpec
from augmentor.experiment.values import Workers

COUNTS = {str(k): 8 if k % 2 else 60 for k in range(10)}
MADE = 40


def parts() -> tuple[Split, SyntheticSet]:
    """Return the parts of the digits recipe, and unused training rows as synthetic ones."""
    loaded = load("digits")
    made = split(loaded, scarcity=ScarcitySpec(per_class=COUNTS))
    whole = split(loaded).train
    unused = np.flatnonzero(~np.isin(whole.row_digests, made.train.row_digests))
    rows = np.concatenate([unused[whole.y[unused] == k][:MADE] for k in range(10)])
    given = whole.take(rows)
    table = pd.DataFrame({"synthesizer": ["none"] * len(given), "seed": [0] * len(given)})
    return made, SyntheticSet(given, table, np.ones(len(given), np.bool_), np.full(len(given), ""))


def run(given: tuple[Split, SyntheticSet], spec: EvaluationSpec, processes: int) -> tuple[float, str]:
    """Return the seconds of an evaluation, and the SHA-256 of all its predictions."""
    made, synthetic = given
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        workers = Workers(Path(folder), processes)
        found = evaluate(made, synthetic, spec, dataset="digits", seed=0, workers=workers)
        seconds = time.perf_counter() - begin
        return seconds, sha256_bytes((Path(folder) / found.facts.predictions).read_bytes())


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--updates", type=int, default=EvaluationSpec().model.updates)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    asked = parser.parse_args()
    spec = EvaluationSpec(seeds=asked.seeds, model=ModelSpec(updates=asked.updates))
    given = parts()
    best, digests, load_before = {1: np.inf, asked.processes: np.inf}, set(), []
    for number in range(asked.rounds):
        for processes in best:
            load_before.append(os.getloadavg()[0])
            seconds, digest = run(given, spec, processes)
            digests.add(digest)
            best[processes] = min(best[processes], seconds)
            print(f"round {number}: {processes} processes {seconds:.1f} s, load {load_before[-1]:.1f} before")
    ratio = best[1] / best[asked.processes]
    lines = [
        "# Arms and seeds on several cores",
        "",
        f"{said()}; torch {torch.__version__} on {platform.machine()}, {os.cpu_count()} cores.",
        "",
        f"A whole evaluation of digits: {len(spec.arms)} arms, {asked.seeds} seeds, {asked.updates} updates "
        f"each, the pool of augmented images and the intervals included; fastest of {asked.rounds} rounds.",
        "",
        f"| one after another | {asked.processes} processes | ratio | same predictions to the byte |",
        "|---|---|---|---|",
        f"| {best[1]:.1f} s | {best[asked.processes]:.1f} s | {ratio:.2f} "
        f"| {'yes' if len(digests) == 1 else 'NO'} |",
        "",
        "Target: at least 1.7 on 2 cores. The machine's load before each round: "
        + ", ".join(f"{value:.1f}" for value in load_before)
        + " (rounds after the first see the one before them).",
    ]
    print("\n".join(lines))
    write_text(asked.out, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
