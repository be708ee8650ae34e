"""What the environment may say, and what a run does about it."""

from __future__ import annotations

import os
import subprocess
import sys

import httpx
import pytest

from augmentor.tasks import quiet


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the test an environment of its own, without a proxy."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    for name in (*quiet.PROXIES, "no_proxy", "NO_PROXY", "PREFECT_API_URL"):
        os.environ.pop(name, None)


def test_this_machine_is_never_asked_for_through_a_proxy() -> None:
    os.environ |= {"HTTP_PROXY": "http://proxy.example:3128", "NO_PROXY": "intranet.example"}
    quiet.past_proxies()
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "intranet.example,127.0.0.1,localhost,::1"
    assert os.environ["HTTP_PROXY"] == "http://proxy.example:3128"
    quiet.past_proxies()
    assert os.environ["NO_PROXY"] == "intranet.example,127.0.0.1,localhost,::1"


def test_the_client_of_a_local_server_starts_beside_a_socks_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    os.environ["ALL_PROXY"] = "socks5://127.0.0.1:1080"
    quiet.past_proxies()
    assert "ALL_PROXY" not in os.environ
    monkeypatch.setenv("NO_PROXY", os.environ["NO_PROXY"])
    httpx.Client().close()


def test_a_socks_proxy_stays_where_the_server_is_another_machine() -> None:
    os.environ |= {"ALL_PROXY": "socks5://p:1080", "PREFECT_API_URL": "https://prefect.example/api"}
    quiet.past_proxies()
    assert quiet.named_proxies() == ["ALL_PROXY"]


def test_a_notebooks_backend_for_figures_harms_no_command() -> None:
    """With the backend of a notebook, and without the notebook, MONAI could not even be imported."""
    code = (
        "from augmentor.cli.app import main\n"
        "try:\n    main(['recipes'])\nexcept SystemExit:\n    import monai"
    )
    told = {**os.environ, "MPLBACKEND": "module://not_there.backend_inline"}
    done = subprocess.run([sys.executable, "-c", code], env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
