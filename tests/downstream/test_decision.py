"""Which class is chosen: the shift of theory, and a strength fitted on the validation part."""

import numpy as np
import pytest

from augmentor.downstream.decision import (
    STEPS,
    DecisionRule,
    best_strength,
    fixed_strength,
    hits_at,
    log_frequencies,
    shifted,
)

COUNTS = np.array([90, 10])
LOGS = log_frequencies(COUNTS)


def test_a_shift_is_the_posterior_at_other_frequencies():
    """Two Gaussians, whose posteriors are known at any class frequencies."""
    x = np.linspace(-3, 3, 9)
    density = np.exp(-0.5 * (x[:, None] - np.array([0.0, 1.5])) ** 2)
    natural, balanced = (density * prior for prior in (COUNTS / 100, np.array([0.5, 0.5])))
    natural /= natural.sum(1, keepdims=True)
    balanced /= balanced.sum(1, keepdims=True)
    np.testing.assert_allclose(shifted(natural, -LOGS), balanced)
    np.testing.assert_allclose(shifted(balanced, LOGS), natural)


def test_a_class_without_a_row_and_a_probability_of_zero_stay_finite():
    assert np.isfinite(log_frequencies(np.array([5, 0]))).all()
    found = shifted(np.array([[1.0, 0.0]]), -LOGS)
    assert np.isfinite(found).all()
    assert found.argmax() == 0


@pytest.mark.parametrize(
    ("metric", "balanced", "strength"),
    [
        ("balanced_accuracy", True, 0.0),
        ("balanced_accuracy", False, 1.0),
        ("accuracy", True, -1.0),
        ("accuracy", False, 0.0),
    ],
)
def test_the_fixed_shift_leads_from_the_frequencies_of_the_training_to_those_of_the_metric(
    metric, balanced, strength
):
    assert fixed_strength(metric, balanced=balanced) == strength


def test_the_fitted_strength_is_the_threshold_that_the_metric_is_best_at():
    # Rare cases at logits 0, 1, 2 above -3, common ones below -4: any threshold between serves.
    logit = np.array([-3.0, -2.0, -1.0, -4.5, -5.0, -6.0])
    y = np.array([1, 1, 1, 0, 0, 0])
    p = np.stack([1 / (1 + np.exp(logit)), 1 / (1 + np.exp(-logit))], axis=1)[None]
    hits = hits_at(p, y, [-s * LOGS for s in STEPS])
    strength = best_strength(hits, y, "balanced_accuracy", STEPS, 0.0)
    assert 3.0 < strength * np.log(9) < 4.5  # the shift of the logit
    assert strength == min(s for s in STEPS if s * np.log(9) > 3.0)  # of equals the nearest to the fixed one
    rule = DecisionRule(strength, "fitted", tuple(-strength * LOGS))
    np.testing.assert_array_equal(rule.applied(p)[0].argmax(1), y)


def test_accuracy_and_balanced_accuracy_ask_for_different_strengths():
    # One rare case among common ones: finding it costs two of six common cases.
    logit = np.array([-1.0, -0.5, -0.8, -3.0, -3.0, -3.0, -3.0])
    y = np.array([1, 0, 0, 0, 0, 0, 0])
    p = np.stack([1 / (1 + np.exp(logit)), 1 / (1 + np.exp(-logit))], axis=1)[None]
    hits = hits_at(p, y, [-s * LOGS for s in STEPS])
    assert best_strength(hits, y, "accuracy", STEPS, 0.0) == 0.0
    assert best_strength(hits, y, "balanced_accuracy", STEPS, 0.0) * np.log(9) > 1.0


def test_hits_are_means_over_seeds():
    p = np.array([[[0.6, 0.4]], [[0.4, 0.6]]])
    np.testing.assert_allclose(hits_at(p, np.array([1]), [np.zeros(2), np.array([0.0, 5.0])]), [[0.5], [1.0]])
