"""How good the arms without synthesis are, by versions of a picture and by decision rule.

One scenario of benchmarks/gain_scenarios.py, three classifier seeds, no generator. The rows of the table are
measurements of baselines alone; nothing is chosen by them.

    python benchmarks/baselines.py --data ../shared/data [--scenario "chest severe"] [--versions 24]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from gain_scenarios import SCENARIOS, recipe_of

from augmentor.core.progress import Silent
from augmentor.core.seeds import derive_seed
from augmentor.core.synthetic import SyntheticSet
from augmentor.downstream.decision import shifted
from augmentor.experiment.arms import Arm, name_of
from augmentor.experiment.held_out import HeldOut, stacked
from augmentor.experiment.runner import Runner
from augmentor.experiment.values import Workers
from augmentor.run.context import RunContext
from augmentor.run.step import run_step
from augmentor.run.steps.load import LOAD
from augmentor.store.cache import StepCache

SEEDS = 3
ARMS = (
    Arm(),
    Arm(mix="cutmix"),
    Arm(sampling="natural", loss="class_weighted"),
    Arm(sampling="natural", loss="class_weighted", mix="cutmix"),
    Arm(sampling="natural", loss="logit_adjusted"),
    Arm(augmentation="trivial"),
    Arm(augmentation="randaugment"),
    Arm(augmentation="trivial", mix="cutmix"),
    Arm(sampling="natural"),
)


def balanced_accuracy(p: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    """Return it in percent, the mean over seeds."""
    hits = p.argmax(axis=-1) == y
    return 100 * float(np.mean([hits[:, y == k].mean() for k in np.unique(y)]))


def main() -> None:
    """Print the table of one scenario."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scenario", default="chest severe", choices=SCENARIOS)
    parser.add_argument("--versions", default="auto")
    given = parser.parse_args()
    setting = f"evaluation.augmentation.pool_versions={given.versions}"
    recipe = recipe_of(SCENARIOS[given.scenario], given.data, ("scarcity.seed=0", setting))
    with tempfile.TemporaryDirectory() as folder:
        context = RunContext(recipe, StepCache(Path(folder)), "cpu", Silent())
        run_step(LOAD, context)
        parts = context.completed.parts
        train = parts["train"]
        nobody = train.take(np.zeros(0, np.int64))
        provenance = pd.DataFrame({"synthesizer": [], "seed": []})
        empty = SyntheticSet(nobody, provenance, np.zeros(0, np.bool_), np.zeros(0, np.str_))
        spec = context.evaluation.model_copy(update={"seeds": SEEDS, "arms": ARMS})
        held_out = {"validation": parts["validation"], "test": parts["test"]}
        runner = Runner(
            train,
            empty,
            held_out,
            spec,
            seed=derive_seed(0, "evaluate"),
            workers=Workers(Path(folder) / "w", 1),
        )
        held = HeldOut(runner.spec, train, parts["validation"])
        print("| arm | validation, as it is | test, as it is | strength | validation | test | CPU s a fit |")
        print("|---|---|---|---|---|---|---|")
        for arm in ARMS:
            begin = time.process_time()
            jobs = [runner.job(arm, None, number) for number in range(SEEDS)]
            runner.run(jobs)
            spent = (time.process_time() - begin) / SEEDS
            rule, scored, p = held.rule(jobs), held.scored(jobs), stacked(jobs, "test")
            assert rule is not None
            found = (
                balanced_accuracy(scored.predictions, parts["validation"].y),
                balanced_accuracy(p, parts["test"].y),
                rule.strength,
                balanced_accuracy(scored.chosen, parts["validation"].y),
                balanced_accuracy(shifted(p, np.array(rule.offsets)), parts["test"].y),
            )
            print(
                f"| {name_of(arm)} | " + " | ".join(f"{one:.1f}" for one in found) + f" | {spent:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
