import json
import math

import numpy as np
import pytest

from augmentor.core.errors import DataError
from augmentor.core.facts.evaluation import EvaluateFacts, RecommendationFacts, VerdictFacts
from augmentor.core.facts.samples import LoadFacts
from augmentor.core.facts.training import TrainFacts
from augmentor.core.kinds import IMAGE
from augmentor.core.results import Results
from augmentor.report.rows import Rows, plain
from augmentor.report.run_facts import RunFacts
from augmentor.report.summarise import summarise


def row(metric, value, arm=None, seed=None, split="test", class_=None, dataset="d", setting=None):
    return {
        "dataset": dataset,
        "arm": arm,
        "setting": setting,
        "seed": seed,
        "split": split,
        "metric": metric,
        "class": class_,
        "value": value,
        "greater_is_better": None,
    }


DATA = LoadFacts(dataset="d", classes=("a", "b"), kind=IMAGE, shape=(1, 8, 8))
VERDICT = VerdictFacts(word="helps", arm="filtered", baseline="classical", sentence="It helps.")
ADVICE = RecommendationFacts(use=True, arm="filtered", gain=0.05, standard_error=0.01, sentence="Use it.")
GAIN = [
    row("delta", 0.05, "filtered"),
    row("delta_low", 0.01, "filtered"),
    row("delta_high", 0.09, "filtered"),
    row("margin", 0.02, "filtered"),
    row("minimum_detectable", 0.03, "filtered"),
]
SCORES = [row("balanced_accuracy", v, "filtered", s) for s, v in enumerate((0.70, 0.80, 0.90))] + [
    row("balanced_accuracy", v, "classical", s) for s, v in enumerate((0.60, 0.65, 0.70))
]


def summary_of(rows, *, evaluate=None, **facts):
    usual = {"primary_metric": "balanced_accuracy", "verdict": VERDICT, "recommendation": ADVICE}
    evaluated = {**usual, **(evaluate or {})}
    return summarise(
        Results.from_rows(rows), RunFacts(load=DATA, evaluate=EvaluateFacts(**evaluated), **facts)
    )


def test_mean_and_sample_standard_deviation_closed_form():
    # (0.7, 0.8, 0.9): mean 0.8, squared deviations 0.01 + 0 + 0.01 over n - 1 = 2, root 0.1.
    arm = summary_of(SCORES + GAIN)["arms"]["filtered"]
    assert arm["mean"] == pytest.approx(0.8, abs=1e-12)
    assert arm["sd"] == pytest.approx(0.1, abs=1e-12)
    assert arm["seeds"] == [0.70, 0.80, 0.90]
    assert arm["seed_numbers"] == [0, 1, 2]


def test_arms_against_an_independent_reading_of_the_table(maker):
    rows = maker.rows_of(maker.Case())
    summary = summarise(Results.from_rows(rows), maker.facts_of(maker.Case()))
    assert set(summary["arms"]) == set(maker.ARMS)
    for name, arm in summary["arms"].items():
        values = np.array(
            [
                r["value"]
                for r in rows
                if (r["arm"], r["split"], r["metric"]) == (name, "test", "balanced_accuracy")
            ]
        )
        assert arm["seeds"] == values.tolist()
        assert arm["mean"] == pytest.approx(np.mean(values), rel=1e-12)
        assert arm["sd"] == pytest.approx(np.std(values, ddof=1), rel=1e-12)
        validation = [
            r["value"]
            for r in rows
            if (r["arm"], r["split"], r["metric"]) == (name, "validation", "balanced_accuracy")
            and r["setting"] is None
        ]
        assert arm["validation_mean"] == pytest.approx(np.mean(validation), rel=1e-12)


def test_every_number_of_the_verdict_is_a_row():
    verdict = summary_of(SCORES + GAIN)["verdict"]
    assert (verdict["delta"], verdict["ci"]) == (0.05, [0.01, 0.09])
    assert (verdict["margin"], verdict["minimum_detectable"]) == (0.02, 0.03)
    assert (verdict["before"], verdict["after"]) == (pytest.approx(0.65), pytest.approx(0.8))
    assert verdict["sentence"] == "It helps."


def test_cost_is_that_of_the_steps_that_synthesis_needs():
    seconds = {"load": 5.0, "judge": 10.0, "train": 30.0, "filter": 10.0, "evaluate": 100.0}
    assert summary_of(SCORES + GAIN, seconds=seconds)["cost"] == {"seconds": 50.0, "per_point": 10.0}
    lost = [{**one, "value": -one["value"]} if one["metric"].startswith("delta") else one for one in GAIN]
    lost[1]["value"], lost[2]["value"] = lost[2]["value"], lost[1]["value"]
    told = {"verdict": VERDICT.model_copy(update={"word": "inconclusive"})}
    assert summary_of(SCORES + lost, evaluate=told, seconds=seconds)["cost"]["per_point"] is None


