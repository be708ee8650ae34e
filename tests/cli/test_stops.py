"""A stop ends the process even where something in it does not let go."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

CLINGING = """
import signal, threading
from augmentor.cli import stops
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
stops.GRACE = 0.2
with stops.stops_as_interrupts():
    try:
        print("ready", flush=True)
        threading.Event().wait(60)
    except KeyboardInterrupt:
        threading.Event().wait(60)
"""


@pytest.mark.parametrize(
    ("number", "code", "how"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")]
)
def test_what_clings_is_left_behind_with_the_same_words(number, code, how) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CLINGING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err.startswith(f"Interrupted ({how}).")
