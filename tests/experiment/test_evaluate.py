import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from blob_parts import blobs, evaluated, marked, parts
from flat_spec import changed, evaluation

from augmentor.core.errors import DataError
from augmentor.core.results import setting_text
from augmentor.experiment import runner as runner_module
from augmentor.experiment.arms import PRESETS, Arm, arm_of, name_of, needs_critic, settled
from augmentor.experiment.choose import choose_share
from augmentor.experiment.fit import read_fit, run_fit
from augmentor.experiment.held_out import HeldOut
from augmentor.experiment.runner import Runner
from augmentor.experiment.spec import DEFAULT_ARMS
from augmentor.experiment.values import Workers
from augmentor.modalities.policies import Policy

POOLED = {"rows": {"synthetic": "all", "mixing": "pooled"}}
POOLED_NAME = "rows=all,pooled"
DUPLICATED = {"rows": {"synthetic": "kept", "copies": True}}
TINY = evaluation(
    arms=(*DEFAULT_ARMS[:-1], POOLED, "filtered", "synthetic_only"),
    seeds=3,
    updates=12,
    batch=16,
    channels=4,
    shares=(0.0, 0.5),
    share_seeds=2,
    pool_versions=3,
)
TINY_FIELDS = {"seeds": 2, "updates": 12, "batch": 16, "channels": 4, "share_seeds": 2, "pool_versions": 3}


