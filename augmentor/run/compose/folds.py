"""Folds: the steps of a run with every other fold as the test part, and one answer over all cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from augmentor.core.facts.evaluation import AnswerFacts, EvaluateFacts, FoldFacts, FoldsFacts
from augmentor.core.facts.samples import LoadFacts
from augmentor.core.facts.training import ChooseFacts
from augmentor.core.results import Results
from augmentor.core.seeds import derive_seed
from augmentor.downstream.base import Scored
from augmentor.downstream.decision import decided
from augmentor.run.completed import RESULTS
from augmentor.run.context import RunContext
from augmentor.run.leak_check import check_leak
from augmentor.run.recipe import Recipe
from augmentor.run.step import EXPERIMENT_CODE, Step, run_steps
from augmentor.run.steps.evaluate import PREDICTIONS, evaluation_of, step_name
from augmentor.statistics.paired_verdict import PairedVerdict


def further_folds(
    generation: tuple[Step[Any], ...], evaluation: Step[EvaluateFacts], number: int = 0
) -> Step[FoldsFacts]:
    """Return the step that repeats a run with every other fold as the test part, and answers over all.

    Each fold makes its own choices on its own validation part. No test case of a fold was seen by what that
    fold learnt from; the leak check looks at each. Data that are not divided into folds skip the step.

    Args:
        generation: steps of one fold, from the loading of the data to the filtered samples.
        evaluation: of the model that is asked.
        number: of that model in the recipe, counted from 0.
    """
    steps = (*generation, evaluation)

    def reads(context: RunContext) -> dict[str, Any]:
        return {
            "folds": [one.digest for one in fold_recipes(context)],
            "statistics": context.recipe.evaluation.statistics,
            "device": context.device,
            "threads": context.recipe.execution.threads,
        }

    def repeat(context: RunContext, output: Path, _: Path) -> FoldsFacts:
        from augmentor.experiment.over_folds import pooled

        spec = context.evaluation
        contexts = [context, *(context.with_recipe(recipe) for recipe in fold_recipes(context))]
        for place, fold in enumerate(contexts[1:], start=2):
            context.progress.log(f"fold {place} of {len(contexts)}: everything from the split on, once more")
            run_steps(steps, fold)
            check_leak(fold.completed)
        loaded = context.completed.facts("load", LoadFacts)
        found = pooled(spec, [roles_of(fold, number) for fold in contexts], loaded.kind.plural)
        told = [facts_of(fold, number) for fold in contexts]
        rows = result_rows(found.verdict, told)
        results = Results.from_rows({"dataset": loaded.dataset, **row} for row in rows)
        results = results.under("model", spec.model_names[number]) if number else results
        results.write(output / RESULTS)
        return FoldsFacts(
            folds=tuple(told),
            word=found.verdict.word,
            reason=found.verdict.reason,
            sentence=found.verdict.sentence,
            answers=tuple(AnswerFacts(**asdict(one)) for one in found.answers),
            n_test=sum(one.n_test for one in told),
        )

    name = "Repeat with every other fold as the test part"
    return Step(
        step_name("folds", number),
        f"{name}, model {number + 1}" if number else name,
        FoldsFacts,
        repeat,
        reads,
        after=tuple(step.name for step in steps),
        code=(*EXPERIMENT_CODE, "run.candidates", "run.compose", "run.sampling", "run.steps"),
        wanted=has_folds,
    )


def has_folds(context: RunContext) -> bool:
    """Return whether the data, which are loaded, are divided into folds."""
    return context.completed.facts("load", LoadFacts).folds > 1


def one_split(recipe: Recipe) -> Recipe:
    """Return the recipe for one test part, whatever the data may ask for."""
    return recipe.model_copy(update={"split": recipe.split.model_copy(update={"folds": 1, "fold": 0})})


def fold_recipes(context: RunContext) -> list[Recipe]:
    """Return the recipes of the other folds, in the order of their numbers after the run's own."""
    folds, own = context.completed.facts("load", LoadFacts).folds, context.recipe.split.fold
    return [fold_recipe(context.recipe, (own + step) % folds, folds) for step in range(1, folds)]


