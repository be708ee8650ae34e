"""Successive halving, whatever tries the candidates."""

from __future__ import annotations

from typing import Any

import pytest

from augmentor.core.errors import ConfigError
from augmentor.run.candidates import rungs_of
from augmentor.run.compose.halving import Tried, halve


def tried(scores: dict[str, list[Any]]) -> Any:
    """Return what tries a name: its score on each rung, or why it failed there."""

    def attempt(name: str, rung: int) -> Tried:
        found = scores[name][rung - 1]
        if isinstance(found, str):
            return Tried(rung, name, 10 * rung, reason=found)
        return Tried(rung, name, 10 * rung, (found, found))

    return attempt


def test_the_better_half_goes_on_and_the_last_one_is_chosen() -> None:
    scores = {"a": [0.6, 0.9], "b": [0.5], "c": [0.7, 0.8], "d": [0.1]}
    chosen, every, rows = halve("abcd", tried(scores))
    assert chosen == "a"
    assert [(one.candidate, one.rung) for one in every] == [
        *(("a", 1), ("b", 1), ("c", 1), ("d", 1)),
        *(("a", 2), ("c", 2)),
    ]
    outcomes = [row.outcome for row in rows]
    assert outcomes == ["went on", "dropped", "went on", "dropped", "chosen", "dropped"]


def test_of_equals_the_one_named_first_goes_on() -> None:
    assert halve("ab", tried({"a": [0.5], "b": [0.5]}))[0] == "a"
    assert halve("abc", tried({"a": [0.1], "b": [0.5, 0.5], "c": [0.5, 0.5]}))[0] == "b"


@pytest.mark.parametrize("count", range(1, 12))
def test_any_number_of_candidates_ends_with_the_best(count: int) -> None:
    names = [f"n{i}" for i in range(count)]
    scores = {name: [i / count] * 5 for i, name in enumerate(names)}
    chosen, every, _ = halve(names, tried(scores))
    assert chosen == names[-1]
    assert len({one.rung for one in every}) == rungs_of(count)


def test_failed_candidates_are_listed_and_the_others_go_on() -> None:
    chosen, _, rows = halve("abcd", tried({"a": ["no"], "b": [0.2, 0.2], "c": ["nor"], "d": [0.1, 0.3]}))
    assert chosen == "d"
    assert {row.candidate: row.reason for row in rows if row.outcome == "failed"} == {
        "a": "no",
        "c": "nor",
    }
    # The last one left is not tried again.
    assert halve("abc", tried({"a": ["no"], "b": [0.2], "c": ["no"]}))[0] == "b"
    # Where all that went on fail, the best of the others is still there.
    late = {"a": [0.9, "no"], "b": [0.5], "c": [0.8, "no"], "d": [0.6]}
    assert halve("abcd", tried(late))[0] == "d"


def test_the_run_fails_only_where_all_do() -> None:
    with pytest.raises(ConfigError, match=r"none of the recipe's 3 .*c: flat; a: no; b: nor"):
        halve("ab", tried({"a": ["no"], "b": ["nor"]}), [Tried(0, "c", 0, reason="flat")])
    with pytest.raises(ConfigError, match="none of"):
        halve("", tried({}), [Tried(0, "c", 0, reason="flat")])
