"""The interval of a score: Agresti and Coull's middle, symmetry, coverage near 1."""

import numpy as np
import pytest
from scipy.stats import t as student

from augmentor.core.case_values import CaseValues
from augmentor.downstream.case_values import case_values
from augmentor.statistics.design import Design
from augmentor.statistics.score import score_of


def hits(right, cases, seeds=5):
    table = np.zeros((seeds, cases))
    table[:, :right] = 1
    return CaseValues(table, np.ones(1))


def scored(right, cases):
    return score_of(hits(right, cases), Design.of(np.zeros(cases, int)))


@pytest.mark.parametrize(("right", "cases"), [(7, 9), (18, 20), (30, 60)])
def test_one_class_is_agresti_and_coulls_interval_with_one_success_and_one_failure(right, cases):
    middle = (right + 1) / (cases + 2)
    half = student.ppf(0.975, cases + 1) * np.sqrt(middle * (1 - middle) / (cases + 2))
    found = scored(right, cases)
    assert found.mean == pytest.approx(right / cases)
    assert (found.low, found.high) == pytest.approx((middle - half, min(middle + half, 1)))
    assert found.standard_error == pytest.approx(np.sqrt(found.variance))


def test_all_right_leaves_room_below_and_wrong_for_right_mirrors():
    perfect, hopeless = scored(9, 9), scored(0, 9)
    assert perfect.high == 1
    assert perfect.low < 0.8
    assert (hopeless.low, hopeless.high) == pytest.approx((1 - perfect.high, 1 - perfect.low))


def test_the_mean_is_the_metric_also_of_placements():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    p = rng.dirichlet(np.ones(3), size=(4, 60)) + 0.3 * np.eye(3)[y]
    p /= p.sum(axis=-1, keepdims=True)
    for metric in ("balanced_accuracy", "macro_auroc", "accuracy"):
        values, design = case_values(metric, p, y), Design.of(y)
        found = score_of(values, design)
        expected = (values.share * design.class_means(values.table) @ values.weights).mean()
        assert found.mean == pytest.approx(expected)
        assert 0 <= found.low < found.mean < found.high <= 1


def test_the_true_recall_near_one_is_covered_with_few_cases():
    # 300 studies of 20 cases and recall 0.95: at 95 % coverage 278 or fewer have a chance of 0.02.
    rng = np.random.default_rng(1)
    design = Design.of(np.zeros(20, int))
    held = 0
    for _ in range(300):
        table = np.repeat(rng.random((1, 20)) < 0.95, 3, axis=0).astype(float)
        found = score_of(CaseValues(table, np.ones(1)), design)
        held += found.low <= 0.95 <= found.high
    assert held > 278
