"""Train the arms' classifiers and score them on real held-out data."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from augmentor.core.facts.evaluation import EvaluateFacts
from augmentor.core.facts.samples import LoadFacts
from augmentor.core.seeds import derive_seed
from augmentor.run.completed import RESULTS
from augmentor.run.context import RunContext
from augmentor.run.step import EXPERIMENT_CODE, Step
from augmentor.store.test_access import record_test_access

PREDICTIONS = "predictions.npz"


def reads(context: RunContext) -> dict[str, Any]:
    """Return what the scores depend on besides the marked samples."""
    spec = context.evaluation
    return {
        "arms": spec.arms,
        "seeds": spec.seeds,
        "primary_metric": spec.primary_metric,
        "model": spec.model,
        "augmentation": spec.augmentation,
        "mixing": spec.mixing,
        "decision": spec.decision,
        "statistics": spec.statistics,
        "seed": context.seed,
    }


def evaluate_arms(context: RunContext, output: Path, work: Path) -> EvaluateFacts:
    """Write scores and predictions."""
    from augmentor.experiment.evaluate import evaluate
    from augmentor.experiment.values import Parts

    completed = context.completed
    parts = completed.parts
    # The work folder bears the key of the step.
    key = work.stem
    evaluation = evaluate(
        Parts(parts["train"], parts["validation"], parts["test"]),
        completed.synthetic,
        context.evaluation,
        dataset=completed.facts("load", LoadFacts).dataset,
        seed=derive_seed(context.seed, "evaluate"),
        workers=context.workers(work),
        critic=completed.critic,
        opening=lambda: record_test_access(context.cache.root, parts["test"].digest, key),
    )
    evaluation.results.write(output / RESULTS)
    shutil.copyfile(work / PREDICTIONS, output / PREDICTIONS)
    return evaluation.facts


EVALUATE = Step(
    "evaluate",
    "Measure the classifier's gain",
    EvaluateFacts,
    evaluate_arms,
    reads,
    after=("load", "filter"),
    code=EXPERIMENT_CODE,
)
