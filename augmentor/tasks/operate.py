"""Putting the flows on a schedule: on this machine alone, or on a work pool."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, cast
from urllib.error import URLError
from urllib.request import urlopen

from augmentor.tasks.quiet import settle

settle()  # before the first import of Prefect, which reads its settings then

from httpx import TransportError
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.schedules import Cron, Schedule
from prefect.settings import PREFECT_API_URL, temporary_settings

from augmentor.core.errors import AugmentorError, ConfigError
from augmentor.core.progress import Progress
from augmentor.core.shipped import shipped
from augmentor.tasks.expand import ServerLost, answers

HOST = "127.0.0.1"
GRACE = 8.0
"""Seconds that Prefect's runner gets to end in, less than the command line gives everything."""
WATCHED = 1.0
"""Seconds between two looks at a server that was started here."""
STARTING = 180.0
TAGS = ("augmentor",)


class ServerEnded(AugmentorError):  # noqa: N818 - reads as the sentence it reports
    """The server that was started beside the served runs is gone."""

    exit_code = 2

    def __init__(self, code: int, log: Path) -> None:
        super().__init__(
            f"the Prefect server that was started here ended with {code}, so no run can start any more; its "
            f"log is {log}. Give the same command again: a run that was under way ends by itself or goes on "
            "at its next turn"
        )


def check_cron(cron: str) -> Schedule:
    """Return the schedule of ``cron`` in UTC.

    Raises:
        ConfigError: if it is not a cron expression.
    """
    try:
        return Cron(cron, timezone="UTC")
    except ValueError as error:
        raise ConfigError(
            f"--cron {cron!r} is not a cron expression of five fields, "
            'e.g. "0 2 * * *" for every night at two'
        ) from error


def _flow(if_changed: bool) -> Flow[..., Any]:
    name = "refresh" if if_changed else "expand"
    found = Flow.from_source(source=str(shipped("pipelines")), entrypoint=f"{name}_flow.py:{name}")
    return cast(Flow[..., Any], found)


def serve(
    name: str, parameters: Mapping[str, Any], cron: str, *, if_changed: bool, port: int, progress: Progress
) -> None:
    """Run a flow on a schedule on this machine until the process is stopped.

    Where no Prefect server is configured, one is started on the loopback address with it. What
    Prefect's runner prints on stdout is dropped: it is a traceback for every answer it does not get.

    Args:
        name: of the deployment.
        parameters: of the flow.
        cron: when it runs, in UTC.
        if_changed: whether a run stops at once where nothing has changed.
        port: of the server that is started.
        progress: receives the address of the pages.

    Raises:
        ServerEnded: if the server that was started here ends.
        ServerLost: if the configured server does not answer for a while.
    """
    schedule = check_cron(cron)
    with server(port, progress) as page:
        progress.log(f"serving {name} at {cron!r} UTC; its runs are on {page}; Ctrl-C ends it")
        try:
            with redirect_stdout(io.StringIO()):
                _flow(if_changed).serve(
                    name=name,
                    schedule=schedule,
                    parameters=dict(parameters),
                    tags=list(TAGS),
                    limit=1,
                    global_limit=1,
                    pause_on_shutdown=False,
                    print_starting_message=False,
                )
        except (RuntimeError, ExceptionGroup, TransportError) as error:
            if not unanswered(error):
                raise
            raise ServerLost(f"{page}/api") from error


def unanswered(error: BaseException) -> bool:
    """Return whether ``error``, or one in its group, says that the server does not answer."""
    if isinstance(error, BaseExceptionGroup):
        return any(unanswered(inner) for inner in error.exceptions)
    return isinstance(error, TransportError) or "exceeded error threshold" in str(error)


def deploy(name: str, parameters: Mapping[str, Any], cron: str | None, *, if_changed: bool, pool: str) -> str:
    """Put a flow on a work pool, making the pool where it is missing; return the deployment's full name.

    Raises:
        ConfigError: if no Prefect server is configured.
    """
    schedule = None if cron is None else check_cron(cron)
    if not PREFECT_API_URL.value():
        raise ConfigError(
            "augmentor deploy needs a Prefect server: start one with `prefect server start` and name it with "
            "`export PREFECT_API_URL=http://127.0.0.1:4200/api`; `augmentor serve` needs no server"
        )
    if not answers(str(PREFECT_API_URL.value())):
        raise ServerLost(str(PREFECT_API_URL.value()))
    try:
        with get_client(sync_client=True) as client:
            client.create_work_pool(WorkPoolCreate(name=pool, type="process", concurrency_limit=1))
    except ObjectAlreadyExists:
        pass
    flow = _flow(if_changed)
    flow.deploy(
        name=name,
        work_pool_name=pool,
        schedule=schedule,
        parameters=dict(parameters),
        tags=list(TAGS),
        concurrency_limit=1,
        build=False,
        push=False,
        print_next_steps=False,
        ignore_warnings=True,
    )
    return f"{flow.name}/{name}"


@contextmanager
def server(port: int, progress: Progress) -> Iterator[str]:
    """Yield the address of the configured Prefect server's pages, or of one started for the block."""
    configured = PREFECT_API_URL.value()
    if configured:
        if not answers(str(configured)):
            raise ServerLost(str(configured))
        yield str(configured).removesuffix("/api")
        return
    page = f"http://{HOST}:{port}"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
    log = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser() / "augmentor-server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        # A session of its own: Ctrl-C ends the runs first and the server after them.
        process = subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        progress.log(f"starting a Prefect server on {page}; its log is {log}")
        _wait_for(page, process, log)
        os.environ["PREFECT_API_URL"] = f"{page}/api"  # for the runs, which are processes of their own
        with temporary_settings({PREFECT_API_URL: f"{page}/api"}), _watched(process, log):
            yield page
    finally:
        os.environ.pop("PREFECT_API_URL", None)
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _watched(process: subprocess.Popen[bytes], log: Path) -> Iterator[None]:
    """Interrupt the block if ``process`` ends while it runs.

    Raises:
        ServerEnded: if it did.
    """
    leave = threading.Event()

    def watch() -> None:
        while not leave.wait(WATCHED):
            if process.poll() is None:
                continue
            os.kill(os.getpid(), signal.SIGINT)  # Prefect's runner ends by nothing else
            if not leave.wait(GRACE) and sys.__stderr__ is not None:
                # It waits for answers of the server that is gone, for minutes.
                sys.__stderr__.write(f"augmentor: {ServerEnded(process.returncode, log)}.\n")
                sys.__stderr__.flush()
                os._exit(ServerEnded.exit_code)
            return

    threading.Thread(target=watch, name="augmentor-server-watch", daemon=True).start()
    try:
        yield
    except BaseException as error:
        if process.poll() is not None:
            raise ServerEnded(process.returncode, log) from error
        raise
    finally:
        leave.set()
    if process.poll() is not None:  # Prefect's runner takes an interrupt for a wish to end
        raise ServerEnded(process.returncode, log)


def _wait_for(page: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTING
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(f"{page}/api/health", timeout=2):  # noqa: S310 - our own loopback address
                pass
        except (URLError, OSError):
            time.sleep(0.2)
            continue
        if process.poll() is None:
            return
    raise ConfigError(
        f"no Prefect server came up on {page}: see {log}. The port may be taken: choose another with "
        f"--port, or name the server that runs there with `export PREFECT_API_URL={page}/api`"
    )