def test_subgroups_have_their_counts_scores_and_changes():
    def of(name, metric, value, arm=None):
        return row(metric, value, arm, setting={"subgroup": name})

    rows = [of("f", "count", 7.0), of("m", "count", 2.0), of("f", "balanced_accuracy", 0.6, "classical")]
    rows += [of("f", "balanced_accuracy", 0.8, "filtered"), of("f", "delta", 0.2, "filtered")]
    rows += [of("f", "delta_low", -0.1, "filtered"), of("f", "delta_high", 0.4, "filtered")]
    first, second = summary_of([*SCORES, *GAIN, *rows])["subgroups"]
    assert first == {
        "name": "f", "count": 7, "before": 0.6, "after": 0.8, "delta": 0.2, "ci": [-0.1, 0.4],
    }  # fmt: skip
    assert (second["count"], second["before"], second["ci"]) == (2, None, None)


def test_values_stand_by_seed_whatever_the_order_of_the_rows():
    assert summary_of([*SCORES[::-1], *GAIN]) | {"results_digest": ""} == summary_of(SCORES + GAIN) | {
        "results_digest": ""
    }


def test_order_of_bounds_is_low_then_high():
    # Swapped bounds would put the change outside its interval, which is refused.
    swapped = [r if r["metric"] not in {"delta_low", "delta_high"} else {**r} for r in GAIN]
    swapped[1]["value"], swapped[2]["value"] = swapped[2]["value"], swapped[1]["value"]
    with pytest.raises(DataError, match="outside its own interval"):
        summary_of(SCORES + swapped)


@pytest.mark.parametrize(
    ("word", "low", "high", "fits"),
    [
        ("helps", 0.001, 0.09, True),
        ("helps", -0.001, 0.09, False),
        ("hurts", 0.01, 0.09, False),
        ("equivalent", -0.01, 0.09, False),
        ("equivalent", -0.019, 0.051, False),
        ("inconclusive", -0.01, 0.09, True),
        ("maybe", 0.01, 0.09, False),
    ],
)
def test_a_word_that_its_interval_does_not_bear_out_is_refused(word, low, high, fits):
    gain = [
        row("delta", 0.05, "filtered"),
        row("delta_low", low, "filtered"),
        row("delta_high", high, "filtered"),
        row("margin", 0.02, "filtered"),
    ]
    told = {"verdict": VERDICT.model_copy(update={"word": word})}
    if fits:
        assert summary_of(SCORES + gain, evaluate=told)["verdict"]["word"] == word
    else:
        with pytest.raises(DataError, match="verdict"):
            summary_of(SCORES + gain, evaluate=told)


def test_confusion_is_the_mean_over_seeds_with_true_classes_in_rows():
    rows = [
        row("confusion", 8, "filtered", 0, class_="a", setting={"predicted": "a"}),
        row("confusion", 2, "filtered", 0, class_="a", setting={"predicted": "b"}),
        row("confusion", 5, "filtered", 0, class_="b", setting={"predicted": "b"}),
        row("confusion", 6, "filtered", 1, class_="a", setting={"predicted": "a"}),
        row("confusion", 4, "filtered", 1, class_="a", setting={"predicted": "b"}),
    ]
    after = summary_of(SCORES + GAIN + rows)["confusion"]["after"]
    # Class b was never called a, and not called b by seed 1: a cell without a row counts 0.
    assert after == {"arm": "filtered", "matrix": [[7.0, 3.0], [0.0, 2.5]], "fits": 2}


def test_what_is_not_there_is_none_with_a_reason_and_never_nan():
    rows = [row("count", 0, split="test", class_="b"), row("recall", math.inf, "filtered", 0, class_="a")]
    summary = summary_of(
        rows,
        evaluate={"arms": {"real": {"title": "Real"}}},
        train=TrainFacts(history=({"images": 1, "x": math.nan},), chosen_checkpoint={}),
    )
    assert summary["verdict"]["word"] == "not estimable"
    assert summary["verdict"]["reason"]
    assert summary["arms"]["real"]["mean"] is None
    assert "no test scores" in summary["arms"]["real"]["reason"]
    assert summary["per_class"]["b"]["reason"] == "no test cases of this class"
    assert summary["per_class"]["a"]["recall_delta"] is None
    assert summary["confusion"] == {"before": None, "after": None}
    assert summary["training"]["history"] == [{"images": 1, "x": None}]
    json.dumps(summary, allow_nan=False)


