"""A step of a run as a value, and the one way in which every step is run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from augmentor.core.facts.base import Facts
from augmentor.core.files import sha256_file
from augmentor.run.context import RunContext
from augmentor.store.cache import StepOutput

DATA_CODE = ("core", "data", "modalities")
GENERATOR_CODE = (*DATA_CODE, "nets", "objectives", "training", "synthesizers", "metrics", "quality")
"""The judge scores checkpoints, so that its room belongs to what a generator is trained by."""
EXPERIMENT_CODE = (*GENERATOR_CODE, "downstream", "statistics", "experiment")
PACKAGE = __name__.partition(".")[0]

F = TypeVar("F", bound=Facts)


def nothing_else(_: RunContext) -> None:
    """Do nothing: what most steps do once their output is there."""


def always(_: RunContext) -> bool:
    """Return that the step is part of the run, as most steps of a plan are."""
    return True


@dataclass(frozen=True)
class Step(Generic[F]):
    """One step: what it is called, what it reads, what it leaves.

    Attributes:
        name: of its folder in the cache and its entry in the manifest; one step of a run has it.
        title: for people.
        facts: type of what ``build`` returns, which is written beside the step's files.
        build: called with the context, an empty folder for the output, which appears whole or not at all, and
            a work folder that outlives an interruption, for checkpoints. Rows of results go into
            :data:`augmentor.run.completed.RESULTS` of the output.
        reads: returns what the output depends on besides earlier steps, by name: whole sub-specs of the
            recipe, and plain values such as the seed.
        after: names of the earlier steps whose output it reads.
        code: packages and modules of this package whose source it runs, e.g. "data" or "run.sampling"; the
            file that ``build`` is written in is added.
        then: called once the output is there, made now or by an earlier run.
        wanted: asked when the step's turn comes, whether these data and this recipe need it.

    Example:
        >>> def count(context, output, work):
        ...     return CountFacts(n=len(context.completed.parts["train"]))
        >>> Step("count", "Count the training part", CountFacts, count, lambda context: {}, after=("load",))
    """

    name: str
    title: str
    facts: type[F]
    build: Callable[[RunContext, Path, Path], F]
    reads: Callable[[RunContext], Mapping[str, Any]]
    after: tuple[str, ...] = ()
    code: tuple[str, ...] = DATA_CODE
    then: Callable[[RunContext], None] = nothing_else
    wanted: Callable[[RunContext], bool] = always

    def of(self, context: RunContext) -> F:
        """Return the facts of this step, which is done."""
        return context.completed.facts(self.name, self.facts)


def run_step(step: Step[Any], context: RunContext) -> StepOutput:
    """Return the output of ``step``: that of an earlier run with the same key, else built now.

    Raises:
        ValueError: if a step that it reads has not been done: the list is in the wrong order.
    """
    completed, log = context.completed, context.progress.log
    if step.name in completed:
        return completed.outputs[step.name]

    def build(output: Path, work: Path) -> None:
        step.build(context, output, work).write(output)

    output = context.cache.get_or_build(
        step.name,
        step_key(step, context),
        build,
        waiting=lambda owner: log(f"{step.name}: waiting for {owner}, which is doing the same"),
        damaged=lambda: log(f"{step.name}: the kept files are damaged; doing it again"),
    )
    completed.outputs[step.name] = output
    done = "reused from an earlier run" if output.reused else f"done in {output.seconds:.1f} s"
    log(f"{step.name}: {done}")
    step.then(context)
    return output


def run_steps(steps: Sequence[Step[Any]], context: RunContext) -> None:
    """Run those of ``steps`` that are wanted, one after another."""
    for step in steps:
        if step.wanted(context):
            run_step(step, context)


def step_key(step: Step[Any], context: RunContext) -> str:
    """Return the key of ``step``: a hash of all that its output depends on.

    Raises:
        ValueError: if a step that it reads has not been done.
    """
    missing = [name for name in step.after if name not in context.completed]
    if missing:
        raise ValueError(
            f"the step {step.name} reads what {', '.join(missing)} left, and that is not done yet; in the "
            "list of steps put it after them"
        )
    inputs = {
        "after": {name: context.completed.key(name) for name in step.after},
        "reads": as_json(step.reads(context)),
        "build": sha256_file(Path(inspect.getfile(step.build))),
    }
    return context.cache.key(step.name, inputs, step.code)


def as_json(value: Any) -> Any:  # noqa: ANN401 - any value that a step reads
    """Return ``value`` as JSON, with every sub-spec dumped whole.

    The code that this package's own specs stand for is hashed beside them, room by room. A spec of somebody's
    own, of a method or modality that is registered from outside, brings the hash of its file.
    """
    if isinstance(value, BaseModel):
        kind = type(value)
        if kind.__module__.partition(".")[0] == PACKAGE:
            return value.model_dump(mode="json")
        return {"spec": value.model_dump(mode="json"), "code": sha256_file(Path(inspect.getfile(kind)))}
    if isinstance(value, Mapping):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    return value
