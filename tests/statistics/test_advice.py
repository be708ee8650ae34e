"""The advice by the validation part: its error counts unseen cases, and it explains itself beside a word."""

import math

import numpy as np
import pytest

from augmentor.core.case_values import CaseValues
from augmentor.statistics.advice import exceeds_error, recommend
from augmentor.statistics.evidence import Evidence
from augmentor.statistics.paired_verdict import Names

NAMES = Names(new="“Filtered”", old="“Classical”", unit="case")


def ask(better, base, **options):
    """Advise on two tables (S, M) that say which cases of two classes, one after the other, were right."""
    halves = np.full(2, 0.5)
    values = {
        name: CaseValues(np.asarray(table, float), halves)
        for name, table in (("filtered", better), ("classical", base))
    }
    held = Evidence(values, np.arange(np.shape(better)[1]) % 2, ("a", "b"))
    return recommend(held.paired("filtered", "classical").interval, "filtered", "classical", NAMES, **options)


def flips(cases, gained, lost, seeds=4):
    """Return two tables (S, M): of the cases, some are right only with, and some only without."""
    base = np.ones((seeds, cases), bool)
    better = base.copy()
    base[:, :gained] = False
    better[:, gained : gained + lost] = False
    return better, base


def test_the_error_is_that_of_paired_cases_with_one_unseen_case_each_way():
    """All seeds alike leave the cases alone, 20 of each class, of which one has two lent.

    Its variance is that of 22 cases about the mean of 20, Bonett and Price; the other's is s^2 / n.
    """
    better, base = flips(40, 6, 2)
    found = ask(better, base)
    change = better[0].astype(float) - base[0]
    lent = np.append(change[0::2], [1, -1])
    expected = (lent.var() / 22 + change[1::2].var(ddof=1) / 20) / 4
    assert found.gain == pytest.approx((6 - 2) / 40)
    assert found.standard_error == pytest.approx(math.sqrt(expected))
    assert (found.use, found.arm) == (True, "filtered")
    assert found.sentence.startswith("Train with synthetic data, as “Filtered” does")


def test_a_gain_below_its_error_is_left_out():
    found = ask(*flips(40, 3, 2))
    assert 0 < found.gain < found.standard_error
    assert (found.use, found.arm) == (False, "classical")
    assert "Leave synthetic data out" in found.sentence


def test_four_rare_validation_cases_recommend_nothing_even_where_all_went_one_way():
    four, five = ask(*flips(8, 8, 0)), ask(*flips(10, 10, 0))
    assert (four.gain, four.use) == (1, False)
    assert "4 cases of the rarest class); fewer than 5 cannot tell" in four.sentence
    assert five.use


def test_swapped_arms_swap_the_sign():
    better, base = flips(40, 6, 2)
    assert ask(base, better).gain == pytest.approx(-ask(better, base).gain)
    assert not ask(base, better).use


def test_an_arm_without_synthetic_rows_is_never_recommended():
    found = ask(*flips(40, 20, 0), tested=False)
    assert (found.use, found.arm) == (False, "classical")
    assert "no synthetic sample passed" in found.sentence


def test_one_case_a_class_recommends_nothing():
    found = ask(*flips(2, 1, 0))
    assert found.gain > found.standard_error
    assert not found.use
    assert "1 case of the rarest class); fewer than 5 cannot tell" in found.sentence


def test_where_nothing_can_help_at_most_one_study_in_six_recommends():
    """The change of a useless arm is as often up as down; P(z > 1) is 0.159 for a normal one.

    200 studies of 400 cases: three binomial standard errors are 0.08; the two lent cases can only lower it.
    """
    rng = np.random.default_rng(0)
    used = 0
    for _ in range(200):
        better, base = rng.random((2, 1, 400)) < 0.8
        used += ask(np.repeat(better, 3, axis=0), np.repeat(base, 3, axis=0)).use
    assert 0.06 < used / 200 < 0.159 + 0.08


@pytest.mark.parametrize(
    ("word", "use", "says"),
    [
        ("hurts", True, "do not follow this advice"),
        ("helps", False, "could not promise"),
        ("equivalent", True, "too small to matter"),
        ("inconclusive", True, "neither confirms nor refutes"),
        ("helps", True, ""),
        ("hurts", False, ""),
        ("inconclusive", False, ""),
    ],
)
def test_advice_that_differs_from_the_word_says_why(word, use, says):
    advice = ask(*flips(40, 6, 2)) if use else ask(*flips(40, 3, 2))
    assert advice.use is use
    beside = advice.beside(word)
    more = beside.sentence.removeprefix(advice.sentence)
    assert bool(more) is bool(says)
    assert says in more
    assert (beside.use, beside.gain) == (advice.use, advice.gain)


def test_the_rule_is_the_gain_above_its_own_error():
    better, base = flips(40, 6, 2)
    values = [CaseValues(np.asarray(table, float), np.full(2, 0.5)) for table in (better, base)]
    held = Evidence({"new": values[0], "old": values[1]}, np.arange(40) % 2, ("a", "b"))
    assert exceeds_error(held.paired("new", "old").interval)
    assert not exceeds_error(held.paired("old", "new").interval)
