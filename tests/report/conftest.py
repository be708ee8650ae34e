"""The maker of made-up runs, from beside the tests (they are no package)."""

import make_fixture
import pytest


@pytest.fixture(scope="session")
def maker():
    return make_fixture
