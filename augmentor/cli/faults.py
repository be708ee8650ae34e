"""How a command that did not succeed ends: one clear paragraph and an exit code."""

from __future__ import annotations

import errno
import os
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass

from augmentor.cli.stops import Stopped, interrupted
from augmentor.core.errors import AugmentorError

OURS = 1
INPUT = 2
GUARDED = 3
INTERRUPTED = 130

_NO_MEMORY = (
    "the memory of this machine is not enough for what was asked. Lower image.size, "
    "training.batch or execution.processes with --set, or use a machine with more; finished "
    "steps are kept, and the same command goes on after them."
)
_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_debug = False


@dataclass(frozen=True)
class Fault:
    """What to say on stderr, and what to leave with.

    Attributes:
        message: one paragraph, and for a fault of ours where the traceback is.
        code: the exit code.
        traceback: the full traceback where a person may want it, else empty.
    """

    message: str
    code: int
    traceback: str = ""


def set_debugging(wanted: bool) -> None:
    """Remember that ``--debug`` was given (or, in tests, that it was not)."""
    global _debug
    _debug = wanted


def debugging() -> bool:
    """Return whether the full traceback goes to stderr: ``--debug`` or ``AUGMENTOR_DEBUG=1``."""
    return _debug or os.environ.get("AUGMENTOR_DEBUG", "0") not in {"", "0"}


def explain(error: BaseException) -> Fault:
    """Return the paragraph and exit code for ``error``."""
    error = _innermost(error)
    if isinstance(error, KeyboardInterrupt):
        return _interrupted(error)
    for link in _chain(error):
        if isinstance(link, AugmentorError):
            return _expected(link, error)
        if isinstance(link, OSError) and link.errno in _FULL | _REFUSED:
            return Fault(f"augmentor: {_storage(link)}", INPUT, _trace(error))
        if _out_of_memory(link):
            return Fault(f"augmentor: {_NO_MEMORY}", INPUT, _trace(error))
    return _usage(error) or _unexpected(error)


def _innermost(error: BaseException) -> BaseException:
    """Look through groups that hold one error, as task libraries raise them."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error`` and what it was explicitly raised from."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__


def _interrupted(error: KeyboardInterrupt) -> Fault:
    how = str(error) if isinstance(error, Stopped) else "Ctrl-C"
    code = 128 + error.number if isinstance(error, Stopped) else INTERRUPTED
    return Fault(interrupted(how), code)


def _expected(known: AugmentorError, raised: BaseException) -> Fault:
    message = _paragraph(f"augmentor: {str(known) or type(known).__name__}")
    if known.exit_code in {INPUT, GUARDED}:
        return Fault(message, known.exit_code, _trace(raised))
    return _ours([message], raised, known.exit_code)


def _storage(error: OSError) -> str:
    place = f" {error.filename}" if error.filename else ""
    if error.errno in _FULL:
        return (
            f"no space left while writing{place}. Free some space or choose another folder with "
            "--out, then run the same command again: finished steps are kept."
        )
    return (
        f"cannot use{place}: {error.strerror}. Choose a place you may read and write, "
        "or change its permissions."
    )


def _out_of_memory(error: BaseException) -> bool:
    # torch is not imported for this: its errors are known by name and by words.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = str(error)
    return isinstance(error, RuntimeError) and ("can't allocate memory" in words or "out of memory" in words)


def _usage(error: BaseException) -> Fault | None:
    from cyclopts import CycloptsError, MissingArgumentError, UnusedCliTokensError

    if not isinstance(error, CycloptsError):
        return None
    error.verbose = False
    chain = [part for part in error.command_chain or () if not part.startswith("-")]
    command = " ".join(["augmentor", *chain])
    message = str(error)
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        name = error.argument.name
        message = f"`{command}` needs {f'{name} with a value' if name.startswith('-') else name}."
    elif isinstance(error, UnusedCliTokensError):
        message = f"`{command}` does not take {', '.join(map(repr, error.unused_tokens or []))}."
    return Fault(_paragraph(f"augmentor: {message} `{command} --help` says what it takes."), INPUT)


def _unexpected(error: BaseException) -> Fault:
    message = _paragraph(str(error))
    head = f"augmentor stopped on a fault of its own: {type(error).__name__}"
    lines = [f"{head}: {message}" if message else head]
    if type(error).__name__ == "BrokenProcessPool":
        lines.append(
            "A worker process was ended from outside, most often because memory ran out; "
            "try --set execution.processes=1."
        )
    return _ours(lines, error, OURS)


def _ours(lines: list[str], error: BaseException, code: int) -> Fault:
    """Return the fault that ``lines`` describe, with its traceback in a file or at hand."""
    trace = _trace(error)
    if not debugging():
        lines = [*lines, _written(trace)]
    return Fault("\n".join(lines), code, trace)


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()


def _written(trace: str) -> str:
    """Write ``trace`` to a file and say where it is."""
    try:
        handle, name = tempfile.mkstemp(prefix="augmentor-fault-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{trace}\n")
    except OSError:
        return "The full traceback could not be written to a file; --debug shows it here."
    return f"The full traceback is in {name} and with --debug (or AUGMENTOR_DEBUG=1) on the screen."


def _paragraph(text: str) -> str:
    """Return ``text`` as one line that ends with a full stop; names in it keep their case."""
    line = " ".join(text.split())
    return line if not line or line[-1] in ".!?" else f"{line}."
