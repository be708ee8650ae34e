"""One run of a recipe, in this process, without Prefect."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from augmentor.core.progress import Progress, Silent
from augmentor.job.cache import StepCache
from augmentor.job.device import resolve_device
from augmentor.job.log import RunLog
from augmentor.job.publish import publish
from augmentor.job.recipe import Recipe
from augmentor.job.steps import Steps

STEPS = {
    "load": "Load and split the data",
    "judge": "Train the judge",
    "train": "Train the generator",
    "sample": "Make synthetic samples",
    "filter": "Filter the samples",
    "measure": "Measure fidelity, diversity and copies",
    "evaluate": "Measure the classifier's gain",
}


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
        reused: the steps taken from earlier runs.
        seconds: wall-clock seconds of this run.
    """

    folder: Path
    sentence: str
    reused: tuple[str, ...]
    seconds: float


@dataclass
class Session:
    """A run under way: its steps, its log and its clock."""

    steps: Steps
    log: RunLog
    out: Path
    begun: float

    def finish(self) -> Outcome:
        """Publish the run folder and say what came out."""
        seconds = {name: step_seconds(kept.folder) for name, kept in self.steps.done.items()}
        folder = publish(self.steps, self.out, self.log.path, seconds)
        self.log.path.unlink(missing_ok=True)
        return Outcome(
            folder=folder,
            sentence=str(self.steps.words("evaluate")["verdict"]["sentence"]),
            reused=tuple(name for name, kept in self.steps.done.items() if kept.reused),
            seconds=time.monotonic() - self.begun,
        )


def begin(job: Job, make: Callable[[Recipe, StepCache, str, Progress], Steps] = Steps) -> Session:
    """Check the device, open the log and prepare the steps; nothing is worked yet.

    Args:
        job: what to run.
        make: makes the steps of recipe, cache, device and progress.
    """
    out = job.out.expanduser().resolve()
    device = resolve_device(job.device)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    log = RunLog(
        out / ".cache" / "logs" / f"{job.recipe.name}-{stamp}-{time.time_ns() % 10**9}.jsonl", job.progress
    )
    log.event("begin", recipe=job.recipe.name, recipe_sha256=job.recipe.digest, device=device)
    steps = make(job.recipe, StepCache(out / ".cache"), device, log)
    return Session(steps, log, out, time.monotonic())


def run_job(job: Job) -> Outcome:
    """Run every step of ``job`` and publish the run folder.

    Finished steps of earlier runs are reused; an interrupted one goes on where it stopped.

    Raises:
        AugmentorError: with a message a person can act on.
    """
    session = begin(job)
    for step in STEPS:
        getattr(session.steps, step)()
    return session.finish()


def step_seconds(folder: Path) -> float:
    """Return how long a kept step took when it was worked."""
    done = json.loads((folder / "done.json").read_text(encoding="utf-8"))
    return float(done["seconds"])
