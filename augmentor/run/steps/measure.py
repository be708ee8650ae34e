"""Measure fidelity, diversity and copies beside the same numbers for real data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from augmentor.core.facts.quality import MeasureFacts
from augmentor.core.facts.samples import LoadFacts
from augmentor.core.seeds import derive_seed
from augmentor.quality.feature_names import features_key
from augmentor.run.completed import RESULTS
from augmentor.run.context import RunContext
from augmentor.run.step import GENERATOR_CODE, Step


def reads(context: RunContext) -> dict[str, Any]:
    """Return what the numbers depend on besides the marked samples; of a feature network, its bytes."""
    return {"features": features_key(context.recipe.evaluation.features), "seed": context.seed}


def measure_samples(context: RunContext, output: Path, _: Path) -> MeasureFacts:
    """Write the numbers."""
    from augmentor.quality.measure import measure

    completed = context.completed
    results, facts = measure(
        completed.parts["train"],
        completed.parts["validation"],
        completed.synthetic,
        context.load_judge(),
        dataset=completed.facts("load", LoadFacts).dataset,
        seed=derive_seed(context.seed, "measure"),
        features=context.recipe.evaluation.features,
    )
    results.write(output / RESULTS)
    return facts


MEASURE = Step(
    "measure",
    "Measure fidelity, diversity and copies",
    MeasureFacts,
    measure_samples,
    reads,
    after=("load", "judge", "filter"),
    code=GENERATOR_CODE,
)
