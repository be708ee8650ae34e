import numpy as np
import pytest
from blob_parts import blobs, evaluated, marked, parts
from flat_spec import changed, evaluation

from augmentor.experiment.arms import PRESETS, arm_of, name_of, settled
from augmentor.experiment.spec import EvaluationSpec, mixing_arm

PLAIN = ("balanced", "classical", "class_weighted", "mixup")
WITH_SYNTHETIC = "with_synthetic"
SPEC = evaluation(
    arms=(*PLAIN, WITH_SYNTHETIC),
    seeds=2,
    updates=20,
    batch=16,
    channels=4,
    shares=(0.25, 0.75),
    share_seeds=2,
    policy="none",
)


def run(folder, spec=SPEC, **options):
    return evaluated(parts(noise=0.2), spec, folder, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twins")
    return folder, run(folder)


def test_the_judged_arm_is_the_chosen_baseline_with_synthetic_rows(finished):
    _, found = finished
    held = found.results.where(metric="balanced_accuracy", split="validation").groupby("arm")["value"].mean()
    best = max(PLAIN, key=lambda name: held[name])
    verdict = found.facts.verdict
    assert (verdict.baseline, verdict.arm) == (best, WITH_SYNTHETIC)
    twin = settled(PRESETS[WITH_SYNTHETIC], PRESETS[best])
    assert found.facts.resolved_to == {WITH_SYNTHETIC: name_of(twin)}
    called = found.facts.arms[best].title
    assert any(f"is “{called}” with one change: of every class" in note for note in found.facts.notes)


def test_it_is_the_counterpart_fit_for_fit_at_the_share_that_validation_chose(finished, tmp_path):
    folder, found = finished
    best = settled(PRESETS[WITH_SYNTHETIC], PRESETS[found.facts.verdict.baseline])
    twin = name_of(best)
    assert found.facts.resolved_to[WITH_SYNTHETIC] == twin
    named = run(tmp_path, changed(SPEC, arms=(*PLAIN, best)))
    assert named.facts.share_of[twin] == found.facts.share_of[WITH_SYNTHETIC]
    with (
        np.load(folder / "predictions.npz", allow_pickle=False) as ours,
        np.load(tmp_path / "predictions.npz", allow_pickle=False) as theirs,
    ):
        np.testing.assert_array_equal(ours[f"test/{WITH_SYNTHETIC}"], theirs[f"test/{twin}"])
    tried = found.results.table[found.results.table["setting"].str.startswith("share=").fillna(False)]
    assert set(tried["arm"]) == {WITH_SYNTHETIC}
    assert len(tried) == 4


def test_only_the_best_has_its_counterpart_trained(finished):
    _, found = finished
    # Four arms of two seeds; of the twin two at its share and two at the other.
    assert found.facts.fits.trained == 4 * 2 + 2 + 2


def test_one_share_is_taken_as_it_is(tmp_path):
    found = run(tmp_path, changed(SPEC, shares=(0.5,)))
    assert found.facts.share_of == {WITH_SYNTHETIC: 0.5}
    assert found.facts.share_by == "recipe"
    assert found.facts.fits.trained == 5 * 2


def test_without_a_row_that_passed_it_is_the_baseline_and_nothing_is_advised(tmp_path):
    real = parts(noise=0.2)[:3]
    made = marked(blobs((0, 30), 4, prefix="made", noise=0.2), np.zeros(30, bool))
    found = evaluated((*real, made), SPEC, tmp_path)
    verdict = found.facts.verdict
    assert (verdict.arm, verdict.word) == (WITH_SYNTHETIC, "inconclusive")
    assert not found.facts.recommendation.use
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored[f"test/{WITH_SYNTHETIC}"], stored[f"test/{verdict.baseline}"])


@pytest.mark.parametrize(
    ("arms", "expected"),
    [
        (("classical", WITH_SYNTHETIC), {"rows": "passing"}),
        (("classical", "filtered", {"rows": "passing", "mix": "mixup"}), "filtered"),
        (
            (
                {"rows": {"synthetic": "kept", "copies": True}},
                {"base": "best_mixing", "leave_out": "harmful_classes"},
                {"rows": "passing", "mix": "cutmix"},
            ),
            {"rows": "passing", "mix": "cutmix"},
        ),
    ],
)
def test_settings_of_a_generator_are_tried_in_the_first_mixing_arm_that_is_not_derived(arms, expected):
    assert mixing_arm(EvaluationSpec(arms=arms)) == arm_of(expected)
