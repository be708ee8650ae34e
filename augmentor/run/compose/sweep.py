"""Many synthesizer settings tried, one chosen on the validation part, and only that one tested.

Every member of a sweep runs the usual steps up to the filtered samples, which the cache shares
wherever members agree, and is then scored on the validation part at every mixing share. The best
pair of settings and share becomes an ordinary run, the only one for which the test part is read.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from augmentor.core.errors import ConfigError, LeakError, StorageError
from augmentor.core.files import json_text
from augmentor.core.progress import Progress, Silent
from augmentor.core.spec import Spec, override, parse, read_yaml
from augmentor.core.yaml_text import load_yaml
from augmentor.run.compose.expand import expansion, generation
from augmentor.run.compose.folds import one_split
from augmentor.run.compose.sweep_table import Trial, sweep_markdown
from augmentor.run.context import RunContext
from augmentor.run.distributed import refuse_several_ranks
from augmentor.run.engine import Engine
from augmentor.run.outcome import Outcome
from augmentor.run.plan import Plan
from augmentor.run.recipe import Recipe
from augmentor.run.session import Job, Session, begin
from augmentor.run.step import Step, run_steps
from augmentor.run.steps.load import LOAD
from augmentor.run.steps.scoring import TRIAL
from augmentor.store.cache import StepCache

VARIED = ("synthesizer", "training", "filters", "balance")
NEVER = ("training.seed",)


class SweepSpec(Spec):
    """What a sweep tries. Mixing shares are the recipe's ``evaluation.mixing.shares``.

    Attributes:
        grid: dotted keys of the recipe and the values to combine, every one with every other.
        members: settings to try besides, each a mapping of dotted keys to values; ``{}`` is the
            recipe as it stands.
    """

    grid: dict[str, list[Any]] = Field(default_factory=dict)
    members: list[dict[str, Any]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _keys_may_vary(self) -> SweepSpec:
        for key in [*self.grid, *(key for member in self.members for key in member)]:
            if key.split(".")[0] not in VARIED or key in NEVER:
                raise ValueError(
                    f"a sweep cannot vary {key!r}: members are compared on the same data, seeds and "
                    f"classifiers, so they may differ in {', '.join(f'{name}.*' for name in VARIED[:3])} and "
                    "balance only, and not in training.seed; the shares to try are evaluation.mixing.shares"
                )
        empty = [key for key, values in self.grid.items() if not values]
        if empty:
            raise ValueError(f"the grid names no value for {empty[0]!r}; give a list, e.g. [32000, 64000]")
        return self

    @property
    def settings(self) -> list[dict[str, Any]]:
        """The settings of every member, grid first, each once."""
        combined = [
            dict(zip(self.grid, values, strict=True)) for values in itertools.product(*self.grid.values())
        ]
        every = [*(combined if self.grid else []), *self.members]
        unique = {json.dumps(one, sort_keys=True): one for one in every}
        return list(unique.values())


@dataclass(frozen=True)
class Member:
    """One member of a sweep, small enough to be sent to another process.

    Attributes:
        number: from 1, in the order of the plan.
        settings: dotted keys and values it differs in.
        recipe: the sweep's recipe, without them.
        out: the folder of all runs.
        device: where networks train; already resolved.
    """

    number: int
    settings: Mapping[str, Any]
    recipe: Recipe
    out: Path
    device: str

    @property
    def title(self) -> str:
        """The settings as one line of text."""
        parts = (
            f"{key}={value if isinstance(value, str) else json.dumps(value)}"
            for key, value in self.settings.items()
        )
        return " ".join(parts) or "the recipe as it stands"


def member_steps(recipe: Recipe) -> tuple[Step[Any], ...]:
    """Return the steps of a member: those of a run up to the samples, and scores on the validation part."""
    return (*generation(recipe), TRIAL)


def chosen_run(recipe: Recipe, trials: Sequence[Trial]) -> Plan:
    """Return the plan of the run that a sweep chose.

    Args:
        recipe: of the best member, with its share.
        trials: every member, as the run folder shows them.
    """
    scored = sum(len(trial.tried) for trial in trials)
    lost = sum(not trial.tried for trial in trials)
    failed = f" ({lost} of them failed)" if lost else ""
    note = (
        f"Settings and share were chosen by a sweep: {len(trials)} members{failed}, {scored} pairs "
        "of member and share, compared on the validation part; sweep.md lists them all. The chosen one's "
        "validation scores are the best of many and flatter it. The test part was read for it alone."
    )
    metric = recipe.evaluation.primary_metric
    table = {"metric": metric, "members": [trial.to_json() for trial in trials]}
    return replace(
        expansion(recipe),
        folder=f"{recipe.name}-sweep",
        notes=(note,),
        attachments={"sweep.json": json_text(table), "sweep.md": sweep_markdown(trials, metric)},
    )


def read_plan(file: Path | None, grid: Sequence[str]) -> SweepSpec:
    """Return the plan of a YAML file with the ``KEY=[VALUE, VALUE]`` texts of ``grid`` laid over it.

    Raises:
        ConfigError: if something is not of that form, or may not vary.
    """
    values = read_yaml(file) if file is not None else {}
    axes = values.setdefault("grid", {})
    for text in grid:
        key, equals, value = text.partition("=")
        listed = values_of(value)
        if not equals or not key.strip() or not isinstance(listed, list) or not isinstance(axes, dict):
            raise ConfigError(
                f"--grid needs KEY=[VALUE,VALUE], e.g. --grid 'training.images=[32000,64000]', got {text!r}"
            )
        axes[key.strip()] = listed
    return parse(SweepSpec, values, "sweep" if file is None else f"sweep {file}")


def values_of(text: str) -> object:
    """Return the value of a YAML ``text``, or None where it is no YAML."""
    try:
        value: object = load_yaml(text)
    except ConfigError:
        return None
    return value


def member_recipe(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """Return ``recipe`` with ``settings`` applied, as if they had stood in its file.

    What only the synthesizer's family had set is set anew, so that another family sets its own.

    Raises:
        ConfigError: if the result does not hold together.
    """
    assignments = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    return parse(Recipe, override(recipe.written, assignments), f"recipe {recipe.name} of the sweep")


def try_member(member: Member, progress: Progress | None = None, engine: Engine | None = None) -> Trial:
    """Work one member up to its validation scores; a failure becomes its result.

    Raises:
        StorageError: if there is no room or right to write, which says nothing about the member.
        LeakError: if held-out rows are found where they must not be.
    """
    begun = time.monotonic()
    trial = Trial(number=member.number, settings=dict(member.settings), title=member.title)
    try:
        recipe = member_recipe(member.recipe, member.settings)
        cache = StepCache(member.out / ".cache")
        context = RunContext(recipe, cache, member.device, progress or Silent(), engine or Engine())
        run_steps(member_steps(recipe), context)
        tried = TRIAL.of(context).tried
    except (StorageError, LeakError):
        raise
    except Exception as error:  # any other failure is this member's own, and the others go on
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return trial.model_copy(update={"reason": reason, "seconds": time.monotonic() - begun})
    return trial.model_copy(update={"tried": tried, "seconds": time.monotonic() - begun})


def try_elsewhere(member: Member) -> Trial:
    """Work one member on a worker, where its fits run one after another."""
    execution = member.recipe.execution.model_copy(
        update={"processes": 1, "runner": "processes", "address": None}
    )
    alone = member.recipe.model_copy(update={"execution": execution})
    return try_member(replace(member, recipe=alone))


def choose(trials: Sequence[Trial]) -> tuple[Trial, float]:
    """Return the trial and share with the best mean validation score; the first of equals.

    Raises:
        ConfigError: if no member came to scores.
    """
    pairs = [(mean, trial, share) for trial in trials for share, mean, _ in trial.means]
    if not pairs:
        reasons = "; ".join(f"{trial.title}: {trial.reason}" for trial in trials[:3])
        raise ConfigError(f"every member of the sweep failed, so there is nothing to choose: {reasons}")
    _, trial, share = max(pairs, key=lambda pair: pair[0])
    return trial, share


def chosen_recipe(recipe: Recipe, trials: Sequence[Trial]) -> Recipe:
    """Return the recipe of the best member with its share, and nothing else changed."""
    trial, share = choose(trials)
    return member_recipe(recipe, {**trial.settings, "evaluation.mixing.shares": [share]})


def drive(
    session: Session,
    plan: SweepSpec,
    *,
    step: Callable[[Session, Step[Any]], object],
    attempt: Callable[[list[Member]], list[Trial]],
    show: Callable[[list[Trial]], None],
) -> Session:
    """Try every member, then work every step of the chosen one; publishing is left to the caller.

    Args:
        session: of the sweep's recipe.
        plan: what to try.
        step: works one step of a session.
        attempt: tries the members.
        show: given all trials before anything is chosen, failures included.

    Raises:
        ConfigError: if there are fewer than two pairs of settings and share, or every member
            failed.
    """
    context = session.context
    settings = plan.settings
    if len(settings) * len(context.recipe.evaluation.mixing.shares) < 2:
        raise ConfigError(
            "a sweep needs at least two things to compare: a grid such as --grid "
            "'training.images=[32000,64000]', or several evaluation.mixing.shares"
        )
    step(session, LOAD)  # what is wrong with the data is wrong for all members
    members = [
        Member(number, one, context.recipe, session.out, context.device)
        for number, one in enumerate(settings or [{}], start=1)
    ]
    trials = sorted(attempt(members), key=lambda trial: trial.number)
    show(trials)
    recipe = chosen_recipe(context.recipe, trials)
    best, share = choose(trials)
    session.log.log(f"sweep: chosen on the validation part: {best.title}, share {share:g}")
    session.context, session.plan = context.with_recipe(recipe), chosen_run(recipe, trials)
    for one in session.plan.steps:
        step(session, one)
    return session


def swept(job: Job) -> Job:
    """Return the job as a sweep runs it, on one split of the data.

    Raises:
        ConfigError: if its recipe asks for folds, whose validation cases others test on, or chooses among
            generators itself, in every member and on the same cases.
    """
    recipe = job.recipe
    if recipe.split.folds not in ("auto", 1):
        raise ConfigError(
            f"split.folds is {recipe.split.folds}, and a sweep chooses on the validation part of one split, "
            "whose cases other folds test on: sweep with split.folds=1"
        )
    if recipe.chooses:
        raise ConfigError(
            "a sweep is itself a choice on the validation part, and this recipe chooses there too, among "
            f"{len(recipe.generators)} generators ({', '.join(recipe.generators)}); set candidates=[], and "
            "let the sweep try them, e.g. --grid 'synthesizer.family=[residual,projection]'"
        )
    return replace(job, recipe=one_split(recipe))


def check_alone() -> None:
    """Refuse ``torchrun``, which shares one training.

    Raises:
        ConfigError: if it started more than one process.
    """
    refuse_several_ranks("a sweep", "run it without torchrun; execution.processes shares its fits")


def run_sweep(job: Job, plan: SweepSpec) -> Outcome:
    """Run a sweep in this process, without Prefect.

    Raises:
        AugmentorError: with a message a person can act on.
    """
    check_alone()
    job = swept(job)
    session = begin(job, expansion(job.recipe))

    def attempt(members: list[Member]) -> list[Trial]:
        return [one_by_one(session, member, len(members)) for member in members]

    with session.recorded():
        drive(
            session,
            plan,
            step=Session.run_step,
            attempt=attempt,
            show=lambda _: None,
        )
        return session.finish()


def one_by_one(session: Session, member: Member, count: int) -> Trial:
    """Try a member in this process and say what came out."""
    session.log.log(f"sweep: member {member.number} of {count}: {member.title}")
    trial = try_member(member, session.log, session.context.engine)
    session.log.log(f"sweep: member {member.number} of {count}: {trial.outcome}")
    return trial
