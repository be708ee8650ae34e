"""From finished steps to the run folder, which appears whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from augmentor.core.facts.base import FACTS
from augmentor.core.files import atomic_folder, write_json, write_text
from augmentor.core.persist import write_samples
from augmentor.core.seeds import derive_seed
from augmentor.report.run_facts import FurtherModel, RunFacts
from augmentor.run.context import RunContext
from augmentor.run.exports import write_exports
from augmentor.run.leak_check import check_leak
from augmentor.run.manifest import versions, write_manifest
from augmentor.run.model_card import model_card
from augmentor.run.plan import Plan
from augmentor.run.reporting import fill_report
from augmentor.run.steps.evaluate import FIRST, PREDICTIONS, step_name
from augmentor.store.cache import DONE
from augmentor.store.seen_rows import SEEN_ROWS
from augmentor.store.test_access import repeated_access_note

STATE = "state.json"
FILTERS = "filters.json"
"""The filters as they were used, for ``augmentor generate``."""


def collect_facts(context: RunContext, plan: Plan) -> RunFacts:
    """Return what every step said, whole, and how the run came about."""
    completed = context.completed
    every = {step.name: step.of(context) for step in plan.steps if step.name in completed}
    known = {name: facts for name, facts in every.items() if name in RunFacts.model_fields}
    names = further_answers(context)
    further = [{kind: every[name] for kind, name in one.items()} for one in names]
    placed = {*known, *(name for one in names for name in one.values())}
    return RunFacts(
        **known,
        further_models=tuple(FurtherModel.model_validate(one) for one in further),
        other={name: facts.to_json() for name, facts in every.items() if name not in placed},
        recipe=dict(plan.settings),
        origin_notes=plan.notes,
        closing_notes=tuple(repeated_access_note(context.access_log)),
        seconds={name: step_seconds(output.folder) for name, output in completed.outputs.items()},
        device=context.device,
        versions=versions(),
        digests={
            "recipe": context.recipe.digest,
            **{name: output.key for name, output in completed.outputs.items()},
        },
    )


def further_answers(context: RunContext) -> list[dict[str, str]]:
    """Return for each model beside the first the names of its steps, by what they are of a single model."""
    there = set(context.completed.outputs)
    further = range(1, len(context.recipe.evaluation.models))
    every = ({kind: step_name(kind, number) for kind in (FIRST, "folds")} for number in further)
    return [{kind: name for kind, name in one.items() if name in there} for one in every]


def step_seconds(folder: Path) -> float:
    """Return how long a finished step took when it was done."""
    done = json.loads((folder / DONE).read_text(encoding="utf-8"))
    return float(done["seconds"])


def publish(
    context: RunContext, plan: Plan, facts: RunFacts, out: Path, log: Path, state: Mapping[str, Any]
) -> Path:
    """Write ``<out>/<plan.folder>/<stamp>/`` with report, dataset, generator and manifest; return it.

    Args:
        context: every step of ``plan`` finished.
        plan: of the run.
        facts: of the run.
        out: the folder of all runs.
        log: the JSON-lines log so far; copied in.
        state: what state.json says: whether the run is good, why not, and how long it took.

    Raises:
        LeakError: if a test case is found in the training part or in the expanded dataset.
    """
    completed = context.completed
    check_leak(completed)
    target = free_folder(out / plan.folder)
    with atomic_folder(target) as folder:
        write_text(folder / "recipe.yaml", yaml.safe_dump(facts.recipe, sort_keys=False, allow_unicode=True))
        fill_report(
            folder,
            completed.results,
            facts,
            train=completed.parts["train"],
            synthetic=completed.synthetic,
            seed=derive_seed(context.seed, "gallery"),
            traversals=completed.traversals,
        )
        export_dataset(context, facts, folder / "expanded")
        if "train" in completed:
            keep_generator(context, facts, folder)
        write_exports(context.recipe.export, folder, facts)
        shutil.copyfile(completed.folder(FIRST) / PREDICTIONS, folder / PREDICTIONS)
        for number, one in enumerate(further_answers(context), start=2):
            own = PREDICTIONS.replace(".", f"-{number}.")
            shutil.copyfile(completed.folder(one[FIRST]) / PREDICTIONS, folder / own)
        for name, text in plan.attachments.items():
            write_text(folder / name, text)
        write_json(folder / STATE, dict(state))
        write_manifest(context, facts, folder)
        shutil.copyfile(log, folder / "log.jsonl")
    return target


def free_folder(recipe_folder: Path) -> Path:
    """Return a folder name of the present second (UTC) that is not taken."""
    stamp = datetime.now(tz=UTC).strftime("%Y%m%d-%H%M%S")
    target = recipe_folder / stamp
    number = 2
    while target.exists():
        target = recipe_folder / f"{stamp}-{number}"
        number += 1
    return target


def export_dataset(context: RunContext, facts: RunFacts, folder: Path) -> None:
    """Write ``expanded/``: the real training part and the kept synthetic rows."""
    from augmentor.data.cards import Card
    from augmentor.modalities.export import export

    card = facts.load.card
    export(
        folder,
        context.completed.parts["train"],
        context.completed.synthetic,
        layout=facts.load.layout,
        name=facts.load.dataset,
        card=None if card is None else Card.model_validate(card),
        parts=context.completed.parts,
    )


def keep_generator(context: RunContext, facts: RunFacts, folder: Path) -> None:
    """Write ``generator/`` with its model card, and what filtering its samples needs."""
    shutil.copytree(
        context.completed.folder("train"),
        folder / "generator",
        ignore=shutil.ignore_patterns(DONE, FACTS, SEEN_ROWS),
    )
    write_text(folder / "generator" / "README.md", model_card(context, facts))
    keep_filters(context, folder / "filters")


def keep_filters(context: RunContext, folder: Path) -> None:
    """Keep what ``augmentor generate`` needs to filter as this run did."""
    folder.mkdir()
    write_json(folder / FILTERS, context.filters.model_dump(mode="json"))
    shutil.copytree(
        context.completed.folder("judge"),
        folder / "judge",
        ignore=shutil.ignore_patterns(DONE, FACTS, SEEN_ROWS),
    )
    for name in ("train", "validation"):
        (folder / name).mkdir()
        write_samples(folder / name, context.completed.parts[name])
