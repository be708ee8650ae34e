"""Has anything changed since the last run? Answered by content, without training anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augmentor.core.progress import Silent
from augmentor.run.context import RunContext
from augmentor.run.recipe import Recipe
from augmentor.store.cache import StepCache
from augmentor.store.run_directory import finished_runs


@dataclass(frozen=True)
class Change:
    """What stands against running again.

    Attributes:
        changed: whether a run is due.
        sentence: why, for a person.
        last: the newest finished run, or None where there is none.
    """

    changed: bool
    sentence: str
    last: Path | None


def since_last_run(recipe: Recipe, out: Path) -> Change:
    """Compare the source data's bytes, their card and the recipe with those of the newest finished run.

    Raises:
        DataError: if the recipe names no data, or it is not there.
    """
    context = RunContext(recipe, StepCache(out / ".cache"), "cpu", Silent())
    source = context.source_digest
    folder = out / recipe.name
    for run in reversed(finished_runs(folder) if folder.is_dir() else []):
        manifest = _manifest(run)
        if manifest is None:
            continue
        if manifest.get("recipe_sha256") != recipe.digest:
            return Change(True, f"the recipe has changed since {run.name}", run)
        inputs = manifest.get("inputs", {})
        if inputs.get("source_sha256") != source:
            return Change(True, f"the source data has changed since {run.name}", run)
        if inputs.get("card_sha256") != context.card_digest:
            return Change(True, f"the dataset's card has changed since {run.name}", run)
        if changed := changed_model(recipe, inputs.get("models", [])):
            return Change(True, f"the file {changed} of a model has changed since {run.name}", run)
        return Change(False, f"neither the source data nor the recipe has changed since {run.name}", run)
    return Change(True, "there is no finished run of this recipe yet", None)


def changed_model(recipe: Recipe, known: Sequence[Mapping[str, Any]]) -> str:
    """Return the name of a file of the recipe's models that is not what it was, "" where all are.

    Args:
        recipe: names the models.
        known: what the manifest of a run says of its models.
    """
    spec = recipe.evaluation
    for number, before in zip(range(len(spec.models)), known, strict=False):
        for name, digest in spec.alone(number).digests().items():
            if before.get("files", {}).get(name) != digest:
                return name
    return ""


def _manifest(run: Path) -> dict[str, Any] | None:
    try:
        manifest: dict[str, Any] = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None
