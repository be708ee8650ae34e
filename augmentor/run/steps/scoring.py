"""Scoring synthetic samples on the validation part alone: for sweeps, and for a choice of generators.

Both steps leave the test part closed, so that no choice can follow from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from augmentor.core.facts.samples import SampleFacts
from augmentor.core.facts.training import TrialFacts
from augmentor.core.seeds import derive_seed
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.spec import mixing_arm
from augmentor.run.context import RunContext
from augmentor.run.sampling import mark
from augmentor.run.step import EXPERIMENT_CODE, Step
from augmentor.store.seen_rows import record_seen_rows

SCORED_ON = ("train", "validation")
"""Parts that a candidate's samples are scored on; everything else stays closed."""


def scoring_inputs(context: RunContext) -> dict[str, Any]:
    """Return what validation scores depend on besides the samples."""
    spec = context.evaluation
    return {
        "model": spec.model,
        "model_files": spec.digests(),
        "augmentation": spec.augmentation,
        "mixing": spec.mixing,
        "primary_metric": spec.primary_metric,
        "arm": mixing_arm(spec),
        "seed": context.seed,
    }


def scored(context: RunContext, synthetic: SyntheticSet, seed: int, work: Path) -> TrialFacts:
    """Return the validation scores of ``synthetic`` at every share of the recipe."""
    from augmentor.experiment.trial import try_shares

    parts = context.completed.parts
    tried = try_shares(
        parts["train"],
        parts["validation"],
        synthetic,
        context.evaluation,
        seed=seed,
        workers=context.workers(work),
    )
    return TrialFacts(tried=tuple(tried))


def try_member(context: RunContext, _: Path, work: Path) -> TrialFacts:
    """Score the filtered samples of a sweep's member."""
    return scored(context, context.completed.synthetic, derive_seed(context.seed, "evaluate"), work)


def try_candidate(context: RunContext, output: Path, work: Path) -> TrialFacts:
    """Filter and score the samples of one candidate on one rung, and record what it was given."""
    completed = context.completed
    selection = mark(
        completed.candidates,
        judge=context.load_judge(),
        plan=completed.facts("sample", SampleFacts).plan,
        spec=context.recipe.filters,
    )
    record_seen_rows(output, {name: completed.parts[name] for name in SCORED_ON})
    return scored(context, selection.synthetic, derive_seed(context.seed, "choose"), work)


def candidate_inputs(context: RunContext) -> dict[str, Any]:
    """Return what a candidate's scores depend on besides its samples."""
    return {"filters": context.recipe.filters, **scoring_inputs(context)}


TRIAL = Step(
    "trial",
    "Score the samples on the validation part",
    TrialFacts,
    try_member,
    scoring_inputs,
    after=("load", "filter"),
    code=EXPERIMENT_CODE,
)
RUNG = Step(
    "rung",
    "Score a candidate on the validation part",
    TrialFacts,
    try_candidate,
    candidate_inputs,
    after=("load", "judge", "sample"),
    code=(*EXPERIMENT_CODE, "run.sampling"),
)
