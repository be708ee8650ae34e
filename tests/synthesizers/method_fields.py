"""A method's fields by keyword, for tests of many of them."""

from __future__ import annotations

from typing import Any

from augmentor.synthesizers.method_spec import MethodSpec
from augmentor.synthesizers.spec import read_synthesizer


def spec_of(**fields: Any) -> MethodSpec:
    """Return the checked fields, as a recipe that gives them has them."""
    return read_synthesizer(fields)
