import numpy as np
import pytest
from blob_parts import blobs, marked, parts

from augmentor.core.errors import ConfigError
from augmentor.core.spec import parse
from augmentor.experiment import choices
from augmentor.experiment.arms import ARMS, CLASSWISE
from augmentor.experiment.choices import empty_arms
from augmentor.experiment.draw import rows_of
from augmentor.experiment.evaluate import evaluate
from augmentor.experiment.spec import EvaluationSpec

SPEC = EvaluationSpec(
    arms=("classical", "spread", CLASSWISE),
    seeds=2,
    updates=120,
    batch=16,
    channels=4,
    shares=(0.5,),
    share_seeds=2,
    policy="none",
    bootstrap=200,
)


def run(folder, synthetic):
    real = parts(noise=0.2)[:3]
    return evaluate(*real, synthetic, SPEC, dataset="blobs", seed=0, folder=folder, processes=1)


def test_a_class_whose_synthetic_rows_do_harm_gets_none(tmp_path):
    """The synthetic rows of "common" look like "rare" ones; those of "rare" are honest."""
    made = blobs((40, 40), 4, prefix="made", noise=0.2)
    made.x[made.y == 0] = blobs((0, 40), 5, noise=0.2).x
    found = run(tmp_path, marked(made))
    assert found.facts["left_out"] == ["common"]
    validation = found.results.where(metric="balanced_accuracy", split="validation")
    means = validation.groupby("arm")["value"].mean()
    assert means[CLASSWISE] > means["spread"]
    tried = set(found.results.table["metric"][found.results.table["metric"].str.contains("@without=")])
    assert tried == {"balanced_accuracy@without=common", "balanced_accuracy@without=rare"}


def test_where_no_class_does_harm_it_is_the_best_mixing_arm_fit_for_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(choices, "_harmful", lambda *_: ((), []))
    found = run(tmp_path, marked(blobs((40, 40), 4, prefix="made", noise=0.2)))
    assert found.facts["left_out"] == []
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored[f"test/{CLASSWISE}"], stored["test/spread"])


def test_rows_of_a_class_that_is_left_out_are_not_drawn_and_others_are():
    y = np.repeat([0, 1], 5)
    yes = np.ones(10, bool)
    rows = rows_of(ARMS["spread"], y, y, {"passing": yes}, 2, seed=0, without=(1,))
    assert [len(index) for index in rows.synthetic] == [5, 0]
    assert [len(index) for index in rows.real] == [5, 5]


def test_with_every_class_left_out_the_arm_is_empty():
    synthetic = marked(blobs((3, 3), 4))
    assert empty_arms(["spread", CLASSWISE], synthetic, ["common"]) == []
    assert empty_arms(["spread", CLASSWISE], synthetic, ["common", "rare"]) == [CLASSWISE]


def test_without_a_mixing_arm_it_is_refused_with_what_to_add():
    values = {"arms": ["classical", "synthetic", CLASSWISE]}
    reason = r"best of filtered, with_synthetic, .*, spread_cutmix, critic_start_ARM; add one"
    with pytest.raises(ConfigError, match=reason):
        parse(EvaluationSpec, values, "here")
