"""Outer splits: the steps of a run repeated on further splits of the data, and one answer over all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from augmentor.core.facts.evaluation import EvaluateFacts, OuterFacts, SplitFacts, SplitSeeds
from augmentor.core.facts.samples import LoadFacts
from augmentor.core.facts.training import ChooseFacts
from augmentor.core.results import Results
from augmentor.core.seeds import derive_seed
from augmentor.run.completed import RESULTS
from augmentor.run.context import RunContext
from augmentor.run.leak_check import check_leak
from augmentor.run.recipe import Recipe
from augmentor.run.step import EXPERIMENT_CODE, Step, run_steps
from augmentor.run.steps.evaluate import evaluation_of, step_name


def further_splits(
    generation: tuple[Step[Any], ...], evaluation: Step[EvaluateFacts], number: int = 0
) -> Step[OuterFacts]:
    """Return the step that repeats a run's steps on every further split and folds what comes out.

    Each split makes its own choices on its own validation part. No test case of a split was seen by
    what that split learnt from; the leak check looks at each.

    Args:
        generation: steps of one split, from the loading of the data to the filtered samples.
        evaluation: of the model that is asked.
        number: of that model in the recipe, counted from 0.
    """
    steps = (*generation, evaluation)

    def reads(context: RunContext) -> dict[str, Any]:
        return {
            "splits": [one.digest for one in split_recipes(context.recipe)],
            "statistics": context.recipe.evaluation.statistics,
            "device": context.device,
            "threads": context.recipe.execution.threads,
        }

    def repeat(context: RunContext, output: Path, _: Path) -> OuterFacts:
        from augmentor.statistics.folds import fold_splits

        spec = context.recipe.evaluation
        found, seeds = [split_of(context, number)], [seeds_of(context)]
        for place, recipe in enumerate(split_recipes(context.recipe), start=2):
            context.progress.log(
                f"outer split {place} of {spec.outer_splits}: everything from the split on, once more"
            )
            split = context.with_recipe(recipe)
            run_steps(steps, split)
            check_leak(split.completed)
            found.append(split_of(split, number))
            seeds.append(seeds_of(split))
        folded = fold_splits(
            found,
            metric=spec.downstream.metrics[spec.primary_metric].words,
            margin=spec.statistics.margin,
            confidence=spec.statistics.confidence,
        )
        dataset = context.completed.facts("load", LoadFacts).dataset
        results = Results.from_rows({"dataset": dataset, **row} for row in folded.rows)
        results = results.under("model", spec.model_names[number]) if number else results
        results.write(output / RESULTS)
        return folded.facts.model_copy(update={"seeds": tuple(seeds)})

    return Step(
        step_name("outer", number),
        f"Repeat on further splits with model {number + 1}" if number else "Repeat on further splits",
        OuterFacts,
        repeat,
        reads,
        after=tuple(step.name for step in steps),
        code=(*EXPERIMENT_CODE, "run.candidates", "run.compose", "run.sampling", "run.steps"),
    )


def split_recipes(recipe: Recipe) -> list[Recipe]:
    """Return the recipes of the further splits, the first of which is number 1."""
    return [split_recipe(recipe, number) for number in range(1, recipe.evaluation.outer_splits)]


def split_recipe(recipe: Recipe, number: int) -> Recipe:
    """Return the recipe of outer split ``number``: another split, another generator seed, all else alike."""

    def another(seed: int) -> int:
        return derive_seed(seed, "outer", number) % 2**31

    return recipe.model_copy(
        update={
            "split": recipe.split.model_copy(update={"seed": another(recipe.split.seed)}),
            "training": recipe.training.model_copy(update={"seed": another(recipe.training.seed)}),
            "evaluation": recipe.evaluation.model_copy(update={"outer_splits": 1}),
        }
    )


def seeds_of(context: RunContext) -> SplitSeeds:
    """Return the seeds of a split, and the generator that it chose for itself, where it had a choice."""
    chosen = None
    if "choose" in context.completed:
        chosen = context.completed.facts("choose", ChooseFacts).chosen
    return SplitSeeds(split=context.recipe.split.seed, training=context.seed, generator=chosen)


def split_of(context: RunContext, number: int = 0) -> SplitFacts:
    """Return what a split came to for the model of that number."""
    completed, spec = context.completed, context.recipe.evaluation
    name = evaluation_of(number).name
    facts = completed.facts(name, EvaluateFacts)
    results = Results.read(completed.folder(name) / RESULTS)
    results = results.of("model", spec.model_names[number]) if number else results
    metric = spec.primary_metric
    verdict = facts.verdict
    control = facts.controls.get(verdict.arm)

    def mean(arm: str) -> float:
        return float(results.where(arm=arm, split="test", metric=metric)["value"].mean())

    return SplitFacts(
        arm=verdict.arm,
        baseline=verdict.baseline,
        before=mean(verdict.baseline),
        after=mean(verdict.arm),
        n_train=len(completed.parts["train"]),
        n_test=len(completed.parts["test"]),
        control=mean(control) if control else None,
    )
