"""A lost server costs the pages and not the run."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from augmentor.core.progress import Silent
from augmentor.run.outcome import NotPublished, Outcome


@pytest.fixture
def nobody() -> str:
    """An address at which nothing answers."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"http://127.0.0.1:{port}/api"


def broken(*_: object, **__: object) -> None:
    import httpx

    raise httpx.ConnectError("nobody there")


def answered(status: int) -> Any:
    import httpx
    from prefect.exceptions import PrefectHTTPStatusError

    def call() -> None:
        request = httpx.Request("POST", "http://127.0.0.1/api")
        raise PrefectHTTPStatusError("no", request=request, response=httpx.Response(status, request=request))

    return call


def test_after_the_first_silence_nothing_is_asked() -> None:
    from augmentor.tasks.pages import Pages

    pages, asked = Pages(), []
    assert pages.ask(lambda x: x + 1, 1) == 2
    assert pages.ask(broken) is None
    assert pages.lost
    assert pages.ask(asked.append, 1) is None
    assert asked == []


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_in_trouble_counts_as_lost(status: int) -> None:
    from augmentor.tasks.pages import Pages

    pages = Pages()
    assert pages.ask(answered(status)) is None
    assert pages.lost


def test_a_call_that_the_server_refuses_is_an_error() -> None:
    from prefect.exceptions import PrefectHTTPStatusError

    from augmentor.tasks.pages import Pages

    pages = Pages()
    with pytest.raises(PrefectHTTPStatusError):
        pages.ask(answered(422))
    assert not pages.lost


@pytest.fixture
def by_flow(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a stand-in for the shipped flow."""
    from augmentor.tasks import expand
    from augmentor.tasks.pages import pages

    def run(flow: Any, progress: Any = None) -> Outcome:
        monkeypatch.setattr(expand, "shipped_flow", lambda name: flow)
        return expand.by_flow("expand", {}, progress or Silent())

    yield run
    pages.lost = False


def test_the_outcome_counts_although_the_server_is_gone(by_flow: Any, tmp_path: Path) -> None:
    from augmentor.tasks import expand

    told: list[str] = []

    class Listener(Silent):
        def log(self, message: str) -> None:
            told.append(message)

    outcome = Outcome(tmp_path, "The verdict.", (), 1.0)

    def finished() -> None:
        ended = expand._ended.get()
        assert ended is not None
        ended.append(outcome)
        broken()

    assert by_flow(finished, Listener()) is outcome
    assert "the run is whole" in told[-1]

    def railed() -> None:
        ended = expand._ended.get()
        assert ended is not None
        ended.append(NotPublished(outcome, ("the gain is low",)))
        broken()

    with pytest.raises(NotPublished, match="the gain is low"):
        by_flow(railed)


def test_a_server_lost_before_the_run_is_done_says_what_to_do(by_flow: Any) -> None:
    from augmentor.tasks.expand import ServerLost

    with pytest.raises(ServerLost, match=r"prefect server start.*--no-prefect"):
        by_flow(broken)

    def slow() -> None:
        raise RuntimeError("Timed out while attempting to connect to ephemeral Prefect API server.")

    with pytest.raises(ServerLost, match="did not come up"):
        by_flow(slow)


def test_a_server_that_never_answered_is_reported_at_once(by_flow: Any, nobody: str) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from augmentor.tasks import operate
    from augmentor.tasks.expand import ServerLost

    started: list[int] = []
    with temporary_settings({PREFECT_API_URL: nobody}):
        with pytest.raises(ServerLost, match=nobody) as told:
            by_flow(lambda: started.append(1))
        with pytest.raises(ServerLost):
            operate.deploy("x", {}, None, if_changed=False, pool="p")
        with pytest.raises(ServerLost):
            operate.serve("x", {}, "0 2 * * *", if_changed=False, port=1, progress=Silent())
    assert started == []
    assert told.value.exit_code == 2


def test_the_error_of_a_runner_that_gives_up_is_recognised() -> None:
    import httpx

    from augmentor.tasks.operate import unanswered

    assert unanswered(RuntimeError("Service exceeded error threshold."))
    assert unanswered(ExceptionGroup("several", [ValueError("x"), httpx.ReadTimeout("late")]))
    assert not unanswered(RuntimeError("another"))


def test_a_server_that_dies_ends_what_it_served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os
    import threading

    from augmentor.tasks import operate

    interrupted = threading.Event()
    monkeypatch.setattr(operate, "WATCHED", 0.01)
    monkeypatch.setattr(os, "kill", lambda pid, number: interrupted.set())

    class Process:
        returncode: int | None = None

        def poll(self) -> int | None:
            return self.returncode

    process = Process()

    def dies() -> None:
        with operate._watched(process, tmp_path / "server.log"):
            process.returncode = -9
            assert interrupted.wait(30)

    with pytest.raises(operate.ServerEnded, match=r"ended with -9.*server\.log"):
        dies()
    interrupted.clear()
    process.returncode = None
    with operate._watched(process, tmp_path / "server.log"):
        pass
    assert not interrupted.is_set()
