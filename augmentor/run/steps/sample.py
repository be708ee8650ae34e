"""Make more samples than the plan needs, so that filters have something to choose from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from augmentor.core.facts.samples import SampleFacts
from augmentor.core.files import write_json
from augmentor.core.persist import write_samples, write_synthetic
from augmentor.core.seeds import derive_seed
from augmentor.run.completed import CANDIDATES, TRAVERSALS
from augmentor.run.context import RunContext
from augmentor.run.sampling import sample as make
from augmentor.run.step import GENERATOR_CODE, Step


def reads(context: RunContext) -> dict[str, Any]:
    """Return what the samples depend on besides the generator."""
    return {"balance": context.recipe.balance, "filters": context.recipe.filters, "seed": context.seed}


def sample(context: RunContext, output: Path, _: Path) -> SampleFacts:
    """Write the candidates, and samples along the generator's codes where it has some."""
    from augmentor.quality.plan import candidates, plan
    from augmentor.synthesizers.build import load_synthesizer

    train, filters = context.completed.parts["train"], context.recipe.filters
    wanted = plan(train.counts, context.recipe.balance)
    making = candidates(wanted, filters.oversampling, filters.minimum_candidates)
    seed = derive_seed(context.seed, "sample")
    with context.engine.device_slot(context.device):
        synthesizer = load_synthesizer(context.completed.folder("train"), device=context.device)
        synthetic = make(synthesizer, making, train.classes, seed=seed)
        traversals = synthesizer.traverse(seed=derive_seed(seed, "traversals"))
    if traversals is not None:
        (output / TRAVERSALS).mkdir()
        write_samples(output / TRAVERSALS, traversals.samples)
        write_json(output / TRAVERSALS / "rows.json", traversals.rows)
    (output / CANDIDATES).mkdir()
    write_synthetic(output / CANDIDATES, synthetic)
    return SampleFacts(plan=wanted, candidates=making)


SAMPLE = Step(
    "sample",
    "Make synthetic samples",
    SampleFacts,
    sample,
    reads,
    after=("load", "train"),
    code=(*GENERATOR_CODE, "run.sampling"),
)
