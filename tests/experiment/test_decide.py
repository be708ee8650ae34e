"""The choice of arms, the rows for the results table, and null calibration of the whole rule."""

import numpy as np
import pytest
from flat_spec import evaluation
from sklearn.metrics import balanced_accuracy_score, recall_score

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.facts.evaluation import DELTAS
from augmentor.core.kinds import IMAGE
from augmentor.core.results import Results
from augmentor.downstream.case_values import case_values
from augmentor.experiment.arm_words import title
from augmentor.experiment.arms import PRESETS, Arm, Rows, pattern_of
from augmentor.experiment.decide import Called, choose, decide, fixed_choice
from augmentor.experiment.verdict_of import verdict
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
        {name: case_values(metric, one, y) for name, one in p.items()},
        y,
        tuple(CLASSES),
        groups=groups,
        by_stratum={"recall": {name: (one.argmax(-1) == y).astype(float) for name, one in p.items()}},
    )


def decided(test, held, fields=FIELDS, *, y=Y, v=V, groups=None, empty_arms=(), **settings):
    spec = evaluation(**settings)
    metric = spec.primary_metric
    called = Called({name: title(arm) for name, arm in fields.items()}, IMAGE)
    return decide(
        evidence(held, v, metric), evidence(test, y, metric, groups), fields, spec, called,
        empty_arms=empty_arms,
    )  # fmt: skip


def decision(seed=0, skills=SKILLS, **options):
    return decided(arms(seed, skills), arms(seed + 1, skills, V), **options)


def test_choice_is_by_validation_and_never_synthetic_only():
    found = decision()
    assert (found.arm, found.baseline) == ("filtered", "classical")
    assert found.validation["synthetic_only"] > found.validation["filtered"]
    assert found.verdict.word == "helps"


RELATED = {
    "classical": Arm(),
    "critic_network": Arm(start="untrained_critic"),
    "from_critic": Arm(start="critic"),
}


@pytest.mark.parametrize(("skill", "word"), [(2.2, "helps"), (0.4, "hurts")])
def test_no_word_is_said_that_the_control_does_not_say(skill, word):
    # Validation takes classical for the better baseline.
    held = arms(1, {"classical": 1.2, "critic_network": 0.5, "from_critic": skill}, V)

    def found(network, fields=RELATED):
        return decided(
            arms(0, {"classical": 1.2, "critic_network": network, "from_critic": skill}), held, fields
        )

    shared, alone = found(skill), found(1.2)
    assert (shared.arm, shared.baseline) == ("from_critic", "classical")
    assert (shared.verdict.word, shared.verdict.reason, shared.verdict.comparison) == (
        "inconclusive", "control", word,
    )  # fmt: skip
    assert "but against “The critic's network”, which differs in synthesis alone" in shared.verdict.sentence
    assert (alone.verdict.word, alone.verdict.reason) == (word, "decided")
    assert shared.verdict.interval == alone.verdict.interval


def test_without_a_control_the_word_is_capped_and_the_sentence_names_what_lacks():
    fields = {**RELATED, "critic_network": Arm(mix="cutmix")}
    skills = {"classical": 1.0, "critic_network": 0.5, "from_critic": 2.4}
    found = decided(arms(0, skills), arms(1, skills, V), fields)
    assert (found.verdict.word, found.verdict.reason, found.verdict.comparison) == (
        "inconclusive", "no_control", "helps",
    )  # fmt: skip
    assert "its control, “The critic's network”, which differs in synthesis alone, was not trained" in (
        found.verdict.sentence
    )
    assert "control" not in found.against
    assert not any(row["metric"].startswith("delta_control") for row in found.rows)


def test_test_part_plays_no_role_in_the_choice():
    # The best arms of the test part are others than those of validation.
    upside_down = {"real": 2.5, "classical": 0.5, POOLED: 2.5, "filtered": 0.5, "synthetic_only": 1.0}
    found = decided(arms(0, upside_down), arms(1, SKILLS, V))
    assert (found.arm, found.baseline) == ("filtered", "classical")


