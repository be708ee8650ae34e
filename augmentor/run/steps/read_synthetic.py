"""Read synthetic samples that someone made elsewhere; it stands where a run makes its own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from augmentor.core.errors import LeakError, SuppliedLeakError
from augmentor.core.facts.samples import LoadFacts, SampleFacts, Skipped, SyntheticSource
from augmentor.core.leak import refuse_overlap
from augmentor.core.persist import write_synthetic
from augmentor.run.completed import CANDIDATES
from augmentor.run.context import RunContext
from augmentor.run.step import DATA_CODE, Step
from augmentor.store.cache import tree_digest

LIMIT = (
    "The synthetic samples came from elsewhere, and what their generator had seen is not known here. "
    "Validation and test cases among them are refused, near copies of test cases are counted; a generator "
    "that learnt from these cases without copying them flatters the synthetic arms, and no test finds that."
)


def read_synthetic_from(source: Path) -> Step[SampleFacts]:
    """Return the step that reads the synthetic samples in ``source``, a folder or an .npz file."""

    @cache
    def digest() -> str:
        return tree_digest(source)

    def reads(_: RunContext) -> dict[str, Any]:
        return {"synthetic": digest()}

    def read(context: RunContext, output: Path, _: Path) -> SampleFacts:
        from augmentor.modalities.foreign import read_foreign

        parts = context.completed.parts
        found = read_foreign(
            source,
            parts["train"],
            layout=context.completed.facts("load", LoadFacts).layout,
            digest=digest(),
            progress=context.progress,
        )
        held_out = {name: parts[name] for name in ("validation", "test")}
        try:
            refuse_overlap({"synthetic": found.synthetic.samples}, held_out)
        except LeakError as error:
            raise SuppliedLeakError(
                f"{error}. Take them out of {source}, and make sure that its generator was trained on "
                "the training part only"
            ) from error
        (output / CANDIDATES).mkdir()
        write_synthetic(output / CANDIDATES, found.synthetic)
        counts = found.synthetic.samples.counts
        return SampleFacts(
            # Everything that passes the filters is wanted: nobody asked for a number.
            plan=counts,
            candidates=counts,
            source=SyntheticSource(
                name=source.resolve().name, kind=found.kind, sha256=digest(), rows=len(found.synthetic)
            ),
            notes=tuple(found.notes),
            limits=(LIMIT,),
            skipped=tuple(Skipped(path=item.path, reason=item.reason) for item in found.skipped),
        )

    return Step(
        "sample", "Read the synthetic samples", SampleFacts, read, reads, after=("load",), code=DATA_CODE
    )
