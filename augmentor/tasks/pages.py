"""What a run shows on Prefect's pages. The pages are for people: a lost server costs them, not the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import ParamSpec, TypeVar, cast
from uuid import UUID

from augmentor.tasks.quiet import settle

settle()  # before the first import of Prefect, which reads its settings then

from httpx import TransportError
from prefect import get_run_logger
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import MissingContextError, PrefectHTTPStatusError

from augmentor.core.progress import Progress
from augmentor.report.formats import fence
from augmentor.run.outcome import Outcome
from augmentor.run.session import Session
from augmentor.run.steps.evaluate import EVALUATE

ARTIFACT_SECONDS = 5.0
Given = ParamSpec("Given")
Result = TypeVar("Result")


class Pages:
    """Prefect's pages, as long as its server answers.

    Attributes:
        lost: whether it has stopped answering; nothing is asked of it then, since Prefect's client
            tries for more than a minute each time.
    """

    def __init__(self) -> None:
        self.lost = False

    def ask(self, call: Callable[Given, Result], *args: Given.args, **named: Given.kwargs) -> Result | None:
        """Return what ``call`` returns, or None where no server answers.

        Raises:
            PrefectHTTPStatusError: if the server answers that the call itself is wrong.
        """
        if self.lost:
            return None
        try:
            return call(*args, **named)
        except TransportError:
            self.lost = True
        except PrefectHTTPStatusError as error:
            if error.response.status_code < 500:
                raise
            self.lost = True
        return None


pages = Pages()
"""Of this process; a new session begins with hope."""


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
            made = pages.ask(
                create_progress_artifact,
                progress=0.0,
                key="training",
                description=f"{stage}: images shown",
            )
            if made is not None:
                self._artifacts[stage] = cast(UUID, made)
        self._listener.start(stage, total)

    def update(self, stage: str, done: int, info: Mapping[str, float] | None = None) -> None:
        """Move the artifact at most once in five seconds."""
        now = time.monotonic()
        if stage in self._artifacts and now - self._told[stage] > ARTIFACT_SECONDS:
            self._told[stage] = now
            self._move(self._artifacts[stage], 100.0 * done / self._totals[stage])
        self._listener.update(stage, done, info)

    def finish(self, stage: str) -> None:
        """Close the artifact."""
        if stage in self._artifacts:
            self._move(self._artifacts.pop(stage), 100.0)
        self._listener.finish(stage)

    def log(self, message: str) -> None:
        """Say one line on the run's page and to the listener."""
        with suppress(MissingContextError):
            get_run_logger().info(message)
        self._listener.log(message)

    def _move(self, artifact: UUID, progress: float) -> None:
        pages.ask(update_progress_artifact, artifact, progress=progress)


def write_what_to_do(_flow: object, run: FlowRun, state: State) -> None:
    """Leave an artifact that tells an operator why the run failed and what to do; a Prefect hook."""
    message = (state.message or state.name or "").strip()
    pages.ask(
        create_markdown_artifact,
        key="what-to-do",
        markdown=(
            f"**{run.name} ended as {state.name}.**\n\n{fence(message)}\n{message}\n{fence(message)}\n\n"
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
    context, name = session.context, session.plan.folder
    results = context.completed.results
    metric = context.recipe.evaluation.primary_metric
    rows = []
    for arm in EVALUATE.of(context).arms:
        scores = results.where(arm=arm, split="test", metric=metric)["value"]
        if scores.empty:
            continue
        rows.append(
            {
                "arm": arm,
                metric: round(float(scores.mean()), 4),
                "sd over seeds": round(float(scores.std(ddof=1)), 4) if len(scores) > 1 else None,
                "gain over baseline": _rounded(results.value(arm=arm, split="test", metric="delta")),
                "low": _rounded(results.value(arm=arm, split="test", metric="delta_low")),
                "high": _rounded(results.value(arm=arm, split="test", metric="delta_high")),
            }
        )
    reused = ", ".join(outcome.reused) or "none"
    said = "".join(f"{sentence}\n\n" for sentence in (f"**{outcome.sentence}**", *outcome.further))
    pages.ask(
        create_markdown_artifact,
        key="verdict",
        markdown=f"{said}Run folder: `{outcome.folder}`\n\nSteps reused: {reused}\n",
        description=f"Verdict of {name}",
    )
    pages.ask(create_table_artifact, key="gain", table=rows, description=f"{metric} on the test part, by arm")
    pages.ask(
        create_link_artifact,
        key="report",
        link=(outcome.folder / "report.html").as_uri(),
        link_text="The report of this run",
        description=f"Report of {name}, on the machine that ran it",
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
