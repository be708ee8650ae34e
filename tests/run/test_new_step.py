"""A step of somebody's own, defined here alone, runs in a composed list from the data to the report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from augmentor.core.facts.base import Facts
from augmentor.core.progress import Silent
from augmentor.core.results import Results
from augmentor.core.spec import Spec
from augmentor.report.run_facts import RunFacts
from augmentor.run.completed import RESULTS
from augmentor.run.compose.expand import expansion
from augmentor.run.context import RunContext
from augmentor.run.outcome import Outcome
from augmentor.run.plan import Plan
from augmentor.run.recipe import NO_EFFECT, Recipe, load_recipe
from augmentor.run.session import Job, begin
from augmentor.run.step import Step, run_steps, step_key
from augmentor.run.steps.filter import FILTER
from augmentor.run.steps.load import LOAD
from augmentor.store.cache import StepCache


class BrightnessSpec(Spec):
    """What the step reads: a sub-spec of its own."""

    scale: float = 255.0


class BrightnessFacts(Facts):
    """What the step says."""

    brightest: str


def brightness(spec: BrightnessSpec) -> Step[BrightnessFacts]:
    """Return the step that measures how bright the kept samples of each class are."""

    def reads(context: RunContext) -> Mapping[str, Any]:
        return {"brightness": spec}

    def measure(context: RunContext, output: Path, work: Path) -> BrightnessFacts:
        kept = context.completed.synthetic.kept_samples
        means = {
            name: float(kept.array[kept.y == label].mean()) / spec.scale
            for label, name in enumerate(kept.classes)
            if (kept.y == label).any()
        }
        dataset = LOAD.of(context).dataset
        rows = [
            {"dataset": dataset, "split": "synthetic", "metric": "brightness", "class": name, "value": value}
            for name, value in means.items()
        ]
        Results.from_rows(rows).write(output / RESULTS)
        return BrightnessFacts(brightest=max(means, key=means.__getitem__))

    return Step("brightness", "Measure brightness", BrightnessFacts, measure, reads, after=("load", "filter"))


def with_step(plan: Plan, step: Step[Any], *, after: str) -> Plan:
    place = [one.name for one in plan.steps].index(after) + 1
    return replace(plan, steps=(*plan.steps[:place], step, *plan.steps[place:]))


def run(recipe: Recipe, plan: Plan, out: Path) -> Outcome:
    session = begin(Job(recipe, out, "cpu"), plan)
    with session.recorded():
        run_steps(plan.steps, session.context)
        return session.finish()


@pytest.mark.slow
def test_a_new_step_runs_from_the_data_to_the_report(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path
) -> None:
    recipe = load_recipe(str(tiny_recipe), ["training.images=64"], data=tiny_images)
    plan = with_step(expansion(recipe), brightness(BrightnessSpec()), after="filter")
    outcome = run(recipe, plan, tmp_path)
    results = Results.read(outcome.folder / "results.parquet").where(metric="brightness")
    assert set(results["class"]) <= {"disc", "ring"}
    assert len(results) > 0
    facts = RunFacts.read(outcome.folder)
    assert facts.other["brightness"]["brightest"] in {"disc", "ring"}
    manifest = json.loads((outcome.folder / "manifest.json").read_text())
    assert list(manifest["steps"]) == [step.name for step in plan.steps]
    assert "brightness" in facts.seconds
    assert "brightness" in (outcome.folder / "report.html").read_text(encoding="utf-8")

    assert run(recipe, plan, tmp_path).reused == tuple(step.name for step in plan.steps)
    # Another sub-spec is another output, and of that step alone.
    other = with_step(expansion(recipe), brightness(BrightnessSpec(scale=1.0)), after="filter")
    again = run(recipe, other, tmp_path)
    assert set(again.reused) == {step.name for step in plan.steps} - {"brightness"}
    bright = Results.read(again.folder / "results.parquet").where(metric="brightness")["value"]
    assert bright.tolist() == pytest.approx([255 * value for value in results["value"]])


def test_a_step_before_one_that_it_reads_is_refused(tmp_path: Path) -> None:
    recipe = load_recipe("digits")
    with pytest.raises(ValueError, match=r"brightness reads filter; the steps before it are load, judge"):
        with_step(expansion(recipe), brightness(BrightnessSpec()), after="judge")
    twice = expansion(recipe)
    with pytest.raises(ValueError, match="the step load is there twice"):
        replace(twice, steps=(*twice.steps, LOAD))
    context = RunContext(recipe, StepCache(tmp_path), "cpu", Silent())
    with pytest.raises(ValueError, match="the step filter reads what load, judge, sample left"):
        step_key(FILTER, context)


def test_the_key_of_a_step_follows_everything_that_it_reads(tmp_path: Path) -> None:
    """Each sub-spec is hashed whole, so that a new field needs no further mention."""

    def key(*settings: str, device: str = "cpu") -> str:
        return step_key(
            LOAD, RunContext(load_recipe("digits", settings), StepCache(tmp_path), device, Silent())
        )

    usual = key()
    assert key() == usual
    for setting in ("split.seed=1", "scarcity.seed=1", "image.size=6", "series.treatment=pad_zero"):
        assert key(setting) != usual, setting
    for setting in ("training.seed=1", "evaluation.seeds=3", "judge.folds=2", "guard.minimum_gain=0"):
        assert key(setting) == usual, setting
    assert key(device="cuda") == usual


def test_every_part_of_a_recipe_belongs_to_the_key_of_a_step(tmp_path: Path) -> None:
    """A sub-spec that is added to the recipe or to its evaluation cannot be forgotten here."""
    asked = [
        "candidates=[{family: cvae}]",
        "evaluation.further_models=[{name: random_forest}]",
        "evaluation.mixing.label_minimums=[0, 1]",
    ]
    recipe = load_recipe("digits", asked)
    context = RunContext(recipe, StepCache(tmp_path), "cpu", Silent())
    # The steps that repeat all others on every fold read the digests of its recipes.
    steps = [step for step in expansion(recipe).steps if not step.name.startswith("folds")]
    read = {name for step in steps for name in step.reads(context)}
    # Under other names: all generators, each further model in a step of its own, and the evaluation part by
    # part.
    read |= {"further_models"} if "evaluate_2" in {step.name for step in steps} else set()
    read |= {"candidates"} if "generators" in read else set()
    parts = {name for name, field in Recipe.model_fields.items() if NO_EFFECT not in field.metadata}
    assert parts - read == {"name", "evaluation"}
    assert set(type(recipe.evaluation).model_fields) - read == set()
