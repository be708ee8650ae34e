"""The decision rule of an arm: fitted on validation cases, applied to cases it has not seen."""

from dataclasses import dataclass

import numpy as np
import pytest
from blob_parts import CLASSES
from flat_spec import evaluation

from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples
from augmentor.downstream.decision import FEWEST
from augmentor.experiment import held_out as module
from augmentor.experiment.arms import Arm
from augmentor.experiment.held_out import HeldOut

NATURAL = Arm(sampling="natural")


@dataclass
class Job:
    arm: Arm


def samples(counts, prefix, group=None):
    y = np.repeat([0, 1], counts)
    x = np.random.default_rng(len(prefix)).integers(0, 255, (len(y), 1, 2, 2)).astype(np.uint8)
    ids = np.array([f"{prefix}{i}" for i in range(len(y))])
    return Samples(x, y, CLASSES, ids, group=group, value_range=(0, 255), kind=IMAGE)


def predictions(y, *, seeds=3, bias=2.0, noise=0.8):
    """Probabilities of a classifier that says the rare class too seldom by ``bias`` of the logit."""
    rng = np.random.default_rng(0)
    logit = 2 * (2 * y - 1) - bias + rng.normal(0, noise, (seeds, len(y)))
    rare = 1 / (1 + np.exp(-logit))
    return np.stack([1 - rare, rare], axis=-1)


@pytest.fixture
def held(monkeypatch):
    def make(validation=(60, 20), train=(90, 10), group=None, **spec):
        part = samples(validation, "validation", group)
        found = HeldOut(evaluation(**spec), samples(train, "train"), part)
        p = predictions(part.y)
        monkeypatch.setattr(module, "stacked", lambda jobs, _: p[: len(jobs)])
        return found

    return make


def test_a_classifier_that_says_the_rare_class_too_seldom_is_shifted_and_scores_higher(held):
    found = held()
    rule = found.rule([Job(Arm())] * 3)
    assert rule.how == "fitted"
    assert rule.strength * np.log(9) == pytest.approx(2.0, abs=0.8)
    scored = found.scored([Job(Arm())] * 3)
    y = found.samples.y
    before, after = (
        np.mean([(p.argmax(-1) == y)[:, y == k].mean() for k in (0, 1)])
        for p in (scored.predictions, scored.decided)
    )
    assert after > before + 0.1
    assert np.mean(found.scores([Job(Arm())] * 3)) == pytest.approx(after)


def test_no_validation_case_is_scored_by_a_rule_that_has_seen_its_label(held, monkeypatch):
    """Turning the labels of one fold round changes nothing about how that fold is decided."""
    found = held()
    before = found.scored([Job(Arm())] * 3).decided
    fold = found.folds.copy()
    seen = []

    def told(hits, y, *rest):
        seen.append(len(y))
        return best(hits, y, *rest)

    best = module.best_strength
    monkeypatch.setattr(module, "best_strength", told)
    found.scored([Job(Arm())] * 3)
    assert seen == [80 - (fold == k).sum() for k in range(5)]
    here = fold == 0
    turned = found.samples.y.copy()
    turned[here] = 1 - turned[here]
    object.__setattr__(found.samples, "y", turned)
    np.testing.assert_array_equal(found.scored([Job(Arm())] * 3).decided[:, here], before[:, here])


@pytest.mark.parametrize(
    ("change", "how"),
    [
        ({"validation": (60, FEWEST)}, "fitted"),
        ({"validation": (60, FEWEST - 1)}, "fixed"),
        ({"decision": "fixed"}, "fixed"),
        ({"group": np.array(["a", "b", "c", "d"] * 15 + ["e", "f"] * 10)}, "fixed"),
    ],
)
def test_with_too_few_rare_cases_or_patients_or_by_the_recipe_the_shift_is_that_of_theory(held, change, how):
    found = held(**change)
    assert found.rule([Job(Arm())]).how == found.rule([Job(NATURAL)]).how == how
    if how == "fixed":
        assert found.rule([Job(Arm())]).strength == 0.0
        assert found.rule([Job(NATURAL)]).strength == 1.0
        np.testing.assert_allclose(found.rule([Job(NATURAL)]).offsets, -np.log([0.9, 0.1]))


@pytest.mark.parametrize("change", [{"primary_metric": "macro_auroc"}, {"train": (20, 20)}])
def test_where_no_class_is_chosen_or_all_are_equally_frequent_there_is_no_rule(held, change):
    found = held(**change)
    assert found.rule([Job(Arm())]) is None
    assert found.scored([Job(Arm())] * 2).decided is None
