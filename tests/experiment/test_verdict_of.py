"""The verdict on anyone's probabilities: degenerate tables, controls, folds, symmetry."""

import numpy as np
import pytest

import augmentor.experiment.verdict_of as module
from augmentor.core.errors import ConfigError, DataError
from augmentor.experiment.verdict_of import verdict, verdict_over_folds

METRICS = ("balanced_accuracy", "macro_auroc", "accuracy")


def labels(rare, common):
    return np.repeat([0, 1], [rare, common])


def predict(right, y, seeds=10):
    """Return probabilities (S, N, 2) that are right where ``right`` (N,) or (S, N) says so."""
    right = np.broadcast_to(right, (seeds, y.size))
    chosen = np.where(right, y, 1 - y)
    return 0.8 * np.eye(2)[chosen] + 0.1


def rare_changed(rare, common, changed, seeds=10):
    """Return predictions of an arm that is always right and of one wrong on some rare cases at every seed."""
    y = labels(rare, common)
    wrong = np.arange(y.size) < changed
    return predict(np.ones(y.size, bool), y, seeds), predict(~wrong, y, seeds), y


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("rare", [2, 3])
def test_two_or_three_rare_cases_all_one_way_are_inconclusive(metric, rare):
    new, old, y = rare_changed(rare, 87, rare)
    found = verdict(new, old, y, control=old, metric=metric)
    assert (found.word, found.comparison) == ("inconclusive", "inconclusive")
    assert found.reason == "few_changed"
    assert found.low < found.gain <= found.high
    assert "too few to exclude chance" in found.sentence


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("rare", [1, 5])
def test_both_perfect_on_few_rare_cases_is_inconclusive(metric, rare):
    new, _, y = rare_changed(rare, 45, 0)
    found = verdict(new, new, y, control=new, metric=metric)
    assert (found.word, found.reason) == ("inconclusive", "alike")
    assert found.low < -0.01
    assert found.high > 0.01
    assert found.needed > rare
    assert "no test case was decided differently" in found.sentence


@pytest.mark.parametrize("metric", METRICS)
def test_both_constant_is_inconclusive(metric):
    y = labels(5, 45)
    same = np.full((10, 50, 2), 0.5)
    found = verdict(same, same, y, control=same, metric=metric)
    assert (found.word, found.reason) == ("inconclusive", "alike")


def test_alike_on_many_cases_is_equivalent():
    y = labels(300, 2700)
    rng = np.random.default_rng(0)
    p = predict(rng.random(3000) < 0.95, y)
    found = verdict(p, p, y, control=p)
    assert (found.word, found.reason) == ("equivalent", "decided")


def test_one_case_of_each_class_is_inconclusive():
    y = np.array([0, 1])
    found = verdict(predict([True, True], y), predict([False, False], y), y, control=None)
    assert (found.word, found.reason) == ("inconclusive", "few_changed")


def test_a_clear_gain_helps_and_swapped_hurts():
    new, old, y = rare_changed(40, 360, 16)
    helps = verdict(new, old, y, control=old)
    hurts = verdict(old, new, y, control=new)
    assert (helps.word, hurts.word) == ("helps", "hurts")
    assert (hurts.gain, hurts.low, hurts.high) == pytest.approx((-helps.gain, -helps.high, -helps.low))
    assert helps.sentence.startswith("Synthesis helps: the model with synthetic data gains +20.0 points")
    assert "loses 20.0 points" in hurts.sentence


def test_without_a_control_there_is_no_verdict_on_synthesis():
    new, old, y = rare_changed(40, 360, 16)
    found = verdict(new, old, y)
    assert (found.word, found.reason, found.comparison) == ("inconclusive", "no_control", "helps")
    assert "no control" in found.sentence


@pytest.mark.parametrize("swap", [False, True])
def test_a_control_that_does_as_well_blocks_helps_and_hurts(swap):
    new, old, y = rare_changed(40, 360, 16)
    if swap:
        new, old = old, new
    found = verdict(new, old, y, control=new.copy())
    assert (found.word, found.reason) == ("inconclusive", "control")
    assert found.control.gain == 0
    assert "differs in synthesis alone" in found.sentence


def test_equivalent_needs_the_control_too():
    new, old, y = rare_changed(300, 2700, 30)
    assert verdict(new, new, y, control=new).word == "equivalent"
    found = verdict(new, new, y, control=old)
    assert (found.word, found.reason) == ("inconclusive", "control")


def test_ten_rare_cases_all_one_way_help():
    new, old, y = rare_changed(10, 90, 10)
    assert verdict(new, old, y, control=old).word == "helps"


def test_folds_show_more_than_a_part_of_the_cases():
    rng = np.random.default_rng(1)
    y = labels(30, 270)
    old = predict(rng.random((10, 300)) < 0.9, y)
    new = predict(np.ones(300, bool), y)
    folds = np.arange(300) % 5
    whole = verdict_over_folds(new, old, y, folds, control=old)
    part = folds == 0
    one = verdict(new[:, part], old[:, part], y[part], control=old[:, part])
    assert whole.detectable < 0.75 * one.detectable


def test_one_training_without_its_axis_is_one_seed():
    new, old, y = rare_changed(20, 80, 12, seeds=1)
    assert verdict(new[0], old[0], y, control=old).gain == pytest.approx(verdict(new, old, y).gain)


def test_classes_and_groups_are_named():
    new, old, y = rare_changed(4, 80, 1)
    found = verdict(new, old, y, control=old, groups=np.arange(84) // 2, classes=["ill", "well"])
    assert (
        "2 groups of the rarest class (ill)" in found.sentence
        or "group came out differently" in found.sentence
    )


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"metric": "f1"}, ConfigError, "the metric is one of"),
        ({"margin": 0.0}, ConfigError, "above 0"),
        ({"classes": ["a"]}, DataError, "classes must name"),
        ({"control": np.ones((10, 3, 2))}, DataError, "control must be"),
        ({"control": np.full((2, 24, 2), 0.5)}, DataError, "shape of prob_with"),
        ({"control": np.full((10, 24, 2), 0.7)}, DataError, "sum 1"),
        ({"y": np.full(24, 2)}, DataError, "from 0 to 1"),
    ],
)
def test_what_does_not_fit_is_refused(change, error, says):
    new, old, y = rare_changed(4, 20, 1)
    with pytest.raises(error, match=says):
        verdict(new, old, change.pop("y", y), **change)


def test_the_example_of_the_docstring_names_the_arguments_there_are():
    assert "verdict(with_synthesis, without, y, control=without)" in module.verdict.__doc__
