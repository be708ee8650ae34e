"""The choice of arms, the rows for the results table, and null calibration of the whole rule."""

import numpy as np
import pytest
from flat_spec import evaluation
from sklearn.metrics import balanced_accuracy_score, recall_score

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.results import Results
from augmentor.downstream.scores import contributions
from augmentor.experiment.arms import PRESETS, Arm, Rows, pattern_of
from augmentor.experiment.decide import choose, decide
from augmentor.statistics.evidence import Evidence

CLASSES = ["rare", "common", "third"]
Y = np.repeat([0, 1, 2], [15, 50, 35])
V = np.repeat([0, 1, 2], [10, 20, 15])


def fake(rng, y, skill, seeds=4, k=3, base=None):
    logits = rng.normal(size=(seeds, y.size, k)) + (0 if base is None else base) + skill * np.eye(k)[y]
    p = np.exp(logits)
    return p / p.sum(axis=-1, keepdims=True)


def arms(seed, skills, y=Y):
    rng = np.random.default_rng(seed)
    return {name: fake(rng, y, skill) for name, skill in skills.items()}


POOLED = "rows=all,pooled"
SKILLS = {"real": 1.0, "classical": 1.6, POOLED: 1.4, "filtered": 2.2, "synthetic_only": 3.0}


FIELDS = {name: pattern_of(arm) for name, arm in PRESETS.items()}
FIELDS[POOLED] = Arm(rows=Rows(synthetic="all", mixing="pooled"))


def evidence(p, y, metric="balanced_accuracy", groups=None):
    """Return what probabilities by arm are worth, as classification has it."""
    return Evidence(
        {name: contributions(metric, one, y) for name, one in p.items()},
        y,
        tuple(CLASSES),
        groups=groups,
        by_stratum={"recall": {name: (one.argmax(-1) == y).astype(float) for name, one in p.items()}},
    )


def decided(test, held, fields=FIELDS, *, y=Y, v=V, groups=None, seed=0, empty_arms=(), **settings):
    spec = evaluation(**{"bootstrap": 300, **settings})
    metric = spec.primary_metric
    return decide(
        evidence(held, v, metric), evidence(test, y, metric, groups), fields, spec, seed=seed,
        empty_arms=empty_arms,
    )  # fmt: skip


def decision(seed=0, skills=SKILLS, **options):
    return decided(arms(seed, skills), arms(seed + 1, skills, V), **options)


def test_choice_is_by_validation_and_never_synthetic_only():
    found = decision()
    assert (found.arm, found.baseline) == ("filtered", "classical")
    assert found.validation["synthetic_only"] > found.validation["filtered"]
    assert found.verdict.word == "helps"


def test_an_arm_with_a_control_helps_only_where_it_gains_over_both():
    skills = {"classical": 1.0, "critic_network": 2.2, "from_critic": 2.2}
    held = {**skills, "critic_network": 0.5}  # validation takes classical for the better baseline

    def word(test, fields):
        return decided(arms(0, test), arms(1, held, V), fields)

    related = {"classical": Arm(), "critic_network": Arm(start="untrained_critic")}
    related["from_critic"] = Arm(start="critic")
    alone = word(skills, {**related, "critic_network": Arm(mix="cutmix")})
    both = word(skills, related)
    assert (alone.arm, alone.baseline, alone.verdict.word) == ("from_critic", "classical", "helps")
    assert (both.baseline, both.verdict.word) == ("classical", "inconclusive")
    assert both.verdict.interval == alone.verdict.interval
    assert "But critic_network, which has nothing synthetic, may gain as much" in both.sentence
    assert any("differ in synthesis alone" in note for note in both.notes)
    better = word({**skills, "critic_network": 1.0}, related)
    assert better.verdict.word == "helps"
    rows = {row["metric"]: row["value"] for row in better.rows if row["metric"].startswith("delta_control")}
    assert 0 < rows["delta_control_low"] < rows["delta_control"] < rows["delta_control_high"]
    assert not any(row["metric"].startswith("delta_control") for row in alone.rows)


def test_test_part_plays_no_role_in_the_choice():
    # The best arms of the test part are others than those of validation.
    upside_down = {"real": 2.5, "classical": 0.5, POOLED: 2.5, "filtered": 0.5, "synthetic_only": 1.0}
    found = decided(arms(0, upside_down), arms(1, SKILLS, V), bootstrap=100)
    assert (found.arm, found.baseline) == ("filtered", "classical")


