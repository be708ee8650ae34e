import numpy as np
import pytest
from blob_parts import blobs, evaluated, marked, parts
from flat_spec import evaluation

from augmentor.core.errors import ConfigError
from augmentor.core.spec import parse
from augmentor.experiment import choose
from augmentor.experiment.arms import arm_of, name_of
from augmentor.experiment.choose import empty_arms
from augmentor.experiment.draw import KnownRows, rows_of
from augmentor.experiment.spec import EvaluationSpec

MIXED = {"rows": "passing"}
THINNED = {"base": "best_mixing", "leave_out": "harmful_classes"}
NAME = name_of(arm_of(THINNED))
SPEC = evaluation(
    arms=("classical", MIXED, THINNED),
    seeds=2,
    updates=120,
    batch=16,
    channels=4,
    shares=(0.5,),
    share_seeds=2,
    policy="none",
)


def run(folder, synthetic):
    real = parts(noise=0.2)[:3]
    return evaluated((*real, synthetic), SPEC, folder)


def test_a_class_whose_synthetic_rows_do_harm_gets_none(tmp_path):
    """The synthetic rows of "common" look like "rare" ones; those of "rare" are honest."""
    made = blobs((40, 40), 4, prefix="made", noise=0.2)
    made.x[made.y == 0] = blobs((0, 40), 5, noise=0.2).x
    found = run(tmp_path, marked(made))
    assert found.facts.left_out == ("common",)
    validation = found.results.where(metric="balanced_accuracy", split="validation")
    means = validation.groupby("arm")["value"].mean()
    assert means[NAME] > means["rows=passing"]
    for left_out in ("common", "rare"):
        tried = found.results.where(setting={"without": left_out}, metric="balanced_accuracy")
        assert tried["arm"].tolist() == [NAME] * 2


def test_where_no_class_does_harm_it_is_the_best_mixing_arm_fit_for_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(choose, "exceeds_error", lambda _: False)
    found = run(tmp_path, marked(blobs((40, 40), 4, prefix="made", noise=0.2)))
    assert found.facts.left_out == ()
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored[f"test/{NAME}"], stored["test/rows=passing"])


def test_rows_of_a_class_that_is_left_out_are_not_drawn_and_others_are():
    y = np.repeat([0, 1], 5)
    yes = np.ones(10, bool)
    rows = rows_of(arm_of(MIXED), KnownRows(y, y, {"passing": yes}, 2), seed=0, without=(1,))
    assert [len(index) for index in rows.synthetic] == [5, 0]
    assert [len(index) for index in rows.real] == [5, 5]


def test_with_every_class_left_out_the_arm_is_empty():
    synthetic = marked(blobs((3, 3), 4))
    arms = {"mixed": arm_of(MIXED), "thinned": arm_of(MIXED)}
    assert empty_arms(arms, synthetic, ["thinned"], ["common"]) == []
    assert empty_arms(arms, synthetic, ["thinned"], ["common", "rare"]) == ["thinned"]
    nothing = marked(synthetic.samples, np.zeros(6, bool))
    assert empty_arms(arms, nothing) == ["mixed", "thinned"]


def test_without_a_mixing_arm_it_is_refused_with_what_to_add():
    values = {"arms": ["classical", "synthetic_only", THINNED]}
    reason = f"add one of filtered, with_synthetic to classical, synthetic_only, {NAME}"
    with pytest.raises(ConfigError, match=reason):
        parse(EvaluationSpec, values, "here")
