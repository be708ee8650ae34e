from __future__ import annotations

import pytest

from augmentor.cli.arguments import parse_counts, spread
from augmentor.core.errors import ConfigError


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("run digits --set a=1 b.c=2", "run digits --set a=1 --set b.c=2"),
        ("run --set a=1 digits", "run --set a=1 digits"),
        ("run --set a=1 b=2 digits --out x", "run --set a=1 --set b=2 digits --out x"),
        ("run --set a=1 --set b=2", "run --set a=1 --set b=2"),
        ("run digits --set a=1 --out x=y", "run digits --set a=1 --out x=y"),
        ("run digits --set a=1 --device=cpu c=3", "run digits --set a=1 --device=cpu c=3"),
        ("run digits --set", "run digits --set"),
        ("run --set a=1 -- b=2", "run --set a=1 -- b=2"),
        ("generate r --count a=1 b=2 --out o", "generate r --count a=1 --count b=2 --out o"),
        ("x=1 y=2", "x=1 y=2"),
    ],
)
def test_spread_repeats_the_option_for_assignments_only(words, expected):
    assert spread(words.split(), ("--set", "--count")) == expected.split()


def test_counts_keep_their_order_and_class_names_may_hold_equals():
    assert parse_counts(["b=2", "a=b=10"]) == {"b": 2, "a=b": 10}
    assert list(parse_counts(["b=2", "a=1"])) == ["b", "a"]


@pytest.mark.parametrize(
    ("assignments", "words"),
    [
        ([], "how many samples"),
        (["normal"], "CLASS=N"),
        (["=3"], "CLASS=N"),
        (["normal=many"], "'many'"),
        (["normal=0"], "at least 1"),
        (["normal=-4"], "at least 1"),
        (["normal=2.5"], "whole number"),
        (["normal=٣"], "whole number"),
        (["a=1", "b=1", "a=2"], "'a' twice"),
    ],
)
def test_counts_that_cannot_be_used_give_the_reason(assignments, words):
    with pytest.raises(ConfigError, match=words):
        parse_counts(assignments)