def test_choose_takes_the_first_of_equals_and_needs_both_sides():
    assert choose({"real": 0.5, "balanced": 0.5, "filtered": 0.4, POOLED: 0.4}, FIELDS) == (
        "filtered",
        "real",
    )
    for lacking in ({"real": 0.5}, {"filtered": 0.5}, {"real": 0.5, "synthetic_only": 0.9}, {}):
        with pytest.raises(ConfigError, match="needs an arm"):
            choose(lacking, FIELDS)


def test_validation_means_agree_with_scikit_learn():
    held = arms(3, SKILLS, V)
    means = evidence(held, V).means
    for name, p in held.items():
        each = [balanced_accuracy_score(V, one.argmax(axis=1)) for one in p]
        assert means[name] == pytest.approx(np.mean(each), abs=1e-12)


def test_rows_follow_the_contract():
    test = arms(0, SKILLS)
    found = decision()
    table = Results.from_rows([{"dataset": "d", **row} for row in found.rows])
    assert set(table.table["split"]) == {"test"}
    assert table.table["seed"].isna().all()
    recall = {
        name: np.mean([recall_score(Y, p.argmax(axis=1), average=None) for p in test[name]], axis=0)
        for name in test
    }
    for name in SKILLS:
        low, high = (table.value(arm=name, metric=f"balanced_accuracy_{end}") for end in ("low", "high"))
        assert 0 <= low < recall[name].mean() < high <= 1
    for name in (POOLED, "filtered", "synthetic_only"):
        delta = table.value(arm=name, metric="delta")
        assert delta == pytest.approx((recall[name] - recall["classical"]).mean(), abs=1e-12)
        assert table.value(arm=name, metric="delta_low") < delta < table.value(arm=name, metric="delta_high")
        assert table.value(arm=name, metric="margin") == 0.01
        assert table.value(arm=name, metric="minimum_detectable") > 0
        for k, label in enumerate(CLASSES):
            got = table.value(arm=name, metric="recall_delta", class_=label)
            assert got == pytest.approx(recall[name][k] - recall["classical"][k], abs=1e-12)
            low = table.value(arm=name, metric="recall_delta_low", class_=label)
            assert low < got < table.value(arm=name, metric="recall_delta_high", class_=label)
    for name in ("real", "classical"):
        assert table.value(arm=name, metric="delta") is None
    chosen = found.verdict.interval
    assert table.value(arm="filtered", metric="delta_low") == chosen.low
    assert found.sentence.startswith("Synthetic data helps: filtered gains")


def test_class_intervals_are_wider_than_one_class_alone_would_need():
    # Bonferroni over three classes at 95 % is each class at 98.33 %.
    def width(found):
        values = {(r["metric"], r["class"]): r["value"] for r in found.rows if r["arm"] == "filtered"}
        return values["recall_delta_high", "rare"] - values["recall_delta_low", "rare"]

    assert width(decision(confidence=0.95)) > 1.1 * width(decision(confidence=0.85))
    # 1 - (1 - 0.85) / 3 = 0.95: the same level asked for one class alone.
    from augmentor.statistics.design import Design
    from augmentor.statistics.intervals import intervals

    test = arms(0, SKILLS)
    hits = np.stack([test[name].argmax(axis=-1) == Y for name in ("filtered", "classical")]).astype(float)
    target = np.zeros((1, 2, 3))
    target[0, :, 0] = 1, -1
    alone = intervals(hits, target, Design.of(Y), replicates=300)[0]
    assert width(decision(confidence=0.85)) == pytest.approx(alone.high - alone.low, rel=1e-9)


@pytest.mark.parametrize("metric", ["balanced_accuracy", "macro_auroc", "accuracy"])
def test_identical_predictions_are_equivalent(metric):
    test, held = arms(0, {"classical": 1.0}), arms(1, {"classical": 1.0}, V)
    test["filtered"], held["filtered"] = test["classical"].copy(), held["classical"].copy()
    found = decided(test, held, primary_metric=metric, bootstrap=100)
    got = found.verdict
    assert (got.word, got.interval.low, got.interval.estimate, got.interval.high) == ("equivalent", 0, 0, 0)