def test_an_arm_skipped_by_the_experiment_keeps_its_reason():
    arms = summary_of(
        SCORES + GAIN,
        evaluate={
            "arms": {
                "filtered": {"title": "Filtered synthetic", "synthetic": True},
                "mixup": {"title": "Mixup"},
            },
            "skipped": {"mixup": "needs two classes"},
        },
    )["arms"]
    assert list(arms) == ["filtered", "mixup", "classical"]
    assert arms["mixup"]["reason"] == "needs two classes"
    assert [arm["title"] for arm in arms.values()] == ["Filtered synthetic", "Mixup", "classical"]
    assert [arm["synthetic"] for arm in arms.values()] == [True, False, False]


def test_quality_keeps_synthetic_and_real_apart_with_the_other_splits():
    rows = [
        row("label_fidelity", 0.9, split="synthetic"),
        row("label_fidelity", 0.8, split="generated"),
        row("label_fidelity", 0.95, split="real"),
        row("kid_task", 0.2, split="synthetic"),
        row("kid_task", 0.2, split="synthetic", setting={"images": 37}),
        row("coverage", 0.4, split="synthetic", class_="a"),
        row("near_copies", 3, split="kept"),
    ]
    summary = summary_of(SCORES + GAIN + rows)
    overall = summary["fidelity"]["overall"]
    assert overall["label_fidelity"] == {"synthetic": 0.9, "real": 0.95, "generated": 0.8}
    assert overall["kid_task"] == {"synthetic": 0.2, "real": None, "images": 37}
    assert summary["diversity"]["per_class"] == {"a": {"coverage": {"synthetic": 0.4, "real": None}}}
    assert summary["copies"]["overall"]["near_copies"]["kept"] == 3


def test_history_keeps_every_checkpoint_and_stays_small():
    rows = [{"images": i, "critic_loss": 1.0} for i in range(5000)]
    for i in range(0, 5000, 777):
        rows[i]["label_fidelity"] = 0.5
    train = TrainFacts(history=tuple(rows), chosen_checkpoint={})
    kept = summary_of(SCORES + GAIN, train=train)["training"]["history"]
    assert len(kept) <= 420
    assert {r["images"] for r in kept} >= set(range(0, 5000, 777)) | {4999}


def test_shares_and_acceptance():
    rows = [
        row("balanced_accuracy", v, "filtered", s, "validation", setting={"share": 0.5})
        for s, v in enumerate((0.8, 0.9))
    ]
    rows += [row("balanced_accuracy", 0.7, "filtered", 0, "validation", setting={"share": 0.25})]
    rows += [row("balanced_accuracy", 0.6, "filtered", 0, "validation", setting={"without": "b"})]
    rows += [row("acceptance", 0.4, split="synthetic", class_="a")]
    rows += [row("rejected", 6, split="synthetic", class_="a", setting={"reason": "copy"})]
    summary = summary_of(SCORES + GAIN + rows, evaluate={"share": 0.5})
    assert [r["share"] for r in summary["shares"]["tried"]] == [0.25, 0.5]
    assert summary["shares"]["tried"][1]["mean"] == pytest.approx(0.85)
    assert summary["shares"]["tried"][0]["sd"] is None
    assert summary["acceptance"] == {"a": {"rate": 0.4, "rejected": {"copy": 6}}}


def test_two_rows_for_one_number_and_two_datasets_are_refused():
    with pytest.raises(DataError, match="twice"):
        summary_of([*SCORES, SCORES[0]])
    with pytest.raises(DataError, match="one dataset"):
        summary_of([*SCORES, row("x", 1.0, dataset="other")])


def test_digest_follows_the_numbers():
    def digest(rows):
        return Rows(Results.from_rows(rows)).digest

    changed = [{**SCORES[0], "value": 0.7000001}, *SCORES[1:]]
    assert digest(SCORES) == digest([dict(r) for r in SCORES])
    assert digest(SCORES) != digest(changed)


def test_plain_turns_anything_into_json():
    value = {1: np.float32(0.5), "b": (np.int64(2), float("nan")), "c": {"z", "a"}, "d": np.arange(2)}
    assert plain(value) == {"1": 0.5, "b": [2, None], "c": ["a", "z"], "d": [0, 1]}
