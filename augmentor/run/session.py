"""One run of a recipe, in this process, without Prefect."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from augmentor.core.errors import ConfigError, StorageError
from augmentor.core.progress import Progress, Silent
from augmentor.run.device import resolve_device
from augmentor.run.distributed import join_ranks, refuse_several_ranks, wait_for_training
from augmentor.run.engine import Engine, plain_engine
from augmentor.run.guard import NotPublished, broken_rails
from augmentor.run.publish import publish
from augmentor.run.recipe import Recipe
from augmentor.run.steps import Steps
from augmentor.store.cache import StepCache
from augmentor.store.log import RunLog, forget_old_logs
from augmentor.store.prune import Lease, prune_after, steps_of
from augmentor.store.run_directory import retire, run_directory_lock, surplus, switch

STEPS = {
    "load": "Load and split the data",
    "judge": "Train the judge",
    "train": "Train the generator",
    "sample": "Make synthetic samples",
    "filter": "Filter the samples",
    "measure": "Measure fidelity, diversity and copies",
    "evaluate": "Measure the classifier's gain",
}
CHOICE = {"choose": "Choose the generator"}


def stages(recipe: Recipe) -> dict[str, str]:
    """Return the steps of a run of ``recipe`` in their order, each with its title."""
    if not recipe.chooses:
        return STEPS
    place = list(STEPS).index("train")
    return dict([*list(STEPS.items())[:place], *CHOICE.items(), *list(STEPS.items())[place:]])


@dataclass(frozen=True)
class Job:
    """A recipe to run, and where.

    Attributes:
        recipe: what to do.
        out: the folder of all runs; the run appears in ``<out>/<recipe>/<stamp>``.
        device: "auto", "cpu", "cuda" or "mps".
        progress: told where the work stands.
    """

    recipe: Recipe
    out: Path = Path("runs")
    device: str = "auto"
    progress: Progress = field(default_factory=Silent)


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    Attributes:
        folder: the run folder.
        sentence: the verdict in one sentence.
        advice: what to train with, by the validation part alone.
        reused: the steps taken from earlier runs.
        seconds: wall-clock seconds of this run.
    """

    folder: Path
    sentence: str
    reused: tuple[str, ...]
    seconds: float
    advice: str = ""


@dataclass
class Session:
    """A run under way: its steps, its log, its clock, and its share in the cache."""

    steps: Steps
    log: RunLog
    out: Path
    begun: float
    lease: Lease

    def finish(self) -> Outcome:
        """Write the run folder, publish its dataset if no guard rail is broken, and say what came out.

        Raises:
            NotPublished: if a guard rail is broken; the run folder is there, ``published`` stays.
        """
        steps = self.steps
        verdict = steps.verdict
        reasons = broken_rails(steps.recipe.guard, steps.results, verdict)
        seconds = {name: step_seconds(kept.folder) for name, kept in steps.done.items()}
        with run_directory_lock(
            self.out, steps.name, lambda owner: self.log.log(f"waiting for {owner}")
        ) as place:
            taken = time.monotonic() - self.begun
            state = {"good": not reasons, "reasons": list(reasons), "seconds": round(taken, 1)}
            folder = publish(steps, self.out, self.log.path, seconds, state)
            if not reasons:
                switch(place, folder)
            if steps.recipe.keep_runs is not None:
                self._retire(place, steps.recipe.keep_runs)
        self.log.path.unlink(missing_ok=True)
        self.close()
        outcome = Outcome(
            folder=folder,
            sentence=str(verdict["sentence"]),
            reused=tuple(name for name, kept in steps.done.items() if kept.reused),
            seconds=taken,
            advice=str(steps.words("evaluate")["recommendation"]["sentence"]),
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
                self.log.log(freed.told)

    def close(self) -> None:
        """Let go of the log and of the share in the cache."""
        self.log.close()
        self.lease.close()


def begin(
    job: Job,
    make: Callable[[Recipe, StepCache, str, Progress], Steps] = Steps,
    engine: Engine | None = None,
) -> Session:
    """Check the device, open the log and prepare the steps; nothing is worked yet.

    Args:
        job: what to run.
        make: makes the steps of recipe, cache, device and progress.
        engine: what Prefect lends; None without it.

    Raises:
        ConfigError: if there is no such device, or ``torchrun`` is to share several trainings.
    """
    check_shared(job.recipe)
    engine = engine or plain_engine(job.recipe.execution)
    out = job.out.expanduser().resolve()
    device = resolve_device(job.device)
    join_ranks(device)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    logs = out / ".cache" / "logs"
    log = RunLog(logs / f"{job.recipe.name}-{stamp}-{time.time_ns() % 10**9}.jsonl", job.progress)
    forget_old_logs(logs, job.recipe.name)
    log.event("begin", at=stamp, recipe=job.recipe.name, recipe_sha256=job.recipe.digest, device=device)
    steps = make(job.recipe, StepCache(out / ".cache"), device, log)
    steps.engine = engine
    return Session(steps, log, out, time.monotonic(), Lease(out))


def train_on_rank(job: Job) -> None:
    """Train ``job``'s generator with the first process of ``torchrun``, and do nothing else.

    All processes must see the folder of the runs: the first one leaves the data there.

    Raises:
        ConfigError: as :func:`begin`.
    """
    check_shared(job.recipe)
    device = resolve_device(job.device)
    join_ranks(device)
    work = wait_for_training()
    if work is not None:
        steps = Steps(job.recipe, StepCache(job.out.expanduser().resolve() / ".cache"), device, Silent())
        steps.help(work)
        wait_for_training()


def check_shared(recipe: Recipe) -> None:
    """Refuse outer splits and a choice of generators under ``torchrun``, which shares one training.

    Raises:
        ConfigError: if there are several processes and several trainings.
    """
    splits = recipe.evaluation.outer_splits
    if splits > 1:
        refuse_several_ranks(
            f"evaluation.outer_splits={splits}", "set evaluation.outer_splits=1, or run it without torchrun"
        )
    if recipe.chooses:
        refuse_several_ranks(
            f"the choice among {len(recipe.generators)} candidates",
            "set candidates=[] and name the generator in synthesizer, or run it without torchrun",
        )


def run_job(job: Job) -> Outcome:
    """Run every step of ``job`` and publish the run folder.

    Finished steps of earlier runs are reused; an interrupted one goes on where it stopped.

    Raises:
        AugmentorError: with a message a person can act on.
    """
    session = begin(job)
    with session.recorded():
        for step in stages(job.recipe):
            getattr(session.steps, step)()
        return session.finish()


def step_seconds(folder: Path) -> float:
    """Return how long a kept step took when it was worked."""
    done = json.loads((folder / "done.json").read_text(encoding="utf-8"))
    return float(done["seconds"])
