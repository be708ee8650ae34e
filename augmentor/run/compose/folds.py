"""Outer splits: split, judge, train, sample, filter and evaluate again, and fold what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from augmentor.core.errors import ConfigError
from augmentor.core.files import write_json
from augmentor.core.results import Results
from augmentor.core.seeds import derive_seed
from augmentor.store.cache import StepOutput

if TYPE_CHECKING:
    from augmentor.experiment.outer import OuterSplit
    from augmentor.run.recipe import Recipe
    from augmentor.run.steps import Steps

STEP = "outer"


def check_outer(splits: int, kind: str) -> None:
    """Refuse to split again what comes with a test part of its own.

    Raises:
        ConfigError: if ``splits`` is above one and the split is "official".
    """
    if splits > 1 and kind == "official":
        raise ConfigError(
            f"evaluation.outer_splits is {splits}, and the data have a test part of their own, which is not "
            "mixed with the rest; set it to 1, or give the data without that part"
        )


def split_recipe(recipe: Recipe, number: int) -> Recipe:
    """Return the recipe of outer split ``number``: another split, another generator seed, all else alike."""

    def another(seed: int) -> int:
        return derive_seed(seed, STEP, number) % 2**31

    return recipe.model_copy(
        update={
            "split": recipe.split.model_copy(update={"seed": another(recipe.split.seed)}),
            "training": recipe.training.model_copy(update={"seed": another(recipe.training.seed)}),
            "evaluation": recipe.evaluation.model_copy(update={"outer_splits": 1}),
        }
    )


def work_outer(steps: Steps) -> StepOutput:
    """Work every further split through the same cache and keep the folded answer.

    Each split makes its own choices on its own validation part. No test case of a split was seen by
    what that split learnt from; the leak guard looks at each.
    """
    from augmentor.experiment.outer import fold_splits
    from augmentor.run.publish import check_leak
    from augmentor.run.steps import Steps

    wanted = steps.recipe.evaluation.outer_splits
    every: list[Steps] = [steps]
    for number in range(1, wanted):
        steps.progress.log(f"outer split {number + 1} of {wanted}: everything from the split on, once more")
        other = Steps(
            split_recipe(steps.recipe, number), steps.cache, steps.device, steps.progress, engine=steps.engine
        )
        other.evaluate()
        check_leak(other)
        every.append(other)

    def build(output: Path, _: Path) -> None:
        spec = steps.recipe.evaluation
        folded = fold_splits(
            [_found(one) for one in every],
            metric=spec.primary_metric,
            margin=spec.statistics.margin,
            confidence=spec.statistics.confidence,
        )
        dataset = steps.words("load")["dataset"]
        Results.from_rows({"dataset": dataset, **row} for row in folded.rows).write(
            output / "results.parquet"
        )
        seeds = [{"split": one.recipe.split.seed, "training": one.seed, **_chosen(one)} for one in every]
        write_json(output / "facts.json", {**folded.facts, "seeds": seeds})

    inputs = {"evaluations": [one.done["evaluate"].key for one in every]}
    return steps.cache.get_or_build(STEP, steps.cache.key(STEP, inputs, ("core", "experiment")), build)


def _chosen(steps: Steps) -> dict[str, str]:
    """Return the name of the generator that a split chose for itself, where it had a choice."""
    return {"generator": str(steps.words("choose")["chosen"])} if "choose" in steps.done else {}


def _found(steps: Steps) -> OuterSplit:
    from augmentor.experiment.outer import OuterSplit

    verdict = steps.words("evaluate")["verdict"]
    results = Results.read(steps.done["evaluate"].folder / "results.parquet")
    metric = steps.recipe.evaluation.primary_metric
    parts = steps.parts
    control = steps.words("evaluate")["controls"].get(verdict["arm"])

    def mean(arm: str) -> float:
        return float(results.where(arm=arm, split="test", metric=metric)["value"].mean())

    return OuterSplit(
        arm=verdict["arm"],
        baseline=verdict["baseline"],
        before=mean(verdict["baseline"]),
        after=mean(verdict["arm"]),
        n_train=len(parts["train"]),
        n_test=len(parts["test"]),
        control=mean(control) if control else None,
    )
