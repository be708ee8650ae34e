"""The plan: counts in, counts out, nothing lost and nothing negative."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augmentor.core.errors import ConfigError
from augmentor.quality.plan import candidates, plan

COUNTS = st.dictionaries(st.text(min_size=1, max_size=5), st.integers(0, 5000), min_size=1, max_size=8)


def test_level_brings_every_class_to_the_largest():
    assert plan({"normal": 60, "pneumonia": 540}, "balanced") == {"normal": 480, "pneumonia": 0}


def test_ratio_one_is_level():
    counts = {"a": 3, "b": 7, "c": 0}
    assert plan(counts, 1) == plan(counts, 1.0) == plan(counts, "balanced") == {"a": 4, "b": 0, "c": 7}


def test_partial_and_growing_ratios():
    assert plan({"a": 10, "b": 101}, 0.5) == {"a": 41, "b": 0}  # ceil(50.5) = 51
    assert plan({"a": 10, "b": 100}, 1.5) == {"a": 140, "b": 50}


def test_a_ratio_that_is_whole_is_not_rounded_up_by_the_binary_fraction():
    assert plan({"a": 0, "b": 10}, 1.1) == {"a": 11, "b": 1}
    assert candidates({"a": 10}, 1.1, 0) == {"a": 11}


def test_a_mapping_gives_exactly_what_it_says():
    assert plan({"a": 10, "b": 100}, {"b": 7}) == {"a": 0, "b": 7}


@given(COUNTS, st.floats(0.01, 4))
def test_every_class_reaches_the_target_and_none_is_overfilled(counts, ratio):
    target = math.ceil(ratio * max(counts.values()) - 1e-9)
    made = plan(counts, ratio)
    assert list(made) == list(counts)
    for name, n in counts.items():
        assert made[name] >= 0
        assert n + made[name] == max(n, target)


@given(COUNTS)
def test_level_is_level_for_any_order_of_classes(counts):
    backwards = dict(reversed(counts.items()))
    assert plan(counts, "balanced") == plan(backwards, "balanced")
    assert {n + plan(counts, "balanced")[name] for name, n in counts.items()} == {max(counts.values())}


@given(COUNTS, st.floats(1, 10), st.integers(0, 500))
def test_candidates_are_enough_to_choose_from(counts, oversampling, minimum):
    made = candidates(counts, oversampling, minimum)
    for name, n in counts.items():
        assert made[name] >= max(n, minimum)
        assert made[name] <= max(minimum, oversampling * n + 1)


def test_an_unknown_class_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match=r"'pnemonia'.*did you mean 'pneumonia'"):
        plan({"normal": 60, "pneumonia": 540}, {"pnemonia": 5})
    with pytest.raises(ConfigError, match="the classes are normal, pneumonia"):
        plan({"normal": 60, "pneumonia": 540}, {"xyz": 5})


@pytest.mark.parametrize("balance", [0, -1, float("nan"), float("inf"), True, "equal", None])
def test_what_is_no_balance_is_refused(balance):
    with pytest.raises(ConfigError, match="balance"):
        plan({"a": 1, "b": 2}, balance)


@pytest.mark.parametrize("n", [-1, 1.5, True])
def test_numbers_of_samples_are_whole(n):
    with pytest.raises(ConfigError, match="whole number"):
        plan({"a": 1}, {"a": n})


def test_candidates_refuse_less_than_one_a_sample():
    with pytest.raises(ConfigError, match="at least 1"):
        candidates({"a": 1}, 0.5, 0)
    with pytest.raises(ConfigError, match="negative"):
        candidates({"a": 1}, 1, -1)
