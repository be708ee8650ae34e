"""What a run can show and what it costs: counts against the recipe, closed forms of the estimate."""

from __future__ import annotations

import numpy as np
import pytest

from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples
from augmentor.data.inspect import inspect
from augmentor.data.inspection_text import inspection_lines
from augmentor.experiment.spec import EvaluationSpec
from augmentor.run import outlook
from augmentor.run.outlook import Pace, Work, cost, fits, power, probe, tell, updates_beforehand
from augmentor.run.recipe import Recipe

PACE = Pace(generator=0.2, models=(0.02,), processes=2, peak=500 * 2**20)
THINNED = {"base": "best_mixing", "leave_out": "harmful_classes"}
SHORT = {"training": {"images": 3200}, "judge": {"updates": 100, "folds": 2}}


def recipe(**fields):
    values = {"name": "short", **SHORT, "candidates": [], **fields}
    return Recipe.model_validate(values)


def samples(n=40, side=8):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (n, 1, side, side), dtype=np.uint8)
    ids = np.array([f"s/{i}" for i in range(n)])
    return Samples(x, np.arange(n) % 2, ("a", "b"), ids, kind=IMAGE, value_range=(0, 255))


def test_fits_are_arms_by_seeds_with_every_share_tried():
    plain = EvaluationSpec(arms=("classical", "filtered"), seeds=4, mixing={"shares": [0.5]})
    assert fits(plain, 2) == 8
    shares = EvaluationSpec(
        arms=("classical", "filtered"), seeds=4, mixing={"shares": [0.25, 0.5, 0.75], "share_seeds": 3}
    )
    assert fits(shares, 2) == 8 + 3 * 2
    thinned = EvaluationSpec(
        arms=("classical", "filtered", THINNED), seeds=4, mixing={"shares": [0.5], "share_seeds": 3}
    )
    assert fits(thinned, 5) == 12 + 3 * 5
    tuned = EvaluationSpec(
        arms=("classical", "filtered", "tuned"), seeds=4, mixing={"shares": [0.5], "share_seeds": 3}
    )
    assert fits(tuned, 2) == 12 + 3 * 5


def test_controls_of_the_critics_start_are_trained_once_each_whatever_the_seeds():
    arms = ["classical", *({"start": start} for start in ("critic", "untrained_critic", "self_supervised"))]
    # 6,400 images at 7.5 samples of 64 an update, twice.
    assert updates_beforehand(EvaluationSpec(arms=arms), 6400) == 2 * 750
    assert updates_beforehand(EvaluationSpec(arms=arms[:2]), 6400) == 0


def test_the_estimate_is_steps_by_their_time():
    evaluation = {
        "arms": ["classical", "filtered"],
        "seeds": 4,
        "model": {"updates": 50},
        "mixing": {"shares": [0.5]},
    }
    once = Work.of(recipe(evaluation=evaluation), 2)
    assert (once.steps, once.updates) == (3200 // 32, (8 * 50 + 2 * 100,))
    assert once.seconds(PACE) == pytest.approx(100 * 0.2 + 600 * 0.02 / 2)
    thrice = Work.of(recipe(evaluation=evaluation), 2, folds=3)
    assert (thrice.steps, thrice.updates) == (3 * once.steps, (3 * once.updates[0],))
    both = Work.of(recipe(evaluation={**evaluation, "further_models": [{"name": "mlp", "updates": 10}]}), 2)
    assert both.updates == (once.updates[0], 8 * 10)


def test_candidates_are_counted_rung_by_rung():
    chosen = recipe(candidates=[{"family": "projection"}, {"family": "cvae"}, {"family": "r3gan"}])
    names = len(chosen.generators)
    assert names in (3, 4)
    # Two rungs: all at a quarter of the images, half of them at a half; the last is trained whole.
    expected = 100 + names * 25 + -(-names // 2) * 50
    assert Work.of(chosen, 2).steps == expected


def test_the_sentence_says_time_memory_and_that_it_is_an_estimate():
    said = cost(recipe(), PACE, samples())
    seconds = Work.of(recipe(), 2).seconds(PACE)
    assert said.startswith(f"about {seconds / 60:.0f} min and 500 MiB for the largest of 2 processes")
    assert "an estimate" in said


def test_what_a_test_part_can_show_is_said_of_its_rarest_class():
    spec = EvaluationSpec()
    said = power({"a": 9, "b": 81, "none": 0}, {"a": 30, "b": 270, "none": 4}, spec)
    assert said.startswith("With 9 independent test cases of the rarest class")
    assert "test all 30" in said
    assert "folds" not in power({"a": 9, "b": 81}, None, spec)
    assert power({"a": 9, "b": 0}, None, spec) is None
    divided = power({"a": 6, "b": 54}, {"a": 30, "b": 270}, spec, folds=5)
    assert divided.startswith("With 5 folds, which test all 30 independent cases of the rarest class")


def test_short_runs_are_not_probed(monkeypatch):
    monkeypatch.setattr(outlook, "probe", lambda *_: pytest.fail("a probe takes seconds"))
    assert tell(recipe(evaluation={"seeds": 2, "model": {"updates": 50}}), samples(), "cpu", 1) is None


def test_a_probe_times_generator_and_classifier_at_the_size_of_the_samples():
    found = probe(recipe(), samples())
    assert len(found.models) == 1
    assert 0 < found.models[0] < 10
    assert 0 < found.generator < 10
    assert found.peak > 2**20


def test_an_inspection_shows_power_and_the_cost_of_every_budget(tiny_images, monkeypatch):
    monkeypatch.setattr(outlook, "probe", lambda *_: PACE)
    found = inspect(str(tiny_images))
    text = "\n".join(inspection_lines(found, outlook.outlook(found)))
    assert "what a run can show and cost:\n  With " in text
    # One test part would hold 7 of the 24 rings.
    for budget in ("quick", "standard, 5 folds", "thorough, 5 folds"):
        assert f"  budget {budget}: about " in text
