"""One temporary Prefect server for all flow tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from augmentor.tasks.quiet import settle


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    settle()
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield str(PREFECT_API_URL.value())
