"""Temperature scaling and the rows behind the reliability diagrams."""

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from augmentor.core.results import Results
from augmentor.metrics.calibration import (
    TEMPERATURES,
    apply_temperature,
    brier,
    calibration_rows,
    expected_calibration_error,
    fit_temperature,
)


def fake(seed, n=400, k=4, sharp=1.0):
    """Return probabilities and labels drawn from them, then sharpened: T = sharp mends them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, k)) * 1.5
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return apply_temperature(p, 1 / sharp), y


def nll(p, y):
    return -np.log(p[np.arange(len(y)), y]).mean()


def test_the_temperature_of_one_confidence_has_a_closed_form():
    # Says 0.8, right in 60 %: the best is 0.6, so log(0.8 / 0.2) / T = log(0.6 / 0.4).
    p = np.tile([0.8, 0.2], (10, 1))
    y = np.array([0] * 6 + [1] * 4)
    assert fit_temperature(p, y) == pytest.approx(math.log(4) / math.log(1.5), rel=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_two_classes_agree_with_a_logistic_regression_without_intercept(seed):
    """P(1) = 1 / (1 + exp(-b log-odds)) is a temperature of 1 / b."""
    p, y = fake(seed, k=2, sharp=2.5)
    odds = np.log(p[:, 1] / p[:, 0])[:, None]
    other = LogisticRegression(fit_intercept=False, C=1e12, tol=1e-10).fit(odds, y)
    assert 1 / fit_temperature(p, y) == pytest.approx(other.coef_[0, 0], rel=1e-3)


def test_more_classes_agree_with_a_grid():
    p, y = fake(1, sharp=3.0)
    grid = np.geomspace(*TEMPERATURES, 4001)
    best = grid[np.argmin([nll(apply_temperature(p, t), y) for t in grid])]
    assert fit_temperature(p, y) == pytest.approx(best, rel=3e-3)
    assert best == pytest.approx(3.0, rel=0.2)


def test_a_temperature_of_one_changes_nothing_and_none_changes_the_answer():
    p, _ = fake(2)
    np.testing.assert_allclose(apply_temperature(p, 1.0), p, rtol=1e-10)
    for t in (0.3, 4.0):
        np.testing.assert_array_equal(apply_temperature(p, t).argmax(axis=1), p.argmax(axis=1))
        np.testing.assert_allclose(apply_temperature(p, t).sum(axis=1), 1.0)
    assert (
        apply_temperature(p, 4.0).max(axis=1).mean()
        < p.max(axis=1).mean()
        < apply_temperature(p, 0.3).max(axis=1).mean()
    )


def test_certain_answers_stay_finite():
    eye = np.eye(3)
    right, wrong = fit_temperature(eye, np.arange(3)), fit_temperature(eye, (np.arange(3) + 1) % 3)
    assert TEMPERATURES[0] <= right < wrong <= TEMPERATURES[1]
    assert np.isfinite(apply_temperature(eye, wrong)).all()


def stacks():
    held, y_held = zip(*(fake(seed, n=150, sharp=2.5) for seed in (1, 1)), strict=True)
    test, y_test = fake(5, n=90, sharp=2.5)
    # Two seeds, of which the second needs another temperature.
    return (
        np.stack([held[0], apply_temperature(held[1], 0.5)]),
        y_held[0],
        np.stack([test, apply_temperature(test, 0.5)]),
        y_test,
    )


def test_rows_hold_what_the_functions_say_with_temperatures_from_the_validation_part():
    held, y_held, test, y_test = stacks()
    found = Results.from_rows(
        {"dataset": "d", **row} for row in calibration_rows("a", held, y_held, test, y_test)
    )
    for seed in range(2):
        t = fit_temperature(held[seed], y_held)
        scaled = apply_temperature(test[seed], t)
        for metric, value in (
            ("temperature", t),
            ("ece_scaled", expected_calibration_error(scaled, y_test)),
            ("brier_scaled", brier(scaled, y_test)),
        ):
            assert found.value(arm="a", seed=seed, split="test", metric=metric) == pytest.approx(value)
    one, two = (found.value(seed=seed, metric="temperature") for seed in range(2))
    assert two == pytest.approx(2 * one, rel=1e-2)  # up to the floor under tiny probabilities
    swapped = fit_temperature(test[0], y_test)
    assert abs(swapped - one) > 1e-2  # a temperature of the test part would be another


def test_temperature_scaling_corrects_an_overconfident_classifier():
    held, y_held, test, y_test = stacks()
    table = {(r["metric"], r["seed"]): r["value"] for r in calibration_rows("a", held, y_held, test, y_test)}
    assert table["ece_scaled", 0] < expected_calibration_error(test[0], y_test) / 2
    assert table["brier_scaled", 0] < brier(test[0], y_test)


def test_the_bins_hold_every_prediction_of_every_seed():
    held, y_held, test, y_test = stacks()
    rows = [row for row in calibration_rows("a", held, y_held, test, y_test) if row["setting"]]
    table = {
        (row["metric"].removeprefix("reliability_"), row["setting"]["bin"]): row["value"] for row in rows
    }
    for suffix, stack in (("", test), ("_scaled", None)):
        numbers = {number for name, number in table if name == f"count{suffix}"}
        counts = {n: table[f"count{suffix}", n] for n in numbers}
        assert sum(counts.values()) == 2 * len(y_test)
        assert all((n / 15) < table[f"confidence{suffix}", n] <= (n + 1) / 15 + 1e-12 for n in numbers)
        if stack is not None:
            right = (stack.argmax(axis=2) == y_test).sum()
            assert sum(counts[n] * table["accuracy", n] for n in numbers) == pytest.approx(right)
