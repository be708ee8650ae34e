"""A recipe of the old form is told the new word."""

from __future__ import annotations

import pytest

from augmentor.core import renamed
from augmentor.core.errors import ConfigError
from augmentor.core.spec import Spec, parse
from augmentor.run.recipe import load_recipe


class Inner(Spec):
    count: int = 1


class Outer(Spec):
    inner: Inner = Inner()


def test_an_error_gives_the_new_name_of_a_key(monkeypatch):
    monkeypatch.setattr(renamed, "RENAMED", {"inner.number": "inner.count"})
    with pytest.raises(ConfigError, match=r"'inner.number' is called 'inner.count' now"):
        parse(Outer, {"inner": {"number": 3}}, "here")


def test_an_error_says_why_a_key_is_there_no_more():
    with pytest.raises(ConfigError, match=r"bootstrap' is there no more: intervals are computed without"):
        load_recipe("digits", ["evaluation.statistics.bootstrap=100"])


def test_an_error_gives_the_new_name_of_a_value():
    with pytest.raises(ConfigError, match=r"'balance': 'level' is called 'balanced' now"):
        load_recipe("digits", ["balance=level"])