def test_choose_takes_the_first_of_equals_and_needs_both_sides():
    assert choose({"real": 0.5, "balanced": 0.5, "filtered": 0.4, POOLED: 0.4}, FIELDS) == (
        "filtered",
        "real",
    )
    for lacking in ({"real": 0.5}, {"filtered": 0.5}, {"real": 0.5, "synthetic_only": 0.9}, {}):
        with pytest.raises(ConfigError, match="needs an arm"):
            choose(lacking, FIELDS)


def test_with_few_validation_cases_arm_and_baseline_are_the_fixed_ones():
    # Ten cases of the rarest class; the best on validation are "filtered" and "classical".
    chosen, fixed = (decision(fewest_to_choose=n, fixed_baseline="balanced") for n in (10, 11))
    assert (chosen.arm, chosen.baseline) == ("filtered", "classical")
    assert not any("nothing was chosen on it" in note for note in chosen.notes)
    fields = {**FIELDS, "synthetic": PRESETS["filtered"]}
    skills = {"real": 1.0, "classical": 1.6, "cutmix": 1.0, "synthetic": 2.2}
    few = decided(arms(1, skills), arms(0, skills, V), fields, fewest_to_choose=11)
    assert (few.arm, few.baseline) == ("synthetic", "cutmix")
    (note,) = [note for note in few.notes if "nothing was chosen on it" in note]
    assert "10 independent cases of rare, and a choice takes 11" in note
    assert "“CutMix”, which was fixed beforehand" in note
    assert fixed.baseline == "real"  # "balanced" was not trained


def test_the_fixed_arm_is_the_one_that_adds_synthesis_to_the_fixed_baseline():
    fields = {
        "classical": Arm(),
        "cutmix": Arm(mix="cutmix"),
        "first": Arm(rows=Rows(synthetic="kept")),
        "added": Arm(mix="cutmix", rows=Rows(synthetic="kept")),
    }
    assert fixed_choice(list(fields), fields, "cutmix") == ("added", "cutmix")
    assert fixed_choice(["classical", "first", "added"], fields, "cutmix") == ("first", "classical")
    with pytest.raises(ConfigError, match="needs an arm"):
        fixed_choice(["classical"], fields, "cutmix")


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
        assert 0 < table.value(arm=name, metric="minimum_detectable") < 1
        for k, label in enumerate(CLASSES):
            got = table.value(arm=name, metric="recall_delta", class_=label)
            assert got == pytest.approx(recall[name][k] - recall["classical"][k], abs=1e-12)
            low = table.value(arm=name, metric="recall_delta_low", class_=label)
            assert low < got < table.value(arm=name, metric="recall_delta_high", class_=label)
    for name in ("real", "classical"):
        assert table.value(arm=name, metric="delta") is None
    chosen = found.verdict.interval
    assert table.value(arm="filtered", metric="delta_low") == chosen.low
    assert found.verdict.sentence.startswith("Synthetic data helps: “Filtered synthetic” gains +")
    assert not any(word in found.verdict.sentence for word in ("filtered gains", "=", "classical"))


def test_class_intervals_are_wider_than_one_class_alone_would_need():
    # Bonferroni over three classes at 85 % is each class at 95 %: the class as a test part of its own.
    test = arms(0, SKILLS)
    found = decided(test, arms(1, SKILLS, V), confidence=0.85)
    values = {(r["metric"], r["class"]): r["value"] for r in found.rows if r["arm"] == "filtered"}
    mine = Y == 0
    alone = verdict(test["filtered"][:, mine], test["classical"][:, mine], Y[mine], metric="accuracy")
    assert (values["recall_delta_low", "rare"], values["recall_delta_high", "rare"]) == pytest.approx(
        (alone.low, alone.high)
    )


