"""The referee: what a classifier gains from synthetic data, over the best that can be done without.

Twelve scenarios: four sets at three scarcities each. Three kinds of work:

search    A candidate (a generator and its settings) trains on the training part, and arms with its samples
          are scored on the validation part, beside the best of six ways without synthetic data. One
          generator seed, three classifier seeds. The test parts are not read.
halve     Successive halving: every candidate is shown a quarter of the images, the better half of them half,
          the better half of those all, which is the search. For candidates of the usual number of images.
final     The shipped default, untouched, on the test parts: generator seeds 0, 1, 2, each with five
          classifier seeds. All choices (baseline, share, "no synthetic data") are its own, on the
          validation part.

    python benchmarks/gain.py search [--scenario NAME ...] [--candidate NAME ...]
    python benchmarks/gain.py halve [--scenario NAME ...] [--candidate NAME ...]
    python benchmarks/gain.py final [--scenario NAME ...] [--seeds 3]
    python benchmarks/gain.py table

Finished rows lie in gain.jsonl; those whose settings are still the same are not worked again. gain.md is
written anew after each row, docs/gain.png at the end.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from gain_figure import draw
from gain_scenarios import (
    BASELINES,
    CANDIDATES,
    HERE,
    ROWS,
    RUNG,
    SCENARIOS,
    Tried,
    folder_of,
    images_of,
    prepared,
    quality_of,
    recipe_of,
)
from gain_tables import rung_score, write
from quick_arms import evidence

from augmentor.core.errors import AugmentorError
from augmentor.core.files import sha256_json
from augmentor.core.progress import Silent
from augmentor.core.seeds import derive_seed
from augmentor.core.synthetic import SyntheticSet
from augmentor.downstream.decision import decided
from augmentor.experiment.evaluate import evaluate
from augmentor.experiment.fit import read_fit
from augmentor.experiment.runner import Runner
from augmentor.experiment.values import Parts, Workers
from augmentor.run.budget import QUICK_ARMS
from augmentor.run.context import RunContext
from augmentor.run.recipe import Recipe
from augmentor.run.step import run_step
from augmentor.run.steps.load import LOAD
from augmentor.store.cache import StepCache

CLASSIFIER_SEEDS = 5
SEARCH_SEEDS = 3
NOTHING = "(none)"
RUNGS = (4, 2)
"""Parts of the images that candidates are shown before the search shows the last ones all of them."""
FINAL_CUT = 2
"""Seed of the cut to scarcity: a draw of training images that no search has seen."""


def halve(candidates: list[str], scenarios: list[str]) -> Iterator[list[tuple[str, str, str]]]:
    """Yield the rows of each rung; who is on the next follows from what these came to."""
    left = [name for name in candidates if not any("training.images" in s for s in CANDIDATES[name].settings)]
    yield [("search", scenario, NOTHING) for scenario in scenarios]
    for part in RUNGS:
        rung = [f"{name}{RUNG}{part}" for name in left]
        yield [("halving", scenario, name) for name in rung for scenario in scenarios]
        ranked = sorted(rung, key=lambda name: -rung_score(scenarios, name))
        left = [name.partition(RUNG)[0] for name in ranked[: -(-len(ranked) // 2)]]
    yield [("search", scenario, name) for name in left for scenario in scenarios]


def search_recipe(scenario: str, candidate: str, data: Path) -> Recipe:
    """Return the recipe of one candidate in the search."""
    found = SCENARIOS[scenario]
    plain, _, part = candidate.partition(RUNG)
    settings = () if candidate == NOTHING else CANDIDATES[plain].settings
    # The search names its arms and shares itself: what the default's are must not make its rows stale.
    fixed = ("evaluation.arms=[classical, {rows: passing}]", "evaluation.mixing.shares=[0.5]")
    images = images_of(found) // int(part or 1)
    return recipe_of(found, data, (f"training.images={images}", *fixed, *settings))


def final_recipe(scenario: str, seed: int, data: Path) -> Recipe:
    """Return the shipped recipe with the arms and the number of classifiers of the final table."""
    settings = (
        f"evaluation.arms={json.dumps(QUICK_ARMS)}",
        f"evaluation.seeds={CLASSIFIER_SEEDS}",
        f"scarcity.seed={FINAL_CUT}",
    )
    return recipe_of(SCENARIOS[scenario], data, settings, seed)


def key_of(recipe: Recipe) -> str:
    """Return what decides a row: the recipe, less what changes no result."""
    sections = {
        "dataset",
        "image",
        "split",
        "scarcity",
        "balance",
        "synthesizer",
        "training",
        "filters",
        "judge",
        "evaluation",
    }
    return sha256_json(recipe.model_dump(mode="json", include=sections))


def scores(
    context: RunContext, synthetic: SyntheticSet, asked: Sequence[Tried], work: Path
) -> dict[str, np.ndarray[Any, Any]]:
    """Return the validation probabilities (S, M, K) of everything that is tried, by its name."""
    parts, critic = context.completed.parts, context.completed.critic
    arms = tuple(dict.fromkeys(tried.arm for tried in asked))
    spec = context.evaluation.model_copy(update={"seeds": SEARCH_SEEDS, "arms": arms})
    runner = Runner(
        parts["train"], synthetic, {"validation": parts["validation"]}, spec,
        seed=derive_seed(0, "search"), workers=Workers(work, 1), critic=critic,
    )  # fmt: skip
    found = {}
    for tried in asked:
        jobs = [runner.job(tried.arm, tried.share, i) for i in range(SEARCH_SEEDS)]
        runner.run(jobs)
        probabilities = [read_fit(job, "validation") for job in jobs]
        found[tried.name] = np.stack([p for p in probabilities if p is not None])
    runner.clean()
    return found


def search(scenario: str, candidate: str, data: Path, cache: Path) -> dict[str, Any]:
    """Train one candidate and score its arms on the validation part."""
    begin = time.process_time()
    context = prepared(search_recipe(scenario, candidate, data), cache)
    completed = context.completed
    # What another row has trained says nothing about the time it takes.
    trained = None if completed.outputs["train"].reused else time.process_time() - begin
    idea = CANDIDATES[candidate.partition(RUNG)[0]]
    arms = idea.rung if RUNG in candidate else idea.arms
    plain = ROWS.known(
        "search",
        scenario,
        NOTHING,
        settings={"recipe": key_of(search_recipe(scenario, NOTHING, data))},
    )
    best = plain["best"] if plain else "classical"
    held = next(tried for tried in BASELINES if tried.name == best)
    asked = tuple(dict.fromkeys((*arms, held)))
    # A folder of its own: rows of one scenario may be worked side by side.
    work = cache / folder_of("search", scenario, candidate)
    found = scores(context, completed.synthetic, asked, work)
    y = completed.parts["validation"].y
    row: dict[str, Any] = {"baseline": best, "seconds_generator": trained, **quality_of(context), "arms": {}}
    for name in found:
        pair = {one: found[one] for one in (name, best)}
        told = evidence(pair, y, "balanced_accuracy").paired(name, best).interval
        mean, auroc = (
            evidence(pair, y, metric).means[name] for metric in ("balanced_accuracy", "macro_auroc")
        )
        row["arms"][name] = {
            "mean": mean, "macro_auroc": auroc, "gain": told.gain, "standard_error": told.variance**0.5,
        }  # fmt: skip
    return row


def nothing(scenario: str, data: Path, cache: Path) -> dict[str, Any]:
    """Score the ways without synthetic data on the validation part."""
    context = RunContext(search_recipe(scenario, NOTHING, data), StepCache(cache), "cpu", Silent())
    run_step(LOAD, context)
    parts = context.completed.parts
    train = parts["train"]
    nobody = train.take(np.zeros(0, np.int64))
    provenance = pd.DataFrame({"synthesizer": [], "seed": []})
    empty = SyntheticSet(nobody, provenance, np.zeros(0, np.bool_), np.zeros(0, np.str_))
    found = scores(context, empty, BASELINES, cache / folder_of("search", scenario, NOTHING))
    means = evidence(found, parts["validation"].y, "balanced_accuracy").means
    return {"means": means, "best": max(means, key=means.__getitem__)}


def final(scenario: str, seed: int, data: Path, cache: Path) -> dict[str, Any]:
    """Run the shipped default at one generator seed and read the test part."""
    begin = time.process_time()
    context = prepared(final_recipe(scenario, seed, data), cache)
    trained = time.process_time() - begin
    completed, parts = context.completed, context.completed.parts
    work = cache / folder_of("final", scenario, str(seed))
    found = evaluate(
        Parts(parts["train"], parts["validation"], parts["test"]), completed.synthetic, context.evaluation,
        dataset=scenario, seed=derive_seed(seed, "evaluate"), workers=Workers(work, 1),
        critic=completed.critic,
    )  # fmt: skip
    facts = found.facts
    arm, baseline = facts.verdict.arm, facts.verdict.baseline
    with np.load(work / facts.predictions, allow_pickle=False) as stored:
        right = {
            name.partition("/")[2]: (
                decided(stored, name.partition("/")[2]).argmax(2) == parts["test"].y
            ).sum(0)
            for name in stored.files
            if name.startswith("test/")
        }
    validation = found.results.where(metric="balanced_accuracy", split="validation")

    def gain(metric: str) -> float:
        value = found.results.value(arm=arm, metric=metric, split="test")
        assert value is not None
        return value

    return {
        "arm": arm,
        "baseline": baseline,
        "share": facts.share,
        "recommendation": facts.recommendation.to_json(),
        "word": facts.verdict.word,
        "gain": gain("delta"),
        "interval": [gain("delta_low"), gain("delta_high")],
        "validation": validation.groupby("arm")["value"].mean().to_dict(),
        "classifiers": CLASSIFIER_SEEDS,
        "y": "".join(map(str, parts["test"].y)),
        # How many of the classifiers are right on each test case.
        "right": {name: "".join(map(str, counts)) for name, counts in right.items()},
        "seconds_generator": trained,
        "seconds": time.process_time() - begin,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **quality_of(context),
    }


def one(kind: str, scenario: str, name: str, data: Path, cache: Path) -> None:
    """Work one row and keep it, failures included."""
    torch.set_num_threads(1)
    recipe = recipe_for(kind, scenario, name, data)
    try:
        if kind == "final":
            values = final(scenario, int(name), data, cache)
        else:
            values = (
                nothing(scenario, data, cache) if name == NOTHING else search(scenario, name, data, cache)
            )
    except AugmentorError as error:
        values = {"failed": str(error)}
    ROWS.put(kind, scenario, name, settings={"recipe": key_of(recipe)}, values=values)


def recipe_for(kind: str, scenario: str, name: str, data: Path) -> Recipe:
    """Return the recipe of a row."""
    return final_recipe(scenario, int(name), data) if kind == "final" else search_recipe(scenario, name, data)


def launch(row: tuple[str, str, str], data: Path, cache: Path) -> None:
    """Work one row in a process of its own."""
    print(": ".join(row), flush=True)
    subprocess.run(
        [sys.executable, __file__, "one", "--one", *row, "--data", str(data), "--cache", str(cache)],
        check=True,
    )
    write()


def main() -> None:
    """Work what is missing and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("search", "halve", "final", "table", "one"))
    parser.add_argument("--scenario", nargs="*", default=list(SCENARIOS), choices=list(SCENARIOS))
    parser.add_argument("--candidate", nargs="*", default=list(CANDIDATES), choices=list(CANDIDATES))
    parser.add_argument("--seeds", type=int, default=3, help="generator seeds of the final table")
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=Path("runs") / "gain")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.what == "one":
        one(*asked.one, asked.data, asked.cache)
        return
    rounds: Iterable[list[tuple[str, str, str]]] = []
    if asked.what == "search":
        # What candidates are held against comes first.
        rounds = [
            [("search", scenario, NOTHING) for scenario in asked.scenario],
            [("search", scenario, name) for name in asked.candidate for scenario in asked.scenario],
        ]
    if asked.what == "halve":
        rounds = halve(asked.candidate, asked.scenario)
    if asked.what == "final":
        rounds = [[("final", s, str(seed)) for seed in range(asked.seeds) for s in asked.scenario]]
    for rows in rounds:
        todo = [row for row in rows if _missing(row, asked.data)]
        with ThreadPoolExecutor(asked.processes) as pool:
            for _ in pool.map(lambda row: launch(row, asked.data, asked.cache), todo):
                pass
    write()
    draw()


def _missing(row: tuple[str, str, str], data: Path) -> bool:
    return ROWS.known(*row, settings={"recipe": key_of(recipe_for(*row, data))}) is None


if __name__ == "__main__":
    main()
