"""The steps of a run as Prefect tasks, and the way from the command line into the flow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from augmentor.tasks.pages import PrefectProgress, pages, show

# isort: split
import httpx
from prefect import Flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import PREFECT_API_URL

from augmentor.core.errors import AugmentorError, ConfigError
from augmentor.core.progress import Progress, Silent
from augmentor.core.shipped import shipped
from augmentor.core.spec import override
from augmentor.run.compose.expand import check_ranks, expansion
from augmentor.run.compose.external import external_plan
from augmentor.run.outcome import NotPublished, Outcome
from augmentor.run.plan import Plan
from augmentor.run.recipe import Recipe, load_recipe, recipe_from_values
from augmentor.run.session import Job, Session, begin
from augmentor.run.step import Step
from augmentor.tasks.engines import engine_of
from augmentor.tasks.quiet import named_proxies

_listener: ContextVar[Progress | None] = ContextVar("augmentor_listener", default=None)
_running: ContextVar[tuple[Session, Step[Any]]] = ContextVar("augmentor_running")
_ended: ContextVar[list[Outcome | NotPublished] | None] = ContextVar("augmentor_ended", default=None)
# Steps that touch disks and networks fail for passing reasons; a wrong recipe or a failed
# training would fail again.
RETRIES = {"load": 2, "evaluate": 1}


class ServerLost(AugmentorError):  # noqa: N818 - reads as the sentence it reports
    """Prefect's server does not answer, and the run is not done."""

    exit_code = 2

    def __init__(self, url: str) -> None:
        super().__init__(
            f"Prefect's server at {url} does not answer. Finished steps are kept: start the server again "
            "(`prefect server start`) and give the same command; with --no-prefect, or without "
            f"PREFECT_API_URL in the environment, no server is needed{_proxy_hint()}"
        )


def _proxy_hint() -> str:
    names = named_proxies()
    if not names:
        return ""
    return (
        f". The environment names a proxy ({', '.join(names)}), which may stand between: add the server's "
        "host to NO_PROXY"
    )


@contextmanager
def listening(progress: Progress) -> Iterator[None]:
    """Let ``progress`` hear what the flow started inside this block does."""
    token = _listener.set(progress)
    try:
        yield
    finally:
        _listener.reset(token)


def job_of(
    recipe: str | Recipe, data: str | None, settings: Sequence[str] | None, out: str, device: str
) -> Job:
    """Return the checked job of a flow's parameters.

    Raises:
        ConfigError: if the recipe does not hold together, or ``data`` comes with a recipe's own values.
    """
    if not isinstance(recipe, Recipe):
        return Job(load_recipe(recipe, settings or (), data=data), Path(out), device)
    if data is not None:
        raise ConfigError(
            f"data {data}: it goes with a recipe named by name or file; beside a recipe's own values, set "
            "its fields dataset and data"
        )
    return Job(recipe_from_values(override(recipe.written, settings or ())), Path(out), device)


def open_session(job: Job, plan: Plan) -> Session:
    """Begin a run whose progress also reaches Prefect."""
    pages.lost = False
    progress = PrefectProgress(_listener.get() or job.progress)
    engine = engine_of(job.recipe.execution, progress)
    return begin(replace(job, progress=progress), plan, engine)


def worth_retrying(_task: object, _run: object, state: State) -> bool:
    """Return whether a failure may pass by itself: the operating system's may, ours never does."""
    error = state.data if isinstance(state.data, BaseException) else None
    error = error or getattr(state.data, "result", None)
    return isinstance(error, OSError) and not isinstance(error, AugmentorError)


def run_as_task(session: Session, step: Step[Any]) -> bool:
    """Run one step as a task that bears its title; return whether it was reused."""
    run_step = task(
        name=step.title,
        task_run_name=step.title,
        retries=RETRIES.get(step.name, 0),
        retry_delay_seconds=5,
        retry_condition_fn=worth_retrying,
        cache_policy=NO_CACHE,
        persist_result=False,
    )(_run_step)
    # Neither a closure nor a parameter: Prefect sends the running task along with every unit that the
    # step hands to a worker, and a session, with its open log, stays here.
    token = _running.set((session, step))
    try:
        return run_step()
    finally:
        _running.reset(token)