@pytest.mark.parametrize("metric", ["balanced_accuracy", "macro_auroc", "accuracy"])
def test_the_word_is_that_of_the_public_function(metric):
    test, held = arms(0, SKILLS), arms(1, SKILLS, V)
    groups = np.arange(Y.size) // 2
    found = decided(test, held, groups=groups, primary_metric=metric)
    control = test["classical"]
    told = verdict(
        test[found.arm], test[found.baseline], Y, control=control, groups=groups, metric=metric,
        classes=CLASSES,
    )  # fmt: skip
    assert found.against["control"] == "classical"
    for name in ("word", "gain", "low", "high", "detectable", "reason", "comparison", "needed"):
        assert getattr(found.verdict, name) == getattr(told, name)


def one_way(rare, changed, seeds=10, common=87):
    """Return predictions of an arm that is right on every case, and of one wrong on some rare ones."""
    y = np.repeat([0, 1], [rare, common])
    right = np.broadcast_to(0.8 * np.eye(2)[y] + 0.1, (seeds, y.size, 2))
    wrong = np.where((np.arange(y.size) < changed)[:, None], 1 - right, right)
    return {"filtered": right, "classical": wrong}, y


def degenerate(test, y, **settings):
    held, v = one_way(10, 0)
    return decided(test, held, y=y, v=v, **settings).verdict


@pytest.mark.parametrize("metric", ["balanced_accuracy", "macro_auroc", "accuracy"])
@pytest.mark.parametrize(
    ("rare", "changed", "reason"),
    [(2, 2, "few_changed"), (3, 3, "few_changed"), (5, 0, "alike"), (1, 0, "alike")],
)
def test_few_rare_cases_are_inconclusive_with_the_reason(metric, rare, changed, reason):
    found = degenerate(*one_way(rare, changed), primary_metric=metric)
    assert (found.word, found.reason) == ("inconclusive", reason)
    assert found.low < found.gain <= found.high or found.low < 0 < found.high
    assert "smallest" in found.sentence or "No gain of any size" in found.sentence
    assert " 0.0 points" not in found.sentence.partition("The smallest gain")[2]


def test_arms_that_have_learnt_nothing_are_not_equivalent():
    y = np.repeat([0, 1], [400, 400])
    constant = np.full((10, 800, 2), 0.5)
    found = degenerate({"filtered": constant, "classical": constant}, y)
    assert (found.word, found.reason) == ("inconclusive", "unlearnt")
    assert "neither is better than chance" in found.sentence
    # The same numbers of cases carry "equivalent" where the arms have learnt.
    right, y = one_way(400, 0, common=400)
    assert degenerate(right, y).word == "equivalent"


def test_what_an_arm_is_held_against_is_in_the_results():
    skills = {"cutmix": 1.4, "classical": 2.0, "real": 1.0, "filtered": 2.6}
    held = {**skills, "real": 2.6, "filtered": 3.0}
    found = decided(arms(0, skills), arms(1, held, V))
    assert found.against == {
        "best_without": "real", "control": "classical", "fixed": "cutmix", "hindsight": "classical",
    }  # fmt: skip
    test, rows = (
        arms(0, skills),
        {row["metric"]: row["value"] for row in found.rows if row["arm"] == "filtered"},
    )
    recall = {
        name: np.mean([recall_score(Y, p.argmax(axis=1), average="macro") for p in test[name]])
        for name in test
    }
    for role, metric in DELTAS.items():
        gain = recall["filtered"] - recall[found.against[role]]
        assert rows[metric] == pytest.approx(gain, abs=1e-12)
        assert rows[f"{metric}_low"] < gain < rows[f"{metric}_high"]
    assert found.beside.startswith("Against “CutMix”, fixed beforehand, it is +")
    assert (
        "“Classical augmentation”, the best without synthesis in hindsight, picked on the test"
        in found.beside
    )
    best = decided(arms(0, skills), arms(1, skills, V))
    assert best.beside.endswith("“Classical augmentation” is the best without synthesis in hindsight too.")
    other = decided(arms(0, skills), arms(1, held, V), fixed_baseline="mixup")
    assert "fixed" not in other.against


