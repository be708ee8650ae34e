"""More samples from a finished run's generator, filtered as its recipe says."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.files import atomic_folder, write_json
from augmentor.core.persist import read_samples, write_synthetic
from augmentor.core.progress import Progress, Silent
from augmentor.core.samples import concatenate
from augmentor.core.seeds import derive_seed
from augmentor.core.spec import parse, read_yaml
from augmentor.core.synthetic import SyntheticSet
from augmentor.quality.filters import Selection
from augmentor.quality.filters_spec import FiltersSpec
from augmentor.run.device import resolve_device
from augmentor.run.publish import FILTERS
from augmentor.run.recipe import Recipe, recipe_from_values
from augmentor.run.rerender import run_folder
from augmentor.run.sampling import mark, sample

ROUNDS = 12
SPARE = 1.25


@dataclass(frozen=True)
class GenerateOutcome:
    """What was made.

    Attributes:
        folder: where it lies.
        counts: samples by class, exactly as asked.
        acceptance: a line a class: how many were made, and what share the filters accepted.
    """

    folder: Path
    counts: Mapping[str, int]
    acceptance: tuple[str, ...]


def generate(
    run: Path | str,
    counts: Mapping[str, int],
    out: Path,
    *,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
) -> GenerateOutcome:
    """Write exactly ``counts[name]`` filtered samples of each class into the new folder ``out``.

    Args:
        run: a finished run folder.
        counts: samples by class name.
        out: a folder that does not exist yet; it appears whole or not at all.
        seed: the same seed gives the same samples.
        device: "auto", "cpu", "cuda" or "mps".
        progress: receives messages on how far the work is.

    Raises:
        ConfigError: if the run, a class or a count is not valid.
        DataError: if the filters accept too few samples of a class to reach its count.
    """
    from augmentor.quality.judge import TaskJudge
    from augmentor.synthesizers.build import load_synthesizer

    listener = progress or Silent()
    folder = run_folder(run)
    if not (folder / "generator").is_dir():
        raise ConfigError(
            f"{run} judged synthetic samples that were made elsewhere, and has no generator to make more with"
        )
    recipe = recipe_from_values(read_yaml(folder / "recipe.yaml"))
    filters = used_filters(folder, recipe)
    train = read_samples(folder / "filters" / "train")
    judge = TaskJudge.load(
        folder / "filters" / "judge", train=train, held_out=read_samples(folder / "filters" / "validation")
    )
    wanted = check_counts(counts, train.classes)
    synthesizer = load_synthesizer(folder / "generator", device=resolve_device(device))
    made: list[SyntheticSet] = []
    missing, acceptance = dict(wanted), dict.fromkeys(train.classes, 1.0)
    total = sum(wanted.values())
    listener.start("generate", total)
    for number in range(ROUNDS):
        asked = {
            name: math.ceil(SPARE * n / max(acceptance[name], filters.acceptance_floor, 0.02)) + 8
            for name, n in missing.items()
            if n
        }
        made.append(sample(synthesizer, asked, train.classes, seed=derive_seed(seed, "generate", number)))
        candidates = joined(made)
        selection = mark(candidates, judge=judge, plan=wanted, spec=filters)
        missing = dict(selection.shortfall)
        acceptance = shares(selection)
        listener.update("generate", total - sum(missing.values()))
        if not missing or any(name in selection.unusable for name in missing):
            break
    listener.finish("generate")
    if missing:
        raise DataError(explain_shortage(missing, wanted, acceptance))
    kept = only_kept(selection.synthetic)
    write_generated(out, kept, name=recipe.name, run=folder, seed=seed, counts=wanted)
    lines = tuple(
        f"{name}: {n} made, {acceptance[name]:.0%} of its candidates accepted"
        for name, n in wanted.items()
        if n
    )
    return GenerateOutcome(out, wanted, lines)


def used_filters(folder: Path, recipe: Recipe) -> FiltersSpec:
    """Return the filters that the run ended with; its recipe may have left the level to a choice."""
    path = folder / "filters" / FILTERS
    if not path.is_file():
        return recipe.filters
    return parse(FiltersSpec, json.loads(path.read_text(encoding="utf-8")), str(path))


def check_counts(counts: Mapping[str, int], classes: tuple[str, ...]) -> dict[str, int]:
    """Return counts for every class, zeros included.

    Raises:
        ConfigError: if a class is unknown, a count negative, or nothing is asked for.
    """
    for name, n in counts.items():
        if name not in classes:
            raise ConfigError(
                f"--count {name}={n}: there is no such class; the classes are {', '.join(classes)}"
            )
        if n < 0:
            raise ConfigError(f"--count {name}={n}: a count cannot be negative")
    if not sum(counts.values()):
        raise ConfigError(f"say how many samples to make, e.g. --count {classes[0]}=100")
    return {name: counts.get(name, 0) for name in classes}


def joined(parts: list[SyntheticSet]) -> SyntheticSet:
    """Return the rounds as one set, in the order they were made, with unique ids."""
    samples = concatenate(
        [
            replace(part.samples, ids=np.array([f"round-{number}/{name}" for name in part.samples.ids]))
            for number, part in enumerate(parts)
        ]
    )
    return SyntheticSet(
        samples=samples,
        provenance=pd.concat([part.provenance for part in parts], ignore_index=True),
        kept=np.concatenate([part.kept for part in parts]),
        reason=np.concatenate([part.reason for part in parts]),
    )


def shares(selection: Selection) -> dict[str, float]:
    """Return the share of candidates that the filters accepted, 1 where there were none."""
    table = selection.acceptance
    made = table["candidates"].to_numpy(dtype=float)
    share = np.where(made > 0, table["accepted"].to_numpy(dtype=float) / np.maximum(made, 1.0), 1.0)
    return {str(name): float(value) for name, value in zip(table["class"], share, strict=True)}


def only_kept(synthetic: SyntheticSet) -> SyntheticSet:
    """Return the kept rows as a set of their own."""
    kept = synthetic.kept
    return SyntheticSet(
        samples=synthetic.kept_samples,
        provenance=synthetic.provenance[kept].reset_index(drop=True),
        kept=synthetic.kept[kept],
        reason=synthetic.reason[kept],
    )


def explain_shortage(
    missing: Mapping[str, int], wanted: Mapping[str, int], acceptance: Mapping[str, float]
) -> str:
    """Return the message for classes whose counts could not be reached."""
    lines = ", ".join(
        f"{name}: {wanted[name] - n} of {wanted[name]} (the filters accept {acceptance[name]:.0%})"
        for name, n in missing.items()
    )
    return (
        f"the generator cannot make that many good samples: {lines}; nothing was written. Ask for fewer, or "
        "train longer with --set training.images=..."
    )


def write_generated(
    out: Path, kept: SyntheticSet, *, name: str, run: Path, seed: int, counts: Mapping[str, int]
) -> None:
    """Write pictures, metadata and the rows themselves, whole or not at all."""
    from augmentor.modalities.export import export

    nothing = kept.samples.take(np.zeros(len(kept), dtype=np.bool_))
    with atomic_folder(out) as folder:
        export(folder / "images", nothing, kept, layout="folder", name=name)
        for path in (folder / "images").iterdir():
            path.rename(folder / path.name)
        (folder / "images").rmdir()
        (folder / "samples").mkdir()
        write_synthetic(folder / "samples", kept)
        write_json(
            folder / "generated.json", {"run": run.name, "recipe": name, "seed": seed, "counts": dict(counts)}
        )
