"""A polite stop, whichever way it is asked for."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

GRACE = 10.0
"""Seconds to unwind in. Ctrl-C on a terminal also ends Prefect's temporary server, and its client
would go on asking that server for minutes. State on disk is whole at any moment, so nothing is lost."""


class Stopped(KeyboardInterrupt):
    """SIGTERM or SIGHUP arrived; unwinds like Ctrl-C, so that children end and files are closed."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def stops_as_interrupts() -> Iterator[None]:
    """Raise :class:`Stopped` on SIGTERM and SIGHUP while the block runs; leave after :data:`GRACE` seconds.

    A batch system, a container or a closed terminal then ends a run as Ctrl-C does. A signal
    that was set to be ignored (nohup) stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    usual = {number: signal.getsignal(number) for number in numbers}
    changed = [number for number in numbers if usual[number] in (signal.SIG_DFL, signal.default_int_handler)]
    leave: list[threading.Timer] = []

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        if not leave:
            leave.append(threading.Timer(GRACE, leave_now, [number]))
            leave[0].daemon = True
            leave[0].start()
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise Stopped(number)

    for number in changed:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for timer in leave:
            timer.cancel()
        for number in changed:
            signal.signal(number, usual[number])


def leave_now(number: int) -> NoReturn:
    """End the process and its children at once, with the message of a stop."""
    for child in multiprocessing.active_children():
        child.terminate()
    how = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
    if sys.__stderr__ is not None:
        sys.__stderr__.write(f"{interrupted(how)}\n")
        sys.__stderr__.flush()
    os._exit(128 + number)


def interrupted(how: str) -> str:
    """Return the message for a person who stopped a run."""
    return f"Interrupted ({how}). Finished work is kept: the same command goes on where this one stopped."
