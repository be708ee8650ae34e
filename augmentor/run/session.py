"""A run under way: its steps, its log, its clock, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from augmentor.core.errors import ConfigError, StorageError
from augmentor.core.progress import Progress, Silent
from augmentor.run.context import RunContext
from augmentor.run.device import resolve_device
from augmentor.run.distributed import join_ranks
from augmentor.run.engine import Engine, plain_engine
from augmentor.run.export_spec import check_formats
from augmentor.run.guard import broken_rails
from augmentor.run.outcome import NotPublished, Outcome
from augmentor.run.plan import Plan
from augmentor.run.publish import collect_facts, publish
from augmentor.run.recipe import Recipe
from augmentor.run.step import Step, run_step
from augmentor.store.cache import StepCache, StepOutput
from augmentor.store.log import LOGS, RunLog, forget_old_logs
from augmentor.store.prune import Lease, prune_after, steps_of
from augmentor.store.run_directory import retire, run_directory_lock, surplus, switch


@dataclass(frozen=True)
class Job:
    """A recipe to run, and where.

    Attributes:
        recipe: what to do.
        out: the folder of all runs; the run appears in ``<out>/<recipe>/<stamp>``.
        device: "auto", "cpu", "cuda" or "mps".
        progress: receives messages on how far the work is.
    """

    recipe: Recipe
    out: Path = Path("runs")
    device: str = "auto"
    progress: Progress = field(default_factory=Silent)


@dataclass
class Session:
    """A run under way.

    Attributes:
        context: what its steps work with.
        plan: its steps.
        log: written into the run folder in the end.
        out: the folder of all runs.
        begun: when it began, by the monotonic clock.
        lease: its share in the cache.
    """

    context: RunContext
    plan: Plan
    log: RunLog
    out: Path
    begun: float
    lease: Lease

    def run_step(self, step: Step[Any]) -> StepOutput:
        """Return the output of ``step``, made now or by an earlier run."""
        return run_step(step, self.context)

    def finish(self) -> Outcome:
        """Write the run folder, publish its dataset if no guard rail is broken, and say what came out.

        Raises:
            NotPublished: if a guard rail is broken; the run folder is there, ``published`` stays.
        """
        context, plan = self.context, self.plan
        facts = collect_facts(context, plan)
        verdict = facts.verdict
        reasons = broken_rails(context.recipe.guard, context.completed.results, verdict.arm)
        if reasons:
            note = f"This dataset is not published: {'; '.join(reasons)}."
            facts = facts.model_copy(update={"closing_notes": (*facts.closing_notes, note)})

        def waiting(owner: str) -> None:
            self.log.log(f"waiting for {owner}")

        with run_directory_lock(self.out, plan.folder, waiting) as place:
            taken = time.monotonic() - self.begun
            state = {"good": not reasons, "reasons": list(reasons), "seconds": round(taken, 1)}
            folder = publish(context, plan, facts, self.out, self.log.path, state)
            if not reasons:
                switch(place, folder)
            if context.recipe.keep_runs is not None:
                self._retire(place, context.recipe.keep_runs)
        self.log.path.unlink(missing_ok=True)
        self.close()
        outcome = Outcome(
            folder=folder,
            sentence=verdict.sentence,
            reused=tuple(name for name, output in context.completed.outputs.items() if output.reused),
            seconds=taken,
            advice=facts.evaluate.recommendation.sentence,
            further=facts.further_sentences,
        )
        if reasons:
            raise NotPublished(outcome, reasons)
        return outcome

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Write into the log how the block ended, so that ``augmentor runs`` can tell it."""
        try:
            yield
        except NotPublished:
            raise
        except BaseException as error:
            stopped = not isinstance(error, Exception)
            with suppress(StorageError):  # the error on its way matters more
                self.log.event(
                    "end",
                    state="interrupted" if stopped else "failed",
                    reason=" ".join(str(error).split()) or type(error).__name__,
                )
            self.close()
            raise

    def _retire(self, place: Path, keep: int) -> None:
        """Remove old runs and the steps that only they came from; a run that is done never fails by it."""
        try:
            steps = {step for run in surplus(place, keep) for step in steps_of(run)}
            retire(place, keep)
            freed = prune_after(self.out, self.lease, steps)
        except ConfigError as error:
            retire(place, keep)
            self.log.log(str(error))
        else:
            if freed.steps:
                self.log.log(freed.message)

    def close(self) -> None:
        """Let go of the log and of the share in the cache."""
        self.log.close()
        self.lease.close()


def begin(job: Job, plan: Plan, engine: Engine | None = None) -> Session:
    """Check the device and open the log; no step is run yet.

    Args:
        job: what to run, and where.
        plan: its steps.
        engine: what Prefect provides; None without it.

    Raises:
        ConfigError: if there is no such device, the recipe asks for what only Prefect has, or for a format
            that cannot be written.
    """
    check_formats(job.recipe.export, has_generator="train" in [step.name for step in plan.steps])
    engine = engine or plain_engine(job.recipe.execution)
    out = job.out.expanduser().resolve()
    device = resolve_device(job.device)
    join_ranks(device)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    logs = out / ".cache" / LOGS
    log = RunLog(logs / f"{job.recipe.name}-{stamp}-{time.time_ns() % 10**9}.jsonl", job.progress)
    forget_old_logs(logs, job.recipe.name)
    log.event("begin", at=stamp, recipe=job.recipe.name, recipe_sha256=job.recipe.digest, device=device)
    context = RunContext(job.recipe, StepCache(out / ".cache"), device, log, engine)
    return Session(context, plan, log, out, time.monotonic(), Lease(out))
