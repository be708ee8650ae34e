"""The steps of a run as Prefect tasks, and the way from the command line into the flow."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from augmentor.tasks.quiet import settle

settle()

from prefect import Flow, get_run_logger, task  # noqa: E402 - after its settings
from prefect.artifacts import (  # noqa: E402
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.client.schemas.objects import FlowRun, State  # noqa: E402
from prefect.exceptions import MissingContextError  # noqa: E402
from prefect.flows import load_flow_from_entrypoint  # noqa: E402

from augmentor.core.errors import AugmentorError  # noqa: E402
from augmentor.core.progress import Progress, Silent  # noqa: E402
from augmentor.core.shipped import shipped  # noqa: E402
from augmentor.data.foreign import foreign_path  # noqa: E402
from augmentor.job.foreign import ORDER, begin_foreign, foreign_recipe  # noqa: E402
from augmentor.job.guard import NotPublished  # noqa: E402
from augmentor.job.run import STEPS, Job, Outcome, Session, begin  # noqa: E402
from augmentor.report.formats import fence  # noqa: E402
from augmentor.tasks.engines import engine_of  # noqa: E402

_listener: ContextVar[Progress | None] = ContextVar("augmentor_listener", default=None)
_worked: ContextVar[tuple[Session, str]] = ContextVar("augmentor_worked")
# Steps that touch disks and networks fail for passing reasons; a wrong recipe or a failed
# training would fail again.
RETRIES = {"load": 2, "evaluate": 1}
TITLES = {"sample": "Read the synthetic samples"}
ARTIFACT_SECONDS = 5.0


class PrefectProgress:
    """Passes progress on to the command line, to the run's log page and to a progress artifact."""

    def __init__(self, listener: Progress) -> None:
        self._listener = listener
        self._totals: dict[str, int] = {}
        self._artifacts: dict[str, UUID] = {}
        self._told: dict[str, float] = {}

    def start(self, stage: str, total: int) -> None:
        """Open a progress artifact for the generator's training, the one long stage."""
        self._totals[stage] = max(1, total)
        self._told[stage] = time.monotonic()
        if stage.startswith("train") and threading.current_thread() is threading.main_thread():
            self._artifacts[stage] = cast(
                UUID,
                create_progress_artifact(progress=0.0, key="training", description=f"{stage}: images shown"),
            )
        self._listener.start(stage, total)

    def update(self, stage: str, done: int, info: Mapping[str, float] | None = None) -> None:
        """Move the artifact at most once in five seconds."""
        now = time.monotonic()
        if stage in self._artifacts and now - self._told[stage] > ARTIFACT_SECONDS:
            self._told[stage] = now
            update_progress_artifact(self._artifacts[stage], progress=100.0 * done / self._totals[stage])
        self._listener.update(stage, done, info)

    def finish(self, stage: str) -> None:
        """Close the artifact."""
        if stage in self._artifacts:
            update_progress_artifact(self._artifacts.pop(stage), progress=100.0)
        self._listener.finish(stage)

    def log(self, message: str) -> None:
        """Say one line on the run's page and to the listener."""
        with suppress(MissingContextError):
            get_run_logger().info(message)
        self._listener.log(message)


@contextmanager
def listening(progress: Progress) -> Iterator[None]:
    """Let ``progress`` hear what the flow started inside this block does."""
    token = _listener.set(progress)
    try:
        yield
    finally:
        _listener.reset(token)


def open_session(job: Job) -> Session:
    """Begin a run whose progress also reaches Prefect."""
    listener = _listener.get() or job.progress
    progress = PrefectProgress(listener)
    engine = engine_of(job.recipe.execution, progress)
    return begin(Job(job.recipe, job.out, job.device, progress), engine=engine)


def worth_retrying(_task: object, _run: object, state: State) -> bool:
    """Return whether a failure may pass by itself: the operating system's may, ours never does."""
    error = state.data if isinstance(state.data, BaseException) else None
    error = error or getattr(state.data, "result", None)
    return isinstance(error, OSError) and not isinstance(error, AugmentorError)


def work(session: Session, step: str, title: str = "") -> bool:
    """Run one step as a task named for people (``title``); return whether it was reused."""
    run_step = task(
        name=title or STEPS[step],
        task_run_name=title or STEPS[step],
        retries=RETRIES.get(step, 0),
        retry_delay_seconds=5,
        retry_condition_fn=worth_retrying,
        cache_policy=NO_CACHE,
        persist_result=False,
    )(_run_step)
    # Neither a closure nor a parameter: Prefect sends the running task along with every unit that the
    # step hands to a worker, and a session, with its open log, stays here.
    token = _worked.set((session, step))
    try:
        return run_step()
    finally:
        _worked.reset(token)


def _run_step() -> bool:
    session, step = _worked.get()
    return bool(getattr(session.steps, step)().reused)


