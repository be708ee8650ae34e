"""Choose the label filter's minimum on the validation part, before anything else follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from augmentor.core.facts.samples import LabelMinimumFacts, LoadFacts, SampleFacts
from augmentor.core.results import Results
from augmentor.core.seeds import derive_seed
from augmentor.run.completed import RESULTS
from augmentor.run.context import RunContext
from augmentor.run.sampling import mark
from augmentor.run.step import EXPERIMENT_CODE, Step
from augmentor.run.steps.scoring import scoring_inputs


def reads(context: RunContext) -> dict[str, Any]:
    """Return what the choice depends on besides samples and judge."""
    return {"filters": context.recipe.filters, **scoring_inputs(context)}


def choose_minimum(context: RunContext, output: Path, work: Path) -> LabelMinimumFacts:
    """Write the validation scores at every minimum."""
    from augmentor.experiment.label_minimum import choose_label_minimum

    completed, recipe = context.completed, context.recipe
    wanted = completed.facts("sample", SampleFacts).plan
    candidates, judge = completed.candidates, context.load_judge()
    minimum, rows = choose_label_minimum(
        completed.parts["train"],
        completed.parts["validation"],
        {
            one: mark(candidates, judge=judge, plan=wanted, spec=recipe.filters.at(one)).synthetic
            for one in recipe.evaluation.mixing.label_minimums
        },
        context.evaluation,
        seed=derive_seed(context.seed, "strength"),  # the name that this choice had at first
        workers=context.workers(work),
    )
    dataset = completed.facts("load", LoadFacts).dataset
    Results.from_rows({"dataset": dataset, **row} for row in rows).write(output / RESULTS)
    return LabelMinimumFacts(minimum=minimum)


LABEL_MINIMUM = Step(
    "label_minimum",
    "Choose the label filter's minimum",
    LabelMinimumFacts,
    choose_minimum,
    reads,
    after=("load", "judge", "sample"),
    code=(*EXPERIMENT_CODE, "run.sampling"),
)
