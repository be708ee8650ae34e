"""The ordinary run, composed in one place: from data to an expanded dataset and a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from augmentor.core.progress import Silent
from augmentor.data.folds import independent_cases
from augmentor.run.compose.choose import CHOOSE
from augmentor.run.compose.folds import further_folds, one_split
from augmentor.run.context import RunContext
from augmentor.run.device import resolve_device
from augmentor.run.distributed import join_ranks, rank_count, refuse_several_ranks, wait_for_training
from augmentor.run.outcome import Outcome
from augmentor.run.outlook import power, tell
from augmentor.run.plan import Plan
from augmentor.run.recipe import Recipe
from augmentor.run.session import Job, begin
from augmentor.run.step import Step, run_steps
from augmentor.run.steps.evaluate import evaluations
from augmentor.run.steps.filter import FILTER
from augmentor.run.steps.judge import JUDGE
from augmentor.run.steps.label_minimum import LABEL_MINIMUM
from augmentor.run.steps.load import LOAD
from augmentor.run.steps.measure import MEASURE
from augmentor.run.steps.sample import SAMPLE
from augmentor.run.steps.train import TRAIN, fit
from augmentor.store.cache import StepCache


def filtering(recipe: Recipe) -> tuple[Step[Any], ...]:
    """Return the steps that filter candidates; a recipe may leave the label filter's minimum to a choice."""
    return (*((LABEL_MINIMUM,) if recipe.evaluation.mixing.label_minimums else ()), FILTER)


def generation(recipe: Recipe) -> tuple[Step[Any], ...]:
    """Return the steps from the data to filtered samples; a recipe may leave the generator to a choice."""
    return (LOAD, JUDGE, *((CHOOSE,) if recipe.chooses else ()), TRAIN, SAMPLE, *filtering(recipe))


def expansion(recipe: Recipe) -> Plan:
    """Return the plan of an ordinary run of ``recipe``."""
    steps = generation(recipe)
    models = evaluations(recipe)
    further = [further_folds(steps, one, number) for number, one in enumerate(models)]
    folds = [] if recipe.split.folds == 1 else further
    first = replace(LOAD, then=look_ahead)
    return Plan(
        steps=(first, *steps[1:], MEASURE, *models, *folds),
        folder=recipe.name,
        settings=recipe.model_dump(mode="json"),
    )


def look_ahead(context: RunContext) -> None:
    """Refuse what cannot be evaluated on the data, then say what the run can show and what it costs."""
    LOAD.then(context)
    parts, recipe = context.completed.parts, context.recipe
    found = [independent_cases(part) for part in parts.values()]
    every = {name: sum(part[name] for part in found) for name in parts["test"].classes}
    loaded = LOAD.of(context)
    known = None if loaded.split == "official" else every
    said = (
        power(independent_cases(parts["test"]), known, recipe.evaluation, loaded.folds),
        tell(recipe, parts["train"], context.device, loaded.folds),
    )
    for line in filter(None, said):
        context.progress.log(f"ahead: {line}")


def check_ranks(recipe: Recipe) -> Recipe:
    """Return the recipe as the processes of ``torchrun`` can run it: they share one training.

    Folds that data may ask for by themselves are left out, those that a recipe asks for are refused.

    Raises:
        ConfigError: if there are several processes and several trainings.
    """
    if rank_count() == 1:
        return recipe
    if recipe.split.folds not in ("auto", 1):
        refuse_several_ranks(
            f"split.folds={recipe.split.folds}", "set split.folds=1, or run it without torchrun"
        )
    if recipe.chooses:
        refuse_several_ranks(
            f"the choice among {len(recipe.generators)} candidates",
            "set candidates=[] and name the generator in synthesizer, or run it without torchrun",
        )
    return one_split(recipe)


def run_job(job: Job) -> Outcome:
    """Run every step of ``job`` in this process, without Prefect, and publish the run folder.

    Finished steps of earlier runs are reused; an interrupted one goes on where it stopped.

    Raises:
        AugmentorError: with a message a person can act on.
    """
    job = replace(job, recipe=check_ranks(job.recipe))
    session = begin(job, expansion(job.recipe))
    with session.recorded():
        run_steps(session.plan.steps, session.context)
        return session.finish()


def train_on_rank(job: Job) -> None:
    """Train ``job``'s generator with rank 0 of ``torchrun``, and do nothing else.

    All processes must see the folder of the runs: rank 0 leaves data and judge there.

    Raises:
        ConfigError: as :func:`check_ranks`, or if there is no such device.
    """
    recipe = check_ranks(job.recipe)
    device = resolve_device(job.device)
    join_ranks(device)
    work = wait_for_training()
    if work is not None:
        cache = StepCache(job.out.expanduser().resolve() / ".cache")
        context = RunContext(recipe, cache, device, Silent())
        run_steps((LOAD, JUDGE), context)
        fit(context, work)
        wait_for_training()
