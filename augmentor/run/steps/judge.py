"""Train the cross-fitted task classifier on the training part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from augmentor.core.facts.training import JudgeFacts
from augmentor.core.seeds import derive_seed
from augmentor.run.context import RunContext
from augmentor.run.step import GENERATOR_CODE, Step
from augmentor.store.seen_rows import record_seen_rows


def reads(context: RunContext) -> dict[str, Any]:
    """Return what the judge depends on besides the data."""
    return {"judge": context.recipe.judge, "seed": context.seed}


def judge(context: RunContext, output: Path, _: Path) -> JudgeFacts:
    """Write the judge."""
    from augmentor.quality.judge import TaskJudge

    parts, spec = context.completed.parts, context.recipe.judge
    fitted = TaskJudge.fit(
        parts["train"],
        held_out=parts["validation"],
        seed=derive_seed(context.seed, "judge"),
        updates=spec.updates,
        folds=spec.folds,
        processes=context.recipe.execution.processes,
        progress=context.progress,
    )
    fitted.save(output)
    record_seen_rows(output, {name: parts[name] for name in ("train", "validation")})
    return JudgeFacts(networks=len(fitted.models), held_out=len(fitted.held_out))


JUDGE = Step("judge", "Train the judge", JudgeFacts, judge, reads, after=("load",), code=GENERATOR_CODE)
