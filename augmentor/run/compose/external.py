"""Judging anyone's synthetic samples: the whole evaluation and report, without training a generator."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from augmentor.core.errors import ConfigError
from augmentor.core.progress import Progress, Silent
from augmentor.experiment.spec import check_trainable
from augmentor.run.compose.expand import filtering
from augmentor.run.compose.folds import one_split
from augmentor.run.outcome import Outcome
from augmentor.run.plan import Plan
from augmentor.run.recipe import Recipe, load_recipe
from augmentor.run.session import Job, begin
from augmentor.run.step import run_steps
from augmentor.run.steps.copies_of_test import COPIES_OF_TEST
from augmentor.run.steps.evaluate import evaluations
from augmentor.run.steps.judge import JUDGE
from augmentor.run.steps.load import LOAD
from augmentor.run.steps.measure import MEASURE
from augmentor.run.steps.read_synthetic import read_synthetic_from

IDLE = (
    *("synthesizer", "candidates", "training", "balance"),
    *("filters.oversampling", "filters.minimum_candidates"),
)
"""Fields of a recipe that only a generator of our own has a use for."""
USED = ("training.seed",)


def external_evaluation(recipe: Recipe, source: Path) -> Plan:
    """Return the plan of judging the synthetic samples in ``source``.

    They are read before the judge is trained: where held-out cases are among them, nothing else is done.
    """
    return Plan(
        steps=(
            *(LOAD, read_synthetic_from(source), JUDGE),
            *filtering(recipe),
            *(COPIES_OF_TEST, MEASURE),
            *evaluations(recipe),
        ),
        folder=f"{recipe.name}-evaluate",
        settings=used_settings(recipe),
    )


def used_settings(recipe: Recipe) -> dict[str, Any]:
    """Return ``recipe`` as JSON without what a generator of our own would have needed."""
    values = recipe.model_dump(mode="json")
    for key in IDLE:
        *parents, last = key.split(".")
        place = values
        for parent in parents:
            place = place[parent]
        place.pop(last)
    return {**values, "training": {"seed": recipe.training.seed}}


def external_plan(
    real: str, synthetic: Path | str, recipe: str, assignments: Sequence[str]
) -> tuple[Recipe, Plan]:
    """Check what :func:`evaluate_foreign` is given; return the recipe and the plan. No step is run yet.

    Raises:
        ConfigError: as :func:`foreign_recipe`.
        DataError: as :func:`foreign_recipe`, or if there is nothing at ``synthetic``.
    """
    from augmentor.data.readers.foreign import foreign_path

    source = foreign_path(Path(synthetic).expanduser())
    made = foreign_recipe(real, recipe, assignments)
    return made, external_evaluation(made, source)


def evaluate_foreign(
    real: str,
    synthetic: Path | str,
    *,
    recipe: str = "default",
    assignments: Sequence[str] = (),
    out: Path | str = Path("runs"),
    device: str = "auto",
    progress: Progress | None = None,
) -> Outcome:
    """Judge synthetic samples of any origin as a run judges its own, and publish the report.

    Every synthetic row is wanted; the filters say which are kept. The run folder is
    ``<out>/<recipe>-evaluate/<stamp>`` with the files of a run, but without a generator.

    Args:
        real: a card's name, a card file, or the path of an image folder or .npz.
        synthetic: what :func:`augmentor.modalities.foreign.read_foreign` reads, or a run folder.
        recipe: a shipped recipe or a YAML file: split, judge, filters and evaluation are its.
        assignments: ``dotted.key=value`` texts.
        out: the folder of all runs; finished steps are kept there and used again.
        device: "auto", "cpu", "cuda" or "mps".
        progress: receives messages on how far the work is.

    Raises:
        ConfigError: if the recipe does not hold together, or a field is set that has no effect.
        DataError: if real or synthetic data cannot be used.
        SuppliedLeakError: if a validation or test case is among the synthetic samples.
    """
    made, plan = external_plan(real, synthetic, recipe, assignments)
    session = begin(Job(made, Path(out), device, progress or Silent()), plan)
    with session.recorded():
        run_steps(plan.steps, session.context)
        return session.finish()


def foreign_recipe(real: str, recipe: str, assignments: Sequence[str]) -> Recipe:
    """Return the recipe for ``real``; a card's name goes before a folder of that name.

    Raises:
        ConfigError: if it does not hold together, or an assignment would have no effect.
        DataError: if ``real`` is neither a card nor a path.
    """
    from augmentor.data.load import find_card

    for assignment in assignments:
        key = assignment.partition("=")[0].strip()
        idle = any(key == field or key.startswith(f"{field}.") for field in IDLE)
        if idle and key not in USED:
            raise ConfigError(
                f"--set {key} has no effect here: the synthetic samples are given and all of them are "
                "wanted; what matters is split, image, judge, filters, evaluation and training.seed"
            )
    if find_card(real) is None:
        made = load_recipe(recipe, assignments, Path(real))
    else:
        # As JSON, which is YAML: a card file's path may hold signs that mean something there.
        made = load_recipe(recipe, [f"dataset={json.dumps(real)}", *assignments])
    try:
        # Samples from elsewhere come without a critic.
        check_trainable(made.evaluation, critic=False)
    except ValueError as error:
        raise ConfigError(f"evaluation.arms, without a generator trained here: {error}") from error
    if made.split.folds not in ("auto", 1):
        raise ConfigError(
            f"split.folds is {made.split.folds}, and a generator of samples from elsewhere cannot be trained "
            "again for each fold; set it to 1"
        )
    return one_split(made)
