import math

import numpy as np
import pytest

from augmentor.statistics.advice import recommend
from augmentor.statistics.evidence import Evidence
from augmentor.statistics.words import Named, Subject

NAMED = Named("filtered", "classical", "balanced accuracy", Subject("Synthetic data", "Train with it"))


def ask(better, base, **options):
    """Advise on two tables (S, M) that say which cases of two classes, one after the other, were right."""
    tables = {"filtered": np.asarray(better) / 2, "classical": np.asarray(base) / 2}
    held = Evidence(tables, np.arange(tables["filtered"].shape[1]) % 2, ("a", "b"))
    return recommend(held, NAMED, **options)


def flips(cases, gained, lost, seeds=4):
    """Return two tables (S, M): of the cases, some are right only with, and some only without."""
    base = np.ones((seeds, cases), bool)
    better = base.copy()
    base[:, :gained] = False
    better[:, gained : gained + lost] = False
    return better, base


def test_the_standard_error_is_that_of_paired_cases_where_all_seeds_agree():
    """All seeds alike leave the cases alone: per class the change is a mean of n/2 values in {-1, 0, 1}.

    V = sum over both classes of s^2 / n_k / K^2 with s^2 the variance with n_k - 1.
    """
    better, base = flips(40, 6, 2)
    found = ask(better, base)
    change = better[0].astype(float) - base[0]
    expected = sum(change[k::2].var(ddof=1) / 20 / 4 for k in range(2))
    assert found.gain == pytest.approx((6 - 2) / 40)
    assert found.standard_error == pytest.approx(math.sqrt(expected))
    assert (found.use, found.arm) == (True, "filtered")


def test_a_gain_below_its_error_is_left_out():
    found = ask(*flips(40, 3, 2))
    assert 0 < found.gain < found.standard_error
    assert (found.use, found.arm) == (False, "classical")
    assert "Leave synthetic data out" in found.sentence


def test_swapped_arms_swap_the_sign():
    better, base = flips(40, 6, 2)
    assert ask(base, better).gain == pytest.approx(-ask(better, base).gain)
    assert not ask(base, better).use


def test_an_arm_without_synthetic_rows_is_never_recommended():
    found = ask(*flips(40, 20, 0), tested=False)
    assert (found.use, found.arm) == (False, "classical")
    assert "no synthetic sample passed" in found.sentence


def test_one_case_a_class_recommends_nothing_and_has_no_error():
    found = ask(*flips(2, 1, 0))
    assert found.standard_error is None
    assert not found.use


def test_where_nothing_can_help_one_study_in_six_recommends():
    """The change of a useless arm is as often up as down; P(z > 1) is 0.159 for a normal one.

    200 studies of 400 cases: three binomial standard errors are 0.08.
    """
    rng = np.random.default_rng(0)
    used = 0
    for _ in range(200):
        better, base = rng.random((2, 1, 400)) < 0.8
        used += ask(np.repeat(better, 3, axis=0), np.repeat(base, 3, axis=0)).use
    assert used / 200 == pytest.approx(0.159, abs=0.08)
