"""Prefect's settings for our runs; import this before anything of Prefect's."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

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


LOOPBACK = ("127.0.0.1", "localhost", "::1")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def settle() -> None:
    """Put our settings into the environment where the user has not set them.

    Two are set in any case: figures are drawn without a screen, whatever a notebook said
    (``MPLBACKEND``), and this machine is never asked for through a proxy.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    os.environ["MPLBACKEND"] = "Agg"
    past_proxies()


def past_proxies() -> None:
    """Let the Prefect server of this machine be reached past every proxy.

    A SOCKS proxy is left out of this process's environment where the server is this machine's own:
    Prefect's client cannot even start beside one without the package socksio.
    """
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if known.strip() != "*":
        hosts = [host.strip() for host in known.split(",") if host.strip()]
        listed = ",".join(dict.fromkeys([*hosts, *LOOPBACK]))
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = listed
    server = urlsplit(os.environ.get("PREFECT_API_URL", "")).hostname
    if server is None or server in LOOPBACK:
        for name in PROXIES:
            if os.environ.get(name, "").lower().startswith("socks"):
                del os.environ[name]


def named_proxies() -> list[str]:
    """Return the variables of the environment that name a proxy; their values may hold a password."""
    return [name for name in PROXIES if os.environ.get(name)]
