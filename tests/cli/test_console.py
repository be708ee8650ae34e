"""Progress listeners: what they write, and that many threads may write at once."""

from __future__ import annotations

import io
import re
import sys
import threading

import pytest
from rich.console import Console

from augmentor.cli.console import is_terminal, open_progress
from augmentor.cli.lines import PlainProgress
from augmentor.cli.live import LiveProgress, live_progress

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(text: str) -> str:
    """The text of a terminal without its escape sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def lines_of(work) -> list[str]:
    stream, clock = io.StringIO(), Clock()
    work(PlainProgress(stream, clock), clock)
    return stream.getvalue().splitlines()


def test_a_stage_in_plain_lines():
    def work(progress, clock):
        progress.start("train", 1000)
        clock.now = 10
        progress.update("train", 250, {"critic_loss": 0.5})
        clock.now = 40
        progress.finish("train")

    assert lines_of(work) == [
        "train: started, 1,000 images",
        "train: 25% (250/1,000), 25 images/s, 30 s left, critic loss 0.5",
        "train: done in 40 s",
    ]


def test_plain_lines_keep_five_seconds_apart_and_five_percent():
    def fast(progress, clock):  # 1 % every 0.1 s: five seconds rule
        progress.start("train", 100)
        for percent in range(1, 101):
            clock.now += 0.1
            progress.update("train", percent)

    def slow(progress, clock):  # 1 % every 6 s: the step of 5 % rules
        progress.start("train", 100)
        for percent in range(1, 101):
            clock.now += 6
            progress.update("train", percent)

    def slower(progress, clock):  # 1 % every 100 s: a line a minute at most, so each one
        progress.start("train", 100)
        for percent in range(1, 11):
            clock.now += 100
            progress.update("train", percent)

    assert 1 <= len(lines_of(fast)) - 1 <= 2
    assert len(lines_of(slow)) - 1 == 20
    assert len(lines_of(slower)) - 1 == 10


def test_plain_lines_hold_no_control_characters():
    def work(progress, clock):
        progress.log("a class called \x1b[31m<script>\r\x07 and \x9b2J, ‮reversed")
        progress.start("train\x1b[2J", 10)
        clock.now = 9
        progress.update("train\x1b[2J", 5)
        progress.finish("train\x1b[2J")

    lines = lines_of(work)
    assert len(lines) == 4
    assert not any(CONTROL.search(line) for line in lines)
    assert r"\x1b[31m<script>\r\x07" in lines[0]
    assert "‮" not in lines[0]


def test_a_log_nobody_reads_does_not_end_the_work():
    progress = PlainProgress(Closed())
    progress.start("train", 3)
    progress.log("still here")
    progress.finish("train")


def test_news_of_an_unknown_stage_is_ignored():
    assert lines_of(lambda progress, clock: (progress.update("x", 1), progress.finish("x"))) == []


@pytest.mark.parametrize("kind", ["plain", "live"])
def test_threads_may_report_at_once(kind):
    stream = Terminal()

    def report(progress, name):
        progress.start(name, 50)
        for done in range(51):
            progress.update(name, done, {"loss": float(done)})
        progress.finish(name)

    def all_at_once(progress):
        threads = [threading.Thread(target=report, args=(progress, f"stage {n}")) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    if kind == "plain":
        all_at_once(PlainProgress(stream))
    else:
        with live_progress(stream) as progress:
            all_at_once(progress)
    text = shown(stream.getvalue())
    for number in range(8):
        assert re.search(rf"stage {number}(: done)? in |stage {number}: done in", text)


def test_live_bar_shows_stage_share_speed_and_figures(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    stream, clock = Terminal(), Clock()
    monkeypatch.setattr("augmentor.cli.live.monotonic", clock)
    with live_progress(stream) as progress:
        progress.start("Train [the] generator", 1000)
        clock.now = 10
        progress.update("Train [the] generator", 250, {"critic_loss": 0.5})
        progress.refresh()
        during = shown(stream.getvalue())
        clock.now = 40
        progress.finish("Train [the] generator")
    for words in ("Train [the] generator", "25 %", "25 images/s", "30 s left", "critic loss 0.5"):
        assert words in during
    assert "done Train [the] generator in 40 s" in shown(stream.getvalue())


def test_what_others_write_to_stderr_appears_above_the_bars():
    stream = Terminal()
    before = sys.stderr
    with live_progress(stream) as progress:
        progress.start("train", 10)
        print("a warning from elsewhere", file=sys.stderr)
        # Prefect logs through a Rich console of its own.
        Console(stderr=True).print("a line of another console")
        sys.stderr.write("no newline at the end")
        held = sys.stderr
    assert sys.stderr is before
    held.write("written after the bars\n")
    text = shown(stream.getvalue())
    for words in (
        "a warning from elsewhere\n",
        "a line of another console\n",
        "no newline at the end",
        "written after the bars\n",
    ):
        assert words in text.replace("\r", "")


@pytest.mark.parametrize(
    ("stream", "term", "terminal"),
    [
        (Terminal(), "xterm-256color", True),
        (Terminal(), "dumb", False),
        (Terminal(), "", False),
        (io.StringIO(), "xterm-256color", False),
    ],
)
def test_bars_only_where_a_terminal_can_draw_them(monkeypatch, stream, term, terminal):
    monkeypatch.setenv("TERM", term)
    assert is_terminal(stream) is terminal
    with open_progress(stream) as progress:
        assert isinstance(progress, LiveProgress if terminal else PlainProgress)