def test_a_synthetic_arm_is_no_fixed_baseline():
    with pytest.raises(ValueError, match="a baseline has nothing synthetic, got filtered"):
        evaluation(fixed_baseline="filtered")


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
    assert left.verdict.reason == "nothing_tested"
    assert "nothing was tested" in left.verdict.sentence
    assert decision(skills=alone).verdict.word != "inconclusive"


def test_notes_name_what_limits_the_numbers():
    one = {name: p[:1] for name, p in arms(0, SKILLS).items()}
    held = {name: p[:1] for name, p in arms(1, SKILLS, V).items()}
    notes = " ".join(decided(one, held).notes)
    assert "One seed" in notes


def test_class_without_test_cases_has_no_rows_and_is_named():
    keep = Y != 1
    test = {name: p[:, keep] for name, p in arms(0, SKILLS).items()}
    found = decided(test, arms(1, SKILLS, V), y=Y[keep])
    assert "No test case of common" in " ".join(found.notes)
    assert {row["class"] for row in found.rows} == {None, "rare", "third"}


def test_parts_that_do_not_fit_are_refused():
    test, held = arms(0, SKILLS), arms(1, SKILLS, V)
    with pytest.raises(DataError, match="same arms"):
        decided(test, {k: v for k, v in held.items() if k != "real"})
    with pytest.raises(DataError, match="same seeds"):
        decided({**test, "real": test["real"][:2]}, held)
    with pytest.raises(DataError, match=r"must be \(seeds, 99\), got \(4, 100\)"):
        Evidence({name: case_values("accuracy", p, Y) for name, p in test.items()}, Y[:-1], ("a",))


NULL = {"real": 1.5, "classical": 1.5, POOLED: 1.5, "filtered": 1.5}


def test_null_calibration_with_the_choice_of_arms():
    # Every arm is drawn from one distribution; the choice by validation is made in each trial. A rate of
    # 2.5 % reaches 12 of 150 trials with chance 0.0006.
    y, v, seeds = np.repeat([0, 1], [40, 80]), np.repeat([0, 1], [20, 30]), 4
    words = []
    for trial in range(150):
        rng = np.random.default_rng([trial, seeds])
        difficulty = [rng.normal(size=(n.size, 2)) for n in (y, v)]
        test, held = (
            {name: fake(rng, part, skill, seeds, 2, base) for name, skill in NULL.items()}
            for part, base in zip((y, v), difficulty, strict=True)
        )
        found = decided(test, held, y=y, v=v)
        words.append(found.verdict.word)
    assert words.count("helps") < 12
    assert words.count("hurts") < 12


def test_planted_effect_is_seen_and_its_opposite_hurts():
    up = {"classical": 1.0, "filtered": 2.5}
    for trial in range(5):
        assert decision(trial, up).verdict.word == "helps"
        assert decision(trial, {"classical": 2.5, "filtered": 1.0}).verdict.word == "hurts"


def test_bounds_stay_inside_what_is_possible():
    # Two seeds leave one degree of freedom for their part: t is 12.7.
    rng = np.random.default_rng(0)
    p = {name: fake(rng, Y, skill, seeds=2) for name, skill in SKILLS.items()}
    v = {name: fake(rng, V, skill, seeds=2) for name, skill in SKILLS.items()}
    found = decided(p, v)
    bounds = [row["value"] for row in found.rows if row["metric"].startswith("recall_delta_")]
    assert -1 <= min(bounds) < max(bounds) <= 1
    assert all(-1 <= row["value"] <= 1 for row in found.rows if row["metric"].startswith("delta"))