def test_an_empty_arm_is_judged_only_where_no_other_is_left():
    both = decision(empty_arms=["filtered"])
    assert both.arm == POOLED
    assert (
        both.verdict.word
        == decision(skills={k: v for k, v in SKILLS.items() if k != "filtered"}).verdict.word
    )
    alone = {name: skill for name, skill in SKILLS.items() if name != POOLED}
    left = decision(skills=alone, empty_arms=["filtered"])
    assert (left.arm, left.verdict.word) == ("filtered", "inconclusive")
    assert "nothing was tested" in left.sentence
    assert decision(skills=alone).verdict.word != "inconclusive"


def test_notes_name_what_limits_the_numbers():
    one = {name: p[:1] for name, p in arms(0, SKILLS).items()}
    held = {name: p[:1] for name, p in arms(1, SKILLS, V).items()}
    notes = " ".join(decided(one, held, bootstrap=100).notes)
    assert "One seed" in notes
    assert "rare (15)" in notes
    assert "common" not in notes  # 50 cases are not few
    groups = np.minimum(Y, 1) * (1 + np.arange(100))
    found = decided(arms(0, SKILLS), arms(1, SKILLS, V), groups=groups)
    assert "One test case or group of rare" in " ".join(found.notes)


def test_class_without_test_cases_has_no_rows_and_is_named():
    keep = Y != 1
    test = {name: p[:, keep] for name, p in arms(0, SKILLS).items()}
    found = decided(test, arms(1, SKILLS, V), y=Y[keep], bootstrap=100)
    assert "No test case of common" in " ".join(found.notes)
    assert {row["class"] for row in found.rows} == {None, "rare", "third"}


def test_parts_that_do_not_fit_are_refused():
    test, held = arms(0, SKILLS), arms(1, SKILLS, V)
    with pytest.raises(DataError, match="same arms"):
        decided(test, {k: v for k, v in held.items() if k != "real"})
    with pytest.raises(DataError, match="same seeds"):
        decided({**test, "real": test["real"][:2]}, held)
    with pytest.raises(DataError, match=r"must be \(seeds, 99\), got \(4, 100\)"):
        Evidence({name: contributions("accuracy", p, Y) for name, p in test.items()}, Y[:-1], ("a",))


NULL = {"real": 1.5, "classical": 1.5, POOLED: 1.5, "filtered": 1.5}


def test_null_calibration_with_the_choice_of_arms():
    # Every arm is drawn from one distribution; the choice by validation is made in each trial. At most
    # 5 % of 400 trials may say helps: 20, and a rate of 2.5 % reaches 21 with chance 0.001.
    y, v, seeds = np.repeat([0, 1], [40, 80]), np.repeat([0, 1], [20, 30]), 4
    words = []
    for trial in range(400):
        rng = np.random.default_rng([trial, seeds])
        difficulty = [rng.normal(size=(n.size, 2)) for n in (y, v)]
        test, held = (
            {name: fake(rng, part, skill, seeds, 2, base) for name, skill in NULL.items()}
            for part, base in zip((y, v), difficulty, strict=True)
        )
        found = decided(test, held, y=y, v=v, bootstrap=100, seed=trial)
        words.append(found.verdict.word)
    assert words.count("helps") <= 20
    assert words.count("hurts") <= 20


def test_planted_effect_is_seen_and_its_opposite_hurts():
    up = {"classical": 1.0, "filtered": 2.5}
    for trial in range(5):
        assert decision(trial, up).verdict.word == "helps"
        assert decision(trial, {"classical": 2.5, "filtered": 1.0}).verdict.word == "hurts"


def test_bounds_stay_inside_what_is_possible():
    # Two seeds leave one degree of freedom: t is 12.7, and more after Bonferroni over three classes.
    rng = np.random.default_rng(0)
    p = {name: fake(rng, Y, skill, seeds=2) for name, skill in SKILLS.items()}
    v = {name: fake(rng, V, skill, seeds=2) for name, skill in SKILLS.items()}
    found = decided(p, v)
    bounds = [row["value"] for row in found.rows if row["metric"].startswith("recall_delta_")]
    assert max(bounds) == 1.0
    assert min(bounds) >= -1.0
    assert all(-1 <= row["value"] <= 1 for row in found.rows if row["metric"].startswith("delta"))
