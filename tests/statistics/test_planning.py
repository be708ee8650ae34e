"""What a study can show before it is done: against the intervals of studies, and what is refused."""

from math import inf

import numpy as np
import pytest
from scipy.stats import chi2

from augmentor.core.errors import ConfigError
from augmentor.statistics.design import Design
from augmentor.statistics.planning import Study, detectable_gain, power_sentence
from augmentor.statistics.small_samples import Changes, small_interval


def test_the_gain_to_be_seen_falls_with_cases_classes_and_folds():
    gains = [detectable_gain(n) for n in (5, 9, 20, 40, 100)]
    assert gains == sorted(gains, reverse=True)
    assert detectable_gain(9, 10) < detectable_gain(9)
    assert detectable_gain(30, folds=5) < 0.6 * detectable_gain(9)


def test_too_few_rare_cases_show_nothing():
    assert detectable_gain(2) == inf
    assert "no gain of any size" in power_sentence([2, 18], [7, 63])


def test_a_study_as_planned_has_the_planned_interval():
    # Changes of both signs on the planned share of cases, at every seed alike.
    study = Study(50, changed=0.08, seed_spread=0.0)
    y = np.repeat([0, 1], [50, 450])
    d = np.zeros((10, 500))
    d[:, :4:2], d[:, 1:4:2] = 1, -1
    d[:, 50:86:2], d[:, 51:86:2] = 1, -1
    found = small_interval(Changes(d, np.array([0.5, 0.5])), Design.of(y))
    assert study.expected().detectable == pytest.approx(found.detectable, rel=0.02)


def test_folds_add_the_excess_of_chance():
    # E max(chi^2_4 / 4 - 1, 0), by the integral of the survival function.
    grid = np.linspace(4, 80, 200_001)
    chance = np.trapezoid(chi2.sf(grid, 4), grid) / 4
    study = Study(30, folds=5, changed=0.1)
    case = 0.25 * 0.1 * (1 / 30 + 1 / 270)
    assert study.expected().other[0] == (pytest.approx(case * chance, rel=1e-4), 4.0)


def test_the_sentence_says_both():
    said = power_sentence([9, 81], [30, 270])
    assert said.startswith("With 9 independent test cases of the rarest class this study can see a gain of 3")
    assert "with 5 folds, which test all 30, a gain of 1" in said
    assert power_sentence([9, 81]) == f"{said.partition(';')[0]}."


def test_a_study_of_counts_knows_its_rare_classes():
    assert Study.of([9, 81], seeds=10) == Study(9)
    several = Study.of([6, 9, 12, 60, 120], seeds=1, folds=5)
    assert (several.n_rare, several.rare_classes, several.times) == (6, 3, 15)
    assert (several.seeds, several.folds) == (2, 5)
    assert Study.of([7, 7, 7]).rare_classes == 3


@pytest.mark.parametrize("wrong", [{"n_rare": 0}, {"n_rare": 5, "folds": 1}, {"n_rare": 5, "seeds": 1}])
def test_what_cannot_be_planned_is_refused(wrong):
    with pytest.raises(ConfigError, match="a study needs"):
        Study(**wrong)
