"""The rules of the verdict, one by one, and the sentence."""

import math

import pytest

from augmentor.core.errors import ConfigError
from augmentor.statistics.intervals import Interval
from augmentor.statistics.variance import Components
from augmentor.statistics.verdict import sentence, verdict
from augmentor.statistics.words import Named, Subject, points

SYNTHETIC = Subject("Synthetic data", "Train with synthetic data")
PARTS = Components(seed=0.0, case=1e-4, interaction=0.0, seeds=10, units=500, case_degrees=1e9)


def interval(low, high, estimate=None, parts=PARTS):
    middle = (low + high) / 2 if estimate is None else estimate
    return Interval(middle, low, high, parts.standard_error, 0.95, math.inf, parts)


@pytest.mark.parametrize(
    ("low", "high", "word", "within"),
    [
        (0.003, 0.025, "helps", False),
        (0.001, 0.008, "helps", True),
        (-0.025, -0.003, "hurts", False),
        (-0.008, -0.001, "hurts", True),
        (-0.004, 0.006, "equivalent", True),
        (0.0, 0.0, "equivalent", True),
        (0.0, 0.02, "inconclusive", False),  # touching zero is not above zero
        (-0.02, 0.0, "inconclusive", False),
        (-0.01, 0.005, "inconclusive", False),  # touching the margin is not within it
        (-0.005, 0.01, "inconclusive", False),
        (-0.05, 0.05, "inconclusive", False),
    ],
)
def test_rules(low, high, word, within):
    found = verdict(interval(low, high), 0.01)
    assert (found.word, found.within_margin) == (word, within)
    # Metamorphic: swapped arms turn helps into hurts and leave the others.
    back = verdict(interval(-high, -low), 0.01)
    assert back.word == {"helps": "hurts", "hurts": "helps"}.get(word, word)


@pytest.mark.parametrize("margin", [0.0, -0.01, math.nan, math.inf])
def test_margin_must_be_a_positive_number(margin):
    with pytest.raises(ConfigError, match="margin"):
        verdict(interval(-1, 1), margin)


def say(low, high, estimate=None, **kwargs):
    found = verdict(interval(low, high, estimate, **kwargs), 0.01)
    return sentence(found, Named("filtered", "classical", "balanced accuracy", SYNTHETIC))


def test_sentence_of_a_gain():
    assert say(0.003, 0.025) == (
        "Synthetic data helps: filtered gains +1.4 points of balanced accuracy over classical "
        "(95 % interval +0.3 to +2.5; margin 1.0; smallest effect this test set could have shown 2.8)."
    )


def test_sentence_of_a_gain_that_does_not_matter():
    assert say(0.001, 0.008).endswith("The gain is smaller than the margin that was said to matter.")
    assert say(-0.008, -0.001).endswith("The loss is smaller than the margin that was said to matter.")
    assert "that was said" not in say(-0.004, 0.006)


def test_sentence_of_the_other_words():
    assert say(-0.025, -0.003).startswith(
        "Synthetic data hurts: filtered loses 1.4 points of balanced accuracy against classical "
        "(95 % interval -2.5 to -0.3;"
    )
    found = verdict(interval(0.004, 0.024), 0.01)
    critic = Subject("The critic's start", "Start from the critic")
    start = sentence(found, Named("mix=cutmix start=critic", "cutmix", "accuracy", critic))
    assert start.startswith("The critic's start helps: mix=cutmix start=critic gains")
    assert say(-0.004, 0.006).startswith("Synthetic data makes no difference that matters: filtered")
    unsure = say(-0.05, 0.03)
    assert unsure.startswith("Inconclusive: filtered changes balanced accuracy by -1.0 points")
    assert "helps" not in unsure
    assert "hurts" not in unsure


def test_sentence_without_spread_names_no_smallest_effect():
    still = Components(seed=0.0, case=0.0, interaction=0.0, seeds=3, units=9, case_degrees=1)
    text = say(0.0, 0.0, parts=still)
    assert "0.0 points" in text
    assert "smallest effect that could be shown is not known" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0142, "+1.4"), (-0.0142, "-1.4"), (0.0, "0.0"), (-0.0, "0.0"), (0.0003, "+0.03"), (-0.0003, "-0.03")],
)
def test_points(value, text):
    assert points(value) == text


def test_points_never_turn_a_side_of_zero_into_zero():
    assert points(4e-6) == "+0.0004"
    assert points(0.0142, sign=False) == "1.4"
