"""Progress on stderr: live bars on a terminal, plain lines in a log file or a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from augmentor.cli.lines import PlainProgress
from augmentor.core.progress import Progress


@contextmanager
def open_progress(stream: TextIO | None = None) -> Iterator[Progress]:
    """Yield the listener that suits ``stream`` (stderr by default).

    A terminal gets live bars; anything else, and ``TERM=dumb``, gets plain lines without control
    characters.
    """
    target = sys.stderr if stream is None else stream
    if not is_terminal(target):
        yield PlainProgress(target)
        return
    from augmentor.cli.live import live_progress

    with live_progress(target) as progress:
        yield progress


def is_terminal(stream: TextIO) -> bool:
    """Return whether ``stream`` is a terminal that understands cursor movement."""
    return stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}
