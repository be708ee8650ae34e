"""Look for near copies of test cases among synthetic samples whose generator is not known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from augmentor.core.facts.quality import WarningFacts
from augmentor.run.context import RunContext
from augmentor.run.step import GENERATOR_CODE, Step

if TYPE_CHECKING:
    from augmentor.core.samples import Samples
    from augmentor.quality.judge import TaskJudge

CHANCE = 1e-3
"""Below this probability, near copies of test cases are no accident."""


def reads(_: RunContext) -> dict[str, Any]:
    """Return nothing: samples, judge and parts are all it depends on."""
    return {}


def look(context: RunContext, _: Path, __: Path) -> WarningFacts:
    """Warn where more samples are near copies of test cases than chance explains."""
    completed = context.completed
    warnings = copy_warnings(context.load_judge(), completed.synthetic.samples, completed.parts["test"])
    return WarningFacts(warnings=tuple(warnings))


def log_warnings(context: RunContext) -> None:
    """Log the warnings."""
    for sentence in COPIES_OF_TEST.of(context).warnings:
        context.progress.log(f"warning: {sentence}")


def copy_warnings(judge: TaskJudge, synthetic: Samples, test: Samples) -> list[str]:
    """Return a warning if more synthetic samples are near copies of test cases than honest ones are.

    Honest samples are the validation part, which lies as near to the test part as chance and the same
    patients make it. Fisher's exact test, one-sided; the choice of what is near is that of the filter
    against training copies. Nothing is chosen or removed by what is found.
    """
    from scipy.stats import fisher_exact

    from augmentor.quality.candidate_scores import copy_scale, copy_view
    from augmentor.quality.filters_spec import CopyFilter

    scale = copy_scale(judge, CopyFilter().quantile).scale
    images = copy_view(judge, test)
    counts = []
    for samples in (synthetic, judge.held_out):
        distance, _ = judge.modality.nearest(copy_view(judge, samples), images)
        near = int((scale.relative_to_threshold(distance, samples.y) < 1).sum())
        counts.append([near, len(samples) - near])
    (made, _), (usual, _) = counts
    if fisher_exact(counts, alternative="greater").pvalue >= CHANCE:
        return []
    nouns = synthetic.kind.plural
    return [
        f"{made} of {len(synthetic)} synthetic {nouns} are near copies of test cases, and {usual} of "
        f"{len(judge.held_out)} validation {nouns} are as near to one. Their generator has probably seen the "
        "test part; a gain in this report may be that leak."
    ]


COPIES_OF_TEST = Step(
    "copies_of_test",
    "Look for copies of test cases",
    WarningFacts,
    look,
    reads,
    after=("load", "judge", "filter"),
    code=GENERATOR_CODE,
    then=log_warnings,
)
