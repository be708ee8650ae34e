"""The maker of made-up runs, loaded from beside the tests (they are no package)."""

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def maker():
    path = Path(__file__).with_name("make_fixture.py")
    spec = importlib.util.spec_from_file_location("report_make_fixture", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
