"""Standard output and standard error, used so that pipes, logs and terminals all get clean text."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress

# C0 and C1 control characters except newline and tab, and the signs that reorder text: file and
# class names come from anywhere and must not steer a terminal.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Return ``text`` with control characters written out as visible escapes."""
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def print_result(text: str = "") -> None:
    """Print one result line to stdout; a reader that has gone away is no error."""
    try:
        print(clean(text), flush=True)
    except BrokenPipeError:
        _forget(1)


def print_notice(text: str) -> None:
    """Print a line for the person to stderr; a reader that has gone away is no error."""
    try:
        print(clean(text), file=sys.stderr, flush=True)
    except BrokenPipeError:
        _forget(2)


def forgiving_streams() -> None:
    """Make stdout and stderr write ``?`` where their encoding lacks a character."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@contextmanager
def stdout_for_results() -> Iterator[None]:
    """Send everything written to stdout during the block to stderr, children's output included.

    What a library prints must not come between the result lines that other programs read.
    """
    with redirect_stdout(sys.stderr), _descriptor_redirected():
        yield


@contextmanager
def _descriptor_redirected() -> Iterator[None]:
    try:
        saved = os.dup(1)
    except OSError:  # no stdout at all: nothing to protect
        yield
        return
    try:
        with suppress(OSError, ValueError):
            if sys.__stdout__ is not None:
                sys.__stdout__.flush()
        with suppress(OSError):
            os.dup2(2, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


def _forget(descriptor: int) -> None:
    """Point ``descriptor`` at nothing, so that Python's own last flush does not fail either."""
    with suppress(OSError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, descriptor)
        os.close(nothing)
