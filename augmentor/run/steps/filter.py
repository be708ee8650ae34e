"""Mark which samples are kept, and why the others are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from augmentor.core.facts.samples import FilterFacts, LoadFacts, SampleFacts
from augmentor.core.persist import write_synthetic
from augmentor.run.completed import RESULTS, SYNTHETIC
from augmentor.run.context import RunContext
from augmentor.run.sampling import mark
from augmentor.run.step import GENERATOR_CODE, Step


def reads(context: RunContext) -> dict[str, Any]:
    """Return what the marks depend on besides samples and judge.

    How the label filter's minimum was found is not part of it: the same minimum makes the same marks.
    """
    return {"filters": context.filters}


def filter_samples(context: RunContext, output: Path, _: Path) -> FilterFacts:
    """Write the marked samples, and the acceptance by class."""
    completed, spec = context.completed, context.filters
    facts = completed.facts("sample", SampleFacts)
    selection = mark(
        completed.candidates,
        judge=context.load_judge(),
        plan=facts.plan,
        spec=spec,
        foreign=facts.source is not None,
    )
    (output / SYNTHETIC).mkdir()
    write_synthetic(output / SYNTHETIC, selection.synthetic)
    selection.results(completed.facts("load", LoadFacts).dataset).write(output / RESULTS)
    return FilterFacts(
        filters=spec.model_dump(mode="json"),
        unusable=dict(selection.unusable),
        shortfall=dict(selection.shortfall),
    )


FILTER = Step(
    "filter",
    "Filter the samples",
    FilterFacts,
    filter_samples,
    reads,
    after=("load", "judge", "sample"),
    code=(*GENERATOR_CODE, "run.sampling"),
)