def fold_recipe(recipe: Recipe, fold: int, folds: int) -> Recipe:
    """Return the recipe of another fold: the same folds, another generator seed, all else alike."""
    seed = derive_seed(recipe.training.seed, "fold", fold) % 2**31
    return recipe.model_copy(
        update={
            "split": recipe.split.model_copy(update={"fold": fold, "folds": folds}),
            "training": recipe.training.model_copy(update={"seed": seed}),
        }
    )


def roles_of(context: RunContext, number: int) -> dict[str, Scored]:
    """Return what a fold's arms predicted of its test part, by the role that each has for that model."""
    from augmentor.experiment.over_folds import CONTROL, QUESTIONS, WITH, WITHOUT

    name = evaluation_of(number).name
    facts = context.completed.facts(name, EvaluateFacts)
    verdict, tested = facts.verdict, context.completed.parts["test"]
    named: dict[str, str | None] = {
        WITH: verdict.arm,
        WITHOUT: verdict.baseline,
        CONTROL: facts.controls.get(verdict.arm),
    }
    for answer in facts.answers:
        for role, arm in zip(QUESTIONS[answer.question], (answer.arm, answer.control), strict=True):
            named[role] = arm
    with np.load(context.completed.folder(name) / PREDICTIONS) as stored:
        return {
            role: Scored(stored[f"test/{arm}"], tested, decided(stored, arm))
            for role, arm in named.items()
            if arm is not None
        }


def facts_of(context: RunContext, number: int) -> FoldFacts:
    """Return what a fold came to for the model of that number."""
    completed, spec = context.completed, context.recipe.evaluation
    name = evaluation_of(number).name
    facts = completed.facts(name, EvaluateFacts)
    results = Results.read(completed.folder(name) / RESULTS)
    results = results.of("model", spec.model_names[number]) if number else results
    metric = spec.primary_metric
    verdict = facts.verdict

    def mean(arm: str) -> float:
        return float(results.where(arm=arm, split="test", metric=metric)["value"].mean())

    chosen = completed.facts("choose", ChooseFacts).chosen if "choose" in completed else None
    return FoldFacts(
        arm=verdict.arm,
        baseline=verdict.baseline,
        control=facts.controls.get(verdict.arm),
        before=mean(verdict.baseline),
        after=mean(verdict.arm),
        n_train=len(completed.parts["train"]),
        n_test=len(completed.parts["test"]),
        split_seed=context.recipe.split.seed,
        training_seed=context.seed,
        generator=chosen,
    )


def result_rows(verdict: PairedVerdict, folds: Sequence[FoldFacts]) -> list[dict[str, Any]]:
    """Return the rows of the answer over all folds, and of each fold; ``seed`` is the number of the fold."""

    def row(name: str, value: float, seed: int | None = None, better: bool | None = True) -> dict[str, Any]:
        return {"seed": seed, "split": "test", "metric": name, "value": value, "greater_is_better": better}

    rows = [
        row("folds_delta", verdict.gain),
        row("folds_delta_low", verdict.low),
        row("folds_delta_high", verdict.high),
        row("folds_margin", verdict.margin, better=None),
    ]
    if verdict.detectable <= 1:
        rows.append(row("folds_minimum_detectable", verdict.detectable, better=False))
    if verdict.control is not None:
        rows += [
            row("folds_delta_control", verdict.control.gain),
            row("folds_delta_control_low", verdict.control.low),
            row("folds_delta_control_high", verdict.control.high),
        ]
    for number, one in enumerate(folds):
        rows += [row("fold_before", one.before, number), row("fold_after", one.after, number)]
        rows.append(row("fold_delta", one.after - one.before, number))
    return rows