def run(folder, spec=TINY, given=None, *, seed=0, processes=1, **options):
    given = given or parts()
    return evaluated(given, spec, folder, seed=seed, processes=processes, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    return folder, run(folder)


def test_every_arm_has_its_scores_on_both_held_out_parts(finished):
    _, found = finished
    named = TINY.named_arms.items()
    arms = [name for name, arm in named if name != "synthetic_only" and not needs_critic(arm)]
    for split in ("validation", "test"):
        scores = found.results.where(metric="balanced_accuracy", split=split)
        assert sorted(zip(scores["arm"], scores["seed"], strict=True)) == sorted(
            (arm, seed) for arm in arms for seed in range(3)
        )
    assert set(found.results.table["dataset"]) == {"blobs"}
    for arm in (POOLED_NAME, "filtered"):
        for metric in ("delta", "delta_low", "delta_high", "minimum_detectable", "margin"):
            assert found.results.value(arm=arm, split="test", metric=metric) is not None
        assert found.results.value(arm=arm, metric="recall_delta", class_="rare") is not None


def test_confusions_count_the_test_part_and_no_other(finished):
    """Swapped parts fail here: the parts have different numbers of cases in each class."""
    _, found = finished
    confusion = found.results.table[found.results.table["metric"] == "confusion"]
    assert set(confusion["split"]) == {"test"}
    totals = confusion.groupby(["arm", "seed", "class"])["value"].sum().unstack()
    assert set(totals["common"]) == {50}
    assert set(totals["rare"]) == {40}


def test_the_gain_is_the_difference_of_the_arms_printed_beside_it(finished):
    _, found = finished
    baseline = found.facts.verdict.baseline
    means = found.results.where(metric="balanced_accuracy", split="test").groupby("arm")["value"].mean()
    for arm in (POOLED_NAME, "filtered"):
        delta = found.results.value(arm=arm, metric="delta", split="test")
        assert delta == pytest.approx(means[arm] - means[baseline], abs=1e-12)
    controls = found.facts.controls
    bases = [arm for arm in TINY.arms if isinstance(arm, Arm) and arm.is_real_alone]
    added = {name_of(settled(PRESETS["with_synthetic"], base)): name_of(base) for base in bases}
    best = added[found.facts.resolved_to["with_synthetic"]]
    assert controls == {POOLED_NAME: "classical", "filtered": "classical", "with_synthetic": best}
    for arm, control in controls.items():
        delta = found.results.value(arm=arm, metric="delta_control", split="test")
        assert delta == pytest.approx(means[arm] - means[control], abs=1e-12)


def test_choices_are_the_best_on_validation(finished):
    _, found = finished
    tried = found.results.table[found.results.table["setting"].str.startswith("share=").fillna(False)]
    assert set(tried["setting"]) == {"share=0", "share=0.5"}
    assert set(tried["metric"]) == {"balanced_accuracy"}
    assert set(tried["split"]) == {"validation"}
    assert set(tried["arm"]) == {"filtered", "with_synthetic"}
    for arm, share in found.facts.share_of.items():
        means = tried[tried["arm"] == arm].groupby("setting")["value"].mean()
        assert means[setting_text({"share": share})] == means.max()
    assert (found.facts.share_by, found.facts.share_seeds) == ("validation", 2)
    held = found.results.where(metric="balanced_accuracy", split="validation").groupby("arm")["value"].mean()
    verdict = found.facts.verdict
    without = ["real", "classical", "class_weighted", "logit_adjusted", "mixup", "cutmix", "tuned"]
    assert held[verdict.baseline] == held[without].max()
    assert held[verdict.arm] == held[[POOLED_NAME, "filtered", "with_synthetic"]].max()
    advice = found.facts.recommendation
    assert advice.gain == pytest.approx(held[verdict.arm] - held[verdict.baseline], abs=1e-12)
    assert advice.arm == (verdict.arm if advice.use else verdict.baseline)


def test_with_few_validation_cases_nothing_is_tried_or_chosen_on_them(tmp_path):
    spec = evaluation(
        arms=["classical", "cutmix", "tuned", "filtered", "with_synthetic"],
        **{**TINY_FIELDS, "shares": (0.25, 0.5, 0.75), "fewest_to_choose": 31},
    )
    # 30 validation cases a class.
    found = run(tmp_path, spec)
    assert found.facts.share_of == {"filtered": 0.5, "with_synthetic": 0.5}
    assert (found.facts.share_by, found.facts.share_seeds) == ("recipe", 0)
    assert found.facts.resolved_to["with_synthetic"] == "rows=passing mix=cutmix"
    assert (found.facts.verdict.arm, found.facts.verdict.baseline) == ("with_synthetic", "cutmix")
    settings = found.results.table["setting"].fillna("")
    assert not settings.str.contains("share=|tried=").any()
    assert found.facts.fits.trained == 4 * 2  # the tuned arm is the fixed baseline
    assert any("a choice takes 31" in note for note in found.facts.notes)


def test_the_share_is_chosen_on_validation_and_the_smallest_of_equals_wins(tmp_path):
    _, validation, test, _ = given = parts()
    runner = runner_of(tmp_path, given=given)
    right = {
        "validation": {0.0: 40, 0.25: 50, 0.5: 50, 0.75: 45},
        "test": {0.0: 90, 0.25: 10, 0.5: 5, 0.75: 20},
    }
    tried = {share: [runner.job(arm_of("filtered"), share, i) for i in range(2)] for share in right["test"]}
    for share, jobs in tried.items():
        for job in jobs:
            job.target.parent.mkdir(exist_ok=True)
            found = {
                name: np.eye(2)[np.where(np.arange(len(part)) < right[name][share], part.y, 1 - part.y)]
                for name, part in (("validation", validation), ("test", test))
            }
            np.savez(job.target, key=np.array(job.key), **found)
    # With one offset for both classes scores are those of the classes that the predictions name.
    held = HeldOut(changed(TINY, decision="fixed"), given[0], validation)
    share, rows = choose_share(tried, held, "filtered")
    assert share == 0.25
    assert {row["metric"] for row in rows} == {"balanced_accuracy"}
    values = {row["setting"]["share"]: row["value"] for row in rows}
    # 30 cases a class, in class order: 40 right is all of the first class and a third of the second.
    assert values[0.0] == pytest.approx((1 + 1 / 3) / 2)
    assert values[0.25] == pytest.approx((1 + 2 / 3) / 2)
    tried[0.0][0].target.unlink()
    with pytest.raises(DataError, match="is gone"):
        choose_share(tried, held, "filtered")


def test_facts_are_json_and_predictions_are_where_they_say(finished):
    folder, found = finished
    json.dumps(found.facts.to_json(), allow_nan=False)
    assert found.facts.seeds == (0, 1, 2)
    with np.load(folder / found.facts.predictions, allow_pickle=False) as stored:
        assert stored["test/filtered"].shape == (3, 90, 2)
        assert stored["validation/real"].shape == (3, 60, 2)
    assert sorted(p.name for p in folder.iterdir()) == ["fits", "predictions.npz"]


def test_an_arm_without_rows_of_a_class_is_left_out_with_the_reason(finished):
    _, found = finished
    assert "synthetic_only" not in set(found.results.table["arm"])
    assert "no synthetic image of common passed" in found.facts.skipped["synthetic_only"]
    assert found.facts.skipped["synthetic_only"] in found.facts.notes


def test_a_second_run_trains_nothing_and_says_the_same(finished, monkeypatch):
    folder, found = finished
    monkeypatch.setattr(runner_module, "run_fit", None)
    again = run(folder)
    pd.testing.assert_frame_equal(again.results.table, found.results.table)
    assert again.facts.fits.trained == 0
    assert again.facts.verdict == found.facts.verdict


def test_a_killed_run_trains_only_what_is_missing(finished, tmp_path, monkeypatch):
    _, found = finished
    calls = []

    def counted(job):
        calls.append(job.target.name)
        run_fit(job)

    monkeypatch.setattr(runner_module, "run_fit", counted)
    run(tmp_path)
    files = sorted((tmp_path / "fits").iterdir())
    assert sorted(calls) == [file.name for file in files]  # each fit is trained once
    for file in files[::2]:
        file.unlink()
    (tmp_path / "shared-0123").mkdir()
    (tmp_path / ".shared-0123.tmp").mkdir()
    calls.clear()
    resumed = run(tmp_path)
    assert sorted(calls) == [file.name for file in files[::2]]
    pd.testing.assert_frame_equal(resumed.results.table, found.results.table)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fits", "predictions.npz"]


def test_more_seeds_keep_the_fits_that_are_there(finished):
    folder, _ = finished
    more = run(folder, changed(TINY, seeds=4))
    # Ten arms, one of which has come to be the fits of another.
    assert more.facts.fits.trained in {9, 10}


def test_a_damaged_fit_is_named(tmp_path):
    run(tmp_path, changed(TINY, seeds=1, arms=("balanced", POOLED)))
    file = next((tmp_path / "fits").iterdir())
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(DataError, match="is damaged"):
        run(tmp_path, changed(TINY, seeds=1, arms=("balanced", POOLED)))


def test_the_test_part_has_no_say_in_any_choice_or_fit(finished, tmp_path):
    _, found = finished
    train, validation, test, synthetic = parts()
    swapped = replace(test, y=1 - test.y)
    other = run(tmp_path, given=(train, validation, swapped, synthetic))
    for name in ("share", "share_by"):
        assert getattr(other.facts, name) == getattr(found.facts, name)
    for name in ("arm", "baseline"):
        assert getattr(other.facts.verdict, name) == getattr(found.facts.verdict, name)
    pd.testing.assert_frame_equal(
        other.results.where(split="validation"), found.results.where(split="validation")
    )
    # With two classes, swapped labels turn every recall into one minus itself.
    ours, theirs = (
        result.where(metric="balanced_accuracy", split="test")["value"].to_numpy()
        for result in (found.results, other.results)
    )
    np.testing.assert_allclose(ours, 1 - theirs)


def test_nothing_kept_makes_the_filtered_arm_the_classical_one(tmp_path):
    train, validation, test, synthetic = parts()
    nothing = marked(synthetic.samples, np.zeros(len(synthetic), np.bool_))
    spec = changed(TINY, arms=("classical", "filtered"), shares=(0.5,))
    found = run(tmp_path, spec, (train, validation, test, nothing))
    assert found.results.value(arm="filtered", metric="delta") == 0.0
    # Nothing was added, so nothing was tested: an interval of no width must not read as equivalence.
    assert found.facts.verdict.word == "inconclusive"
    assert "nothing was tested" in found.facts.verdict.sentence
    assert any("No synthetic image was kept" in note for note in found.facts.notes)


def test_surplus_rows_train_synthetic_only_and_not_filtered(tmp_path):
    train, validation, test, _ = parts()
    made = blobs((20, 20), 5, prefix="made")
    spec = changed(TINY, arms=("classical", "filtered", "synthetic_only"), shares=(0.5,))
    kept = np.zeros(40, np.bool_)
    surplus = run(tmp_path / "a", spec, (train, validation, test, marked(made, kept, "surplus")))
    assert surplus.results.value(arm="filtered", metric="delta") == 0.0
    assert surplus.results.value(arm="synthetic_only", metric="delta") is not None
    rejected = run(tmp_path / "b", spec, (train, validation, test, marked(made, kept, "label")))
    assert list(rejected.facts.skipped) == ["synthetic_only"]


def test_every_other_arm_runs_through_the_same_code(tmp_path):
    plain = ("real", "filtered", "class_weighted", "logit_adjusted", "mixup", "cutmix")
    arms = (*plain, "rows=kept,copies", "sampling=natural loss=focal")
    fields = (DUPLICATED, {"sampling": "natural", "loss": "focal"})
    found = run(tmp_path, changed(TINY, arms=(*plain, *fields), seeds=1, shares=(0.5,), anneal=True))
    scores = found.results.where(metric="balanced_accuracy", split="test")
    assert sorted(scores["arm"]) == sorted(arms)
    assert len(set(_first_probability(tmp_path, arms))) == len(arms)
    assert found.facts.verdict.baseline != "filtered"


def _first_probability(folder, arms):
    with np.load(folder / "predictions.npz", allow_pickle=False) as stored:
        return [float(stored[f"test/{arm}"][0, 0, 0]) for arm in arms]


def runner_of(folder, spec=TINY, given=None, seed=0):
    train, validation, test, synthetic = given or parts()
    return Runner(
        train, synthetic, {"validation": validation, "test": test}, spec,
        seed=seed, workers=Workers(folder, 1),
    )  # fmt: skip


def test_all_arms_start_from_the_same_weights_and_differ_only_by_their_declaration(tmp_path):
    runner = runner_of(tmp_path)
    one, other = runner.job(arm_of("real"), None, 1), runner.job(arm_of("filtered"), 0.5, 1)
    assert one.seed == other.seed != runner.job(arm_of("real"), None, 0).seed
    fields = ("content", "question", "model")
    assert [getattr(one, f) for f in fields] == [getattr(other, f) for f in fields]


def test_the_key_holds_all_that_matters_and_no_path(tmp_path):
    base = runner_of(tmp_path).job(arm_of("filtered"), 0.5, 0)
    assert runner_of(tmp_path / "elsewhere").job(arm_of("filtered"), 0.5, 0).key == base.key
    others = [changed(TINY, **update) for update in (
        {"updates": 13}, {"batch": 8}, {"learning_rate": 1e-3}, {"channels": 5}, {"anneal": True},
        {"policy": "medical"}, {"forbid": ("shift",)}, {"pool_versions": 4},
    )]  # fmt: skip
    keys = [runner_of(tmp_path, spec).job(arm_of("filtered"), 0.5, 0).key for spec in others]
    keys += [runner_of(tmp_path, seed=1).job(arm_of("filtered"), 0.5, 0).key]
    runner = runner_of(tmp_path)
    keys += [runner.job(arm_of("filtered"), 0.25, 0).key, runner.job(arm_of("filtered"), 0.5, 1).key]
    keys += [
        runner.job(arm_of(DUPLICATED), 0.5, 0).key,
        runner.job(arm_of("filtered"), 0.5, 0, without=(1,)).key,
    ]
    train, validation, test, synthetic = parts()
    some = np.arange(len(synthetic)) > 3
    for given in (
        (parts((41, 6))[0], validation, test, synthetic),
        (train, validation, test, marked(synthetic.samples, some)),
        (train, validation, blobs((50, 40), 9), synthetic),
    ):
        keys.append(runner_of(tmp_path, given=given).job(arm_of("filtered"), 0.5, 0).key)
    assert len({base.key, *keys}) == len(keys) + 1
    same = changed(TINY, seeds=9, margin=0.5, shares=(0.5,))
    assert runner_of(tmp_path, same).job(arm_of("filtered"), 0.5, 0).key == base.key


def test_a_fit_that_is_not_there_reads_as_none(tmp_path):
    assert read_fit(runner_of(tmp_path).job(arm_of("real"), None, 0), "test") is None


@pytest.mark.slow
def test_planted_truths_show_in_the_direction_of_the_gain(tmp_path):
    """Unseen real rows of the rare class must help; rows with the labels turned round must hurt."""
    spec = evaluation(
        arms=("classical", POOLED), seeds=3, updates=80, batch=32, channels=8,
        policy=Policy(brightness=0.05, contrast=0.05),
        pool_versions=4,
    )  # fmt: skip
    train, validation, test = blobs((150, 5), 1), blobs((60, 60), 2), blobs((300, 300), 3)
    more = blobs((0, 145), 4, prefix="more")
    helps = run(tmp_path / "helps", spec, (train, validation, test, marked(more)))
    assert helps.facts.verdict.word == "helps"
    assert helps.results.value(arm=POOLED_NAME, metric="delta") > 0.02
    wrong = blobs((150, 150), 5, prefix="wrong")
    turned = marked(replace(wrong, y=1 - wrong.y))
    hurts = run(tmp_path / "hurts", spec, (blobs((150, 40), 1), validation, test, turned))
    assert hurts.facts.verdict.word == "hurts"
    assert hurts.results.value(arm=POOLED_NAME, metric="delta") < -0.02


def test_the_test_part_is_opened_once_and_after_the_share_is_chosen(tmp_path, monkeypatch):
    from augmentor.experiment import choose
    from augmentor.experiment import evaluate as module

    order = []

    def told(module, name):
        real = getattr(module, name)

        def call(*args, **options):
            order.append(name)
            return real(*args, **options)

        monkeypatch.setattr(module, name, call)

    told(choose, "choose_share")
    told(module, "_score_rows")
    told(module, "_decide")
    run(tmp_path, changed(TINY, seeds=1), opening=lambda: order.append("opening"))
    assert order.count("opening") == 1
    assert order.index("choose_share") < order.index("opening") < order.index("_score_rows")
