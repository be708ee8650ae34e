"""Prefect's settings for our runs; import this before anything of Prefect's."""

from __future__ import annotations

import os

# Nothing about a run leaves the machine, and Prefect's console lines do not mix with our own:
# its page still receives every line. A user's own setting always wins.
SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_FLOW_RUNS_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_TASK_RUNS_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",  # else a lost server is reported once per event
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_CLIENT_MAX_RETRIES": "4",  # half a minute, then a lost server is lost
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else Ray warns about a default it will change
}


def settle() -> None:
    """Put our settings into the environment where the user has not set them."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