@task(
    name="Publish report, dataset and generator",
    task_run_name="Publish report, dataset and generator",
    cache_policy=NO_CACHE,
    persist_result=False,
)
def finish(session: Session) -> Outcome:
    """Write the run folder and show verdict, gain and report on the run's page."""
    try:
        outcome = session.finish()
    except NotPublished as broken:
        show(session, broken.outcome)
        raise
    show(session, outcome)
    return outcome


def evaluate_all(
    real: str, synthetic: str, recipe: str, settings: Sequence[str], out: Path, device: str
) -> Outcome:
    """Judge synthetic samples of any origin, step by step as tasks; call it inside a flow."""
    progress = PrefectProgress(_listener.get() or Silent())
    session = begin_foreign(real, synthetic, recipe, settings, out, device, progress, engine_of)
    with session.recorded():
        for step in ORDER:
            work(session, step, TITLES.get(step, STEPS[step]))
        return finish(session)


def expand_all(job: Job) -> Outcome:
    """Run every step of ``job`` as a task and publish; call it inside a flow."""
    session = open_session(job)
    with session.recorded():
        for step in STEPS:
            work(session, step)
        return finish(session)


def say_what_to_do(_flow: object, run: FlowRun, state: State) -> None:
    """Leave an artifact that tells an operator why the run failed and what to do; a Prefect hook."""
    said = (state.message or state.name or "").strip()
    create_markdown_artifact(
        key="what-to-do",
        markdown=(
            f"**{run.name} ended as {state.name}.**\n\n{fence(said)}\n{said}\n{fence(said)}\n\n"
            "- Finished steps are kept: the same parameters go on where this run stopped.\n"
            "- *Not published*: a guard rail of the recipe was broken. The outputs are in the run folder, "
            "and `published` still holds the dataset before it.\n"
            "- *ConfigError, DataError, StorageError*: the message says what to change; a retry alone will "
            "not help.\n"
            "- Anything else: run it again; if it fails the same way, report it with this message.\n"
        ),
        description="Why this run failed, and what to do",
    )


def show(session: Session, outcome: Outcome) -> None:
    """Create the artifacts of a finished run."""
    results = session.steps.results
    facts = session.steps.words("evaluate")
    metric = session.steps.recipe.evaluation.primary_metric
    rows = []
    for arm in facts["arms"]:
        scores = results.where(arm=arm, fold="test", metric=metric)["value"]
        rows.append(
            {
                "arm": arm,
                metric: round(float(scores.mean()), 4),
                "sd over seeds": round(float(scores.std(ddof=1)), 4) if len(scores) > 1 else None,
                "gain over baseline": _rounded(results.value(arm=arm, fold="test", metric="delta")),
                "low": _rounded(results.value(arm=arm, fold="test", metric="delta_low")),
                "high": _rounded(results.value(arm=arm, fold="test", metric="delta_high")),
            }
        )
    reused = ", ".join(outcome.reused) or "none"
    create_markdown_artifact(
        key="verdict",
        markdown=f"**{outcome.sentence}**\n\nRun folder: `{outcome.folder}`\n\nSteps reused: {reused}\n",
        description=f"Verdict of {session.steps.recipe.name}",
    )
    create_table_artifact(key="gain", table=rows, description=f"{metric} on the test part, by arm")
    create_link_artifact(
        key="report", link=(outcome.folder / "report.html").as_uri(), link_text="The report of this run"
    )


def run_with_prefect(job: Job) -> Outcome:
    """Run ``job`` as the shipped flow; the same functions as :func:`augmentor.job.run.run_job`.

    Where no Prefect server is configured, a temporary one serves this run.
    """
    with listening(job.progress):
        outcome = shipped_flow("expand")(recipe=job.recipe.written, out=str(job.out), device=job.device)
    return cast(Outcome, outcome)


def evaluate_with_prefect(
    real: str,
    synthetic: Path | str,
    *,
    recipe: str = "default",
    assignments: Sequence[str] = (),
    out: Path | str = Path("runs"),
    device: str = "auto",
    progress: Progress | None = None,
) -> Outcome:
    """Judge synthetic samples as the shipped flow; see :func:`augmentor.job.foreign.evaluate_foreign`."""
    foreign_path(Path(synthetic).expanduser())  # told before a server takes seconds to start
    foreign_recipe(real, recipe, assignments)
    with listening(progress or Silent()):
        outcome = shipped_flow("evaluate")(
            real=real,
            synthetic=str(synthetic),
            recipe=recipe,
            settings=list(assignments),
            out=str(out),
            device=device,
        )
    return cast(Outcome, outcome)


def shipped_flow(name: str) -> Flow[..., Any]:
    """Return the flow of ``pipelines/<name>_flow.py``, loaded the way Prefect does."""
    place = shipped("pipelines") / f"{name}_flow.py"
    return load_flow_from_entrypoint(f"{place}:{name}", use_placeholder_flow=False)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
