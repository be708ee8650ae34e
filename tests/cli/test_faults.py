"""Every ending has one paragraph and the exit code of the contract."""

from __future__ import annotations

import errno
import re
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from augmentor.cli import faults
from augmentor.cli.faults import explain
from augmentor.cli.stops import Stopped
from augmentor.core.errors import ConfigError, DataError, LeakError, StorageError, TrainingFailed


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


OutOfMemoryError = type("OutOfMemoryError", (RuntimeError,), {})


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigError("bad\n  recipe"), 2, "bad recipe."),
        (DataError("class 'a' has one image"), 2, "class 'a' has one image."),
        (StorageError("x exists already"), 2, "x exists already."),
        (TrainingFailed("losses stayed infinite"), 1, "losses stayed infinite."),
        (LeakError("test rows in train"), 1, "test rows in train."),
        (OSError(errno.ENOSPC, "No space left on device", "/full/x"), 2, "/full/x"),
        (PermissionError(errno.EACCES, "Permission denied", "/shut"), 2, "/shut: Permission denied"),
        (MemoryError(), 2, "memory"),
        (OutOfMemoryError("CUDA out of memory"), 2, "memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 2, "memory"),
        (caused(RuntimeError("a task failed"), ConfigError("the reason")), 2, "the reason."),
        (caused(RuntimeError("a task failed"), OSError(errno.ENOSPC, "full")), 2, "no space left"),
        (ExceptionGroup("group", [ConfigError("inside")]), 2, "inside."),
        (KeyboardInterrupt(), 130, "the same command"),
        (Stopped(15), 143, "SIGTERM"),
        (Stopped(1), 129, "SIGHUP"),
        (BrokenProcessPool("ended"), 1, "execution.processes=1"),
        (ValueError("boom"), 1, "ValueError: boom."),
        (FileNotFoundError(errno.ENOENT, "No such file", "x"), 1, "FileNotFoundError"),
        (RuntimeError(), 1, "RuntimeError"),
    ],
)
def test_exit_codes(error, code, words):
    fault = explain(error)
    assert fault.code == code
    assert words in fault.message
    assert "Traceback" not in fault.message
    assert (code == 1) == ("full traceback is in" in fault.message)


def test_bad_input_is_one_paragraph():
    assert "\n" not in explain(ConfigError("one\n\n  two\nthree")).message


def raised() -> BaseException:
    try:
        raise ValueError("from the depths")
    except ValueError as error:
        return error


def test_the_traceback_of_our_fault_is_in_the_file_named():
    fault = explain(raised())
    found = re.search(r"The full traceback is in (\S+\.log) ", fault.message)
    assert found
    path = Path(found.group(1))
    text = path.read_text()
    path.unlink()
    assert "Traceback (most recent call last)" in text
    assert "in raised" in text
    assert "ValueError: from the depths" in text


def test_debugging_keeps_the_traceback_at_hand_and_writes_no_file(monkeypatch):
    monkeypatch.setenv("AUGMENTOR_DEBUG", "1")
    fault = explain(raised())
    assert "full traceback is in" not in fault.message
    assert "in raised" in fault.traceback


def test_a_traceback_that_cannot_be_written_is_no_second_fault(monkeypatch):
    def refuse(**_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    fault = explain(raised())
    assert fault.code == 1
    assert "could not be written" in fault.message


@pytest.mark.parametrize(("value", "wanted"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_debugging_by_environment(monkeypatch, value, wanted):
    monkeypatch.setenv("AUGMENTOR_DEBUG", value)
    assert faults.debugging() is wanted
