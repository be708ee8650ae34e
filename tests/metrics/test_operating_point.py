"""Sensitivity at a fixed specificity: closed form, scikit-learn's ROC, a threshold from validation alone."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from augmentor.metrics.operating_point import at_specificity, threshold_at


@pytest.mark.parametrize(("specificity", "expected"), [(0.75, 0.3), (0.5, 0.2), (0.9, 0.4), (0.01, 0.1)])
def test_the_threshold_is_the_lowest_that_enough_negatives_do_not_exceed(specificity, expected):
    assert threshold_at(np.array([0.4, 0.1, 0.3, 0.2]), specificity) == expected


def test_on_one_part_it_is_a_point_of_the_roc_curve():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    score = np.clip(rng.normal(0.4 + 0.2 * y, 0.2), 0, 1)
    p = np.stack([1 - score, score], axis=1)
    false, true, _ = roc_curve(y, score, drop_intermediate=False)
    for specificity in (0.8, 0.9, 0.95):
        sensitivity, reached = at_specificity(p, y, p, y, specificity)[1]
        assert reached >= specificity
        assert sensitivity == pytest.approx(true[false <= 1 - specificity + 1e-9].max())


def test_the_threshold_comes_from_the_validation_part():
    y = np.array([0, 0, 1, 1])
    held = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8]])
    shifted = np.array([[0.5, 0.5], [0.4, 0.6], [0.1, 0.9], [0.2, 0.8]])
    assert at_specificity(held, y, shifted, y, 0.9)[1] == (1.0, 0.0)
    assert at_specificity(shifted, y, held, y, 0.9)[1] == (1.0, 1.0)


def test_classes_without_cases_or_without_others_have_no_number():
    y = np.array([0, 0, 1, 1])
    p = np.full((4, 3), 1 / 3)
    assert set(at_specificity(p, y, p, y, 0.9)) == {0, 1}
    assert at_specificity(p[:2], y[:2], p[:2], y[:2], 0.9) == {}
