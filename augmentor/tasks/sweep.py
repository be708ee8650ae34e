"""A sweep as Prefect tasks: one for each member, a table of all of them, then the chosen run."""

from __future__ import annotations

from augmentor.tasks.expand import by_flow, finish, open_session, run_as_task

# isort: split
from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from augmentor.run.compose.expand import expansion
from augmentor.run.compose.sweep import (
    Member,
    SweepSpec,
    check_alone,
    drive,
    one_by_one,
    swept,
    try_elsewhere,
)
from augmentor.run.compose.sweep_table import Trial, sweep_rows
from augmentor.run.outcome import Outcome
from augmentor.run.session import Job, Session
from augmentor.tasks.pages import pages


def sweep_all(job: Job, plan: SweepSpec) -> Outcome:
    """Try every member, show the table, run the chosen one and publish; call it inside a flow."""
    check_alone()
    job = swept(job)
    session = open_session(job, expansion(job.recipe))

    def attempt(members: list[Member]) -> list[Trial]:
        if job.recipe.execution.runner == "processes":
            return [try_as_task(session, member, len(members)) for member in members]
        # On workers each member is one task, and its fits follow one another there.
        return session.context.engine.mapper(try_elsewhere, members)

    def show(trials: list[Trial]) -> None:
        metric = job.recipe.evaluation.primary_metric
        pages.ask(
            create_table_artifact,
            key="sweep",
            table=sweep_rows(trials, metric),
            description=f"Every member by its {metric} on the validation part; the first row is chosen",
        )

    with session.recorded():
        drive(session, plan, step=run_as_task, attempt=attempt, show=show)
        return finish(session)


def try_as_task(session: Session, member: Member, count: int) -> Trial:
    """Try one member as a task named by its settings."""

    @task(
        name="Try a member",
        task_run_name=f"Try {member.number} of {count}: {member.title}"[:200],
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    def run_member() -> Trial:
        return one_by_one(session, member, count)

    return run_member()


def sweep_with_prefect(job: Job, plan: SweepSpec) -> Outcome:
    """Run a sweep as the shipped flow; the same as :func:`augmentor.run.compose.sweep.run_sweep`."""
    check_alone()  # before Prefect takes seconds to start
    swept(job)
    parameters = {
        "recipe": job.recipe.written,
        "plan": plan.model_dump(mode="json"),
        "out": str(job.out),
        "device": job.device,
    }
    return by_flow("sweep", parameters, job.progress)
