"""The arm that gives those without synthesis as many settings to choose from as the others have."""

import numpy as np
import pytest
from blob_parts import evaluated, parts
from flat_spec import evaluation

from augmentor.core.errors import ConfigError
from augmentor.core.results import read_setting
from augmentor.core.spec import parse
from augmentor.experiment.arms import PRESETS, Arm, Derived, arm_of, name_of, settled
from augmentor.experiment.spec import EvaluationSpec

SETTINGS = (Arm(), Arm(sampling="natural"), Arm(mix="mixup"))
TUNED = Derived(base="best_real", settings=SETTINGS)
NAME = name_of(TUNED)
WRITTEN = {
    "balanced": "balanced",
    "real": "real",
    "augmentation=none mix=mixup": {"augmentation": "none", "mix": "mixup"},
}
"""What the best real arm, "balanced", may come to be, and how a recipe writes it."""
BECOMES = dict(zip(("as it is", "sampling=natural", "mix=mixup"), WRITTEN, strict=True))
SPEC = evaluation(
    arms=("balanced", "with_synthetic", TUNED),
    seeds=2,
    updates=20,
    batch=16,
    channels=4,
    shares=(0.25, 0.5, 0.75),
    share_seeds=1,
    policy="none",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")
    return folder, evaluated(parts(noise=0.2), SPEC, folder)


def test_it_is_the_setting_that_does_best_on_the_validation_part(finished):
    _, found = finished
    tried = found.results.table[found.results.table["setting"].str.startswith("tried=").fillna(False)]
    assert (set(tried["arm"]), set(tried["split"])) == ({NAME}, {"validation"})
    means = {
        read_setting(setting)["tried"]: value
        for setting, value in zip(tried["setting"], tried["value"], strict=True)
    }
    assert set(means) == set(BECOMES)
    assert found.facts.resolved_to[NAME] == BECOMES[max(means, key=means.__getitem__)]


def test_synthesis_is_added_to_the_tuned_arm_and_both_had_as_many_settings(finished):
    _, found = finished
    facts = found.facts
    base = arm_of(WRITTEN[facts.resolved_to[NAME]])
    assert facts.resolved_to["with_synthetic"] == name_of(settled(PRESETS["with_synthetic"], base))
    assert facts.tried == {"balanced": 1, "with_synthetic": 3, NAME: 3}
    assert facts.resolved_to.get(facts.controls["with_synthetic"], "balanced") == name_of(base)


def test_no_fit_is_trained_twice(finished):
    _, found = finished
    trained = found.facts.fits.trained
    # The base and the tuned arm at two seeds, one seed of the two other settings; three shares at one
    # seed, the chosen one at the other.
    assert trained == 2 + (2 if found.facts.resolved_to[NAME] == "balanced" else 3) + 3 + 1


def test_the_decision_of_every_arm_is_in_the_facts_and_in_the_file_of_predictions(finished):
    folder, found = finished
    assert set(found.facts.decisions) == set(found.facts.arms)
    assert {one.how for one in found.facts.decisions.values()} == {"fitted"}
    with np.load(folder / "predictions.npz", allow_pickle=False) as stored:
        logs = np.log(np.array([40, 6]) / 46)
        for name, rule in found.facts.decisions.items():
            np.testing.assert_allclose(stored[f"offsets/{name}"], -rule.strength * logs, atol=1e-12)
        # The test score is that of the classes chosen by the shifted probabilities.
        p, y = stored[f"test/{NAME}"][0], np.repeat([0, 1], [50, 40])
        right = (np.log(p) + stored[f"offsets/{NAME}"]).argmax(1) == y
    wanted = np.mean([right[y == k].mean() for k in (0, 1)])
    value = found.results.value(arm=NAME, metric="balanced_accuracy", split="test", seed=0)
    assert value == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        ({"base": "best_real", "settings": [{"rows": "passing"}, {}]}, "without anything synthetic"),
        ({"base": "best_real", "settings": [{}], "add": {"mix": "mixup"}}, "nothing is added"),
        ({"base": "best_mixing", "settings": [{}, {"mix": "mixup"}]}, "changes of best_real"),
        ({"base": "best_real", "settings": [{}, {}]}, "each of them once"),
        ({"base": "best_real", "settings": [{}]}, "two or more"),
    ],
)
def test_settings_that_are_none_are_refused(arm, words):
    with pytest.raises(ConfigError, match=words):
        parse(EvaluationSpec, {"arms": ["classical", "filtered", arm]}, "r.yaml")


def test_a_model_that_cannot_train_one_of_the_settings_refuses_the_arm():
    values = {"arms": ["classical", "filtered", {"base": "best_real", "settings": [{}, {"mix": "cutmix"}]}]}
    with pytest.raises(ConfigError, match="trains on mixed labels"):
        parse(EvaluationSpec, {**values, "model": {"name": "random_forest"}}, "r.yaml")
