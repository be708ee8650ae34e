"""Train the arms' models and score them on real held-out data, one step for each model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from augmentor.core.facts.evaluation import EvaluateFacts
from augmentor.core.facts.samples import LoadFacts
from augmentor.core.seeds import derive_seed
from augmentor.run.completed import RESULTS
from augmentor.run.context import RunContext
from augmentor.run.recipe import Recipe
from augmentor.run.step import EXPERIMENT_CODE, Step
from augmentor.store.test_access import record_test_access

PREDICTIONS = "predictions.npz"
FIRST = "evaluate"
"""Name of the step of the recipe's first model, whose verdict is the run's."""


def step_name(kind: str, number: int) -> str:
    """Return what a step of the recipe's model of that number, counted from 0, is called."""
    return f"{kind}_{number + 1}" if number else kind


def inputs(context: RunContext, number: int) -> dict[str, Any]:
    """Return what the scores of a model depend on besides the marked samples."""
    spec = context.evaluation.alone(number)
    return {
        "arms": spec.arms,
        "seeds": spec.seeds,
        "primary_metric": spec.primary_metric,
        "model": spec.model,
        "model_files": spec.digests(),
        "augmentation": spec.augmentation,
        "mixing": spec.mixing,
        "decision": spec.decision,
        "fewest_to_choose": spec.fewest_to_choose,
        "statistics": spec.statistics,
        "seed": context.seed,
    }


def evaluation_of(number: int) -> Step[EvaluateFacts]:
    """Return the step that evaluates the recipe's model of that number, counted from 0.

    Scores of further models bear the model's name as a setting, so that each number of the run is there once.
    """

    def reads(context: RunContext) -> dict[str, Any]:
        return inputs(context, number)

    def evaluate_arms(context: RunContext, output: Path, work: Path) -> EvaluateFacts:
        from augmentor.experiment.evaluate import evaluate
        from augmentor.experiment.values import Parts

        completed = context.completed
        parts = completed.parts
        # The work folder bears the key of the step.
        key = work.stem
        evaluation = evaluate(
            Parts(parts["train"], parts["validation"], parts["test"]),
            completed.synthetic,
            context.evaluation.alone(number),
            dataset=completed.facts("load", LoadFacts).dataset,
            seed=derive_seed(context.seed, "evaluate"),
            workers=context.workers(work),
            critic=completed.critic,
            opening=lambda: record_test_access(context.cache.root, parts["test"].digest, key),
        )
        results, facts = evaluation.results, evaluation.facts
        if number and facts.model is not None:
            name = context.evaluation.model_names[number]
            facts = facts.model_copy(update={"model": facts.model.model_copy(update={"name": name})})
            results = results.under("model", name)
        results.write(output / RESULTS)
        shutil.copyfile(work / PREDICTIONS, output / PREDICTIONS)
        return facts

    return Step(
        step_name(FIRST, number),
        f"Measure the gain of model {number + 1}" if number else "Measure the classifier's gain",
        EvaluateFacts,
        evaluate_arms,
        reads,
        after=("load", "filter"),
        code=EXPERIMENT_CODE,
    )


EVALUATE = evaluation_of(0)


def evaluations(recipe: Recipe) -> tuple[Step[EvaluateFacts], ...]:
    """Return the steps that evaluate every model of the recipe, the first one first."""
    further = range(1, len(recipe.evaluation.models))
    return (EVALUATE, *(evaluation_of(number) for number in further))
