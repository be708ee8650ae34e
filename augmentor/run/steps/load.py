"""Read the data, skip what cannot be read, split it, and cut the training part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augmentor.core.errors import DataError
from augmentor.core.facts.samples import LoadFacts, NearTestDuplicate, Removed, Skipped
from augmentor.core.kinds import Kind
from augmentor.core.persist import write_samples
from augmentor.core.results import Results
from augmentor.core.samples import Samples
from augmentor.experiment.before_training import check_models
from augmentor.run.completed import PARTS, RESULTS
from augmentor.run.context import RunContext
from augmentor.run.step import DATA_CODE, Step

if TYPE_CHECKING:
    from augmentor.data.duplicates import NearDuplicate
    from augmentor.data.loaded import SkippedFile

NAMED = 5
"""Skipped files, and pairs of near duplicates, that a message names."""


def reads(context: RunContext) -> dict[str, Any]:
    """Return what the data depend on."""
    recipe = context.recipe
    return {
        "dataset": context.dataset,
        "card": context.card,
        "source": context.source_digest,
        "columns": recipe.columns,
        "exclude_classes": list(recipe.exclude_classes),
        "image": recipe.image,
        "series": recipe.series,
        "split": recipe.split,
        "scarcity": recipe.scarcity,
    }


def load(context: RunContext, output: Path, _: Path) -> LoadFacts:
    """Write the parts and their counts by class."""
    from augmentor.data.duplicates import near_duplicates
    from augmentor.data.load import load as read
    from augmentor.data.split import split
    from augmentor.data.telling import telling_warnings
    from augmentor.modalities.table import modality_of

    recipe, log = context.recipe, context.progress.log
    loaded = read(
        context.dataset,
        image=recipe.image,
        series=recipe.series,
        data=context.data,
        columns=recipe.columns,
        exclude=recipe.exclude_classes,
        progress=context.progress,
    )
    _refuse_changed(context)
    parts = split(loaded, split=recipe.split, scarcity=recipe.scarcity)
    told = telling_warnings(loaded)
    for line in [*_skipped_lines(loaded.skipped), *loaded.notes, *parts.notes, *told]:
        log(f"load: {line}")
    counts = []
    for name in PARTS:
        part: Samples = getattr(parts, name)
        (output / name).mkdir()
        write_samples(output / name, part)
        counts += [
            {"dataset": loaded.name, "split": name, "metric": "count", "class": label, "value": float(n)}
            for label, n in part.counts.items()
        ]
    Results.from_rows(counts).write(output / RESULTS)
    near = near_across(parts.parts, near_duplicates(parts.parts, loaded.fingerprints))
    return LoadFacts(
        dataset=loaded.name,
        title=loaded.card.title if loaded.card else loaded.name,
        card=loaded.card.model_dump(mode="json") if loaded.card else None,
        classes=parts.train.classes,
        kind=loaded.kind,
        shape=modality_of(parts.train).fit_codec(parts.train).shape,
        layout=loaded.layout,
        split=parts.kind,
        folds=parts.folds,
        source=context.source_digest,
        notes=(*loaded.notes, *parts.notes, *told, *near_duplicate_note(near, loaded.kind)),
        near_duplicates=tuple(near),
        skipped=tuple(Skipped(path=str(item.path), reason=item.reason) for item in loaded.skipped),
        removed=tuple(
            Removed(id=item.id, duplicate_of=item.duplicate_of, part=item.part, reason=item.reason)
            for item in parts.removed
        ),
    )


def _refuse_changed(context: RunContext) -> None:
    """Refuse files that are others now than when the step's key was made: the key would name what is gone.

    Raises:
        DataError: saying what to do.
    """
    if context.digest_source() != context.source_digest:
        raise DataError(
            f"the files of {context.dataset} changed while they were read; wait until nothing writes them, "
            "then run the same command again"
        )


def _skipped_lines(skipped: Sequence[SkippedFile]) -> list[str]:
    lines = [f"skipped: {item.path}: {item.reason}" for item in skipped[:NAMED]]
    return lines + ([f"{len(skipped)} files skipped in all"] if len(skipped) > NAMED else [])


def refuse_unsuited(context: RunContext) -> None:
    """Refuse what cannot be evaluated on these data: before hours of training, not after them.

    Raises:
        ConfigError: saying which field asks for it and what to change.
    """
    from augmentor.modalities.table import MODALITIES

    facts = LOAD.of(context)
    spec = context.recipe.evaluation.with_model_for(MODALITIES[facts.kind.name])
    check_models(spec, facts.shape, len(facts.classes))


def near_across(parts: Mapping[str, Samples], near: Sequence[NearDuplicate]) -> list[NearTestDuplicate]:
    """Return the nearly equal pairs with one sample in the test part and one in another."""
    place = {str(name): part for part, samples in parts.items() for name in samples.ids}
    found = []
    for pair in near:
        first, second = sorted((pair.first, pair.second), key=lambda name: place[name] == "test")
        if place[second] == "test" != place[first]:
            found.append(
                NearTestDuplicate(
                    part=place[first], id=first, test=second, correlation=round(pair.correlation, 4)
                )
            )
    return found


def near_duplicate_note(near: Sequence[NearTestDuplicate], kind: Kind) -> list[str]:
    """Return the note on nearly equal samples across parts, if there are any."""
    if not near:
        return []
    some = "; ".join(
        f"{pair.part} {pair.id} and test {pair.test} ({pair.correlation})" for pair in near[:NAMED]
    )
    return [
        f"{len(near)} test {kind.plural} have a nearly equal {kind.name} in another part (saved again with "
        f"losses, or the same case): {some}{' and more' if len(near) > NAMED else ''}. Only equal "
        f"{kind.cell}s are proof and are taken out; look at these pairs, for a test case that is known from "
        "training flatters every arm"
    ]


LOAD = Step("load", "Load and split the data", LoadFacts, load, reads, code=DATA_CODE, then=refuse_unsuited)
