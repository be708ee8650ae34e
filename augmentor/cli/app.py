"""The entry point: reads the command line, runs the command, leaves with an honest exit code.

Exit codes are a contract: 0 done, 1 a fault of ours, 2 input or configuration that cannot be
used, 3 finished but not published because a guard rail of the recipe was broken, 130 interrupted
by Ctrl-C (128 + the signal's number for SIGTERM and SIGHUP).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from augmentor.cli.arguments import spread
from augmentor.cli.faults import debugging, explain
from augmentor.cli.stops import stops_as_interrupts
from augmentor.cli.streams import forgiving_streams, print_notice

REPEATABLE = ("--set", "--count", "--grid")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the ``augmentor`` command and leave the process.

    Args:
        arguments: what stands after the command's name; None for ``sys.argv[1:]``.

    Raises:
        SystemExit: always, with the exit code.
    """
    forgiving_streams()
    # Figures are drawn without a screen; a notebook's own backend is not there in a command it starts.
    os.environ["MPLBACKEND"] = "Agg"
    words = list(sys.argv[1:] if arguments is None else arguments)
    code = guarded(lambda: _dispatch(words))
    pages = sys.modules.get("augmentor.tasks.pages")
    if pages is not None and pages.pages.lost:
        # Prefect's threads would go on asking a lost server for minutes; there is nothing left to do.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def guarded(work: Callable[[], None]) -> int:
    """Run ``work`` and return the exit code its ending deserves, saying why on stderr."""
    try:
        with stops_as_interrupts():
            work()
    except SystemExit as ending:
        if isinstance(ending.__context__, BrokenPipeError):
            return 0  # rich leaves with 1 when `augmentor --help | head` has seen enough
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException as error:  # the last place that can explain anything
        fault = explain(error)
        if fault.traceback and debugging():
            print_notice(fault.traceback)
        print_notice(fault.message)
        return fault.code
    return 0


def _dispatch(words: Sequence[str]) -> None:
    # Imported here so that Ctrl-C while libraries load is explained like any other.
    from augmentor.cli.operations import app

    app.meta(
        spread(words, REPEATABLE),
        exit_on_error=False,
        print_error=False,
        result_action="return_value",
    )