def _run_step() -> bool:
    session, step = _running.get()
    return session.run_step(step).reused


@task(
    name="Publish report, dataset and generator",
    task_run_name="Publish report, dataset and generator",
    cache_policy=NO_CACHE,
    persist_result=False,
)
def finish(session: Session) -> Outcome:
    """Write the run folder and show verdict, gain and report on the run's page."""
    ended = _ended.get()
    try:
        outcome = session.finish()
    except NotPublished as broken:
        if ended is not None:
            ended.append(broken)
        show(session, broken.outcome)
        raise
    if ended is not None:
        ended.append(outcome)
    show(session, outcome)
    return outcome


def evaluate_all(
    real: str, synthetic: str, recipe: str, settings: Sequence[str], out: Path, device: str
) -> Outcome:
    """Judge synthetic samples of any origin, step by step as tasks; call it inside a flow."""
    made, plan = external_plan(real, synthetic, recipe, settings)
    return run_all(open_session(Job(made, out, device), plan))


def expand_all(job: Job) -> Outcome:
    """Run every step of ``job`` as a task and publish; call it inside a flow."""
    job = replace(job, recipe=check_ranks(job.recipe))
    return run_all(open_session(job, expansion(job.recipe)))


def run_all(session: Session) -> Outcome:
    """Run every step of a session as a task and publish; call it inside a flow."""
    with session.recorded():
        for step in session.plan.steps:
            if step.wanted(session.context):
                run_as_task(session, step)
        return finish(session)


def run_with_prefect(job: Job) -> Outcome:
    """Run ``job`` as the shipped flow; the same functions as :func:`augmentor.run.compose.expand.run_job`.

    Where no Prefect server is configured, a temporary one serves this run.
    """
    parameters = {"recipe": job.recipe.written, "out": str(job.out), "device": job.device}
    return by_flow("expand", parameters, job.progress)


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
    """Judge samples as the shipped flow; see :func:`augmentor.run.compose.external.evaluate_foreign`."""
    external_plan(real, synthetic, recipe, assignments)  # refused before a server takes seconds to start
    parameters = {
        "real": real,
        "synthetic": str(synthetic),
        "recipe": recipe,
        "settings": list(assignments),
        "out": str(out),
        "device": device,
    }
    return by_flow("evaluate", parameters, progress or Silent())


def by_flow(name: str, parameters: dict[str, Any], progress: Progress) -> Outcome:
    """Run a shipped flow in this process and return what it came to.

    A server that is lost while the run goes on costs its pages; what the run came to still counts.

    Raises:
        ServerLost: if the configured server does not answer, now or before the run is done.
    """
    url = str(PREFECT_API_URL.value() or "")
    if url and not answers(url):
        raise ServerLost(url)
    ended: list[Outcome | NotPublished] = []
    token = _ended.set(ended)
    try:
        with listening(progress):
            return cast(Outcome, shipped_flow(name)(**parameters))
    except httpx.TransportError as error:
        pages.lost = True
        if not ended:
            raise ServerLost(url or "a port of its own") from error
        progress.log("warning: Prefect's server was lost on the way; the run is whole, only its page is not")
        if isinstance(ended[-1], NotPublished):
            raise ended[-1] from None
        return ended[-1]
    except RuntimeError as error:
        if "ephemeral" not in str(error):
            raise
        raise ServerLost("a port of its own (it did not come up in two minutes)") from error
    finally:
        _ended.reset(token)


def answers(url: str) -> bool:
    """Return whether anything answers at ``url``, whatever it says."""
    try:
        httpx.get(f"{url}/health", timeout=10)
    except httpx.TransportError:
        return False
    except ImportError as error:
        raise ConfigError(
            f"the environment names a SOCKS proxy ({', '.join(named_proxies())}), which Prefect's client "
            f"cannot use ({error}); install the package socksio, unset the variable, or use --no-prefect"
        ) from error
    return True


def shipped_flow(name: str) -> Flow[..., Any]:
    """Return the flow of ``pipelines/<name>_flow.py``, loaded the way Prefect does."""
    place = shipped("pipelines") / f"{name}_flow.py"
    return load_flow_from_entrypoint(f"{place}:{name}", use_placeholder_flow=False)
