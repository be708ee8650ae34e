import pytest

from augmentor.experiment.gan_train import gan_train_rows

METRICS = ("accuracy", "balanced_accuracy")


def scores():
    values = {"synthetic_only": (0.5, 0.7), "classical": (0.8, 0.9), "balanced": (0.1, 0.1)}
    rows = []
    for arm, both in values.items():
        for seed, value in enumerate(both):
            for split, off in (("test", 0.0), ("validation", 0.3)):
                rows += [
                    {"arm": arm, "seed": seed, "split": split, "metric": "accuracy", "value": value - off},
                    {"arm": arm, "seed": seed, "split": split, "metric": "balanced_accuracy"}
                    | {"value": value / 2 - off},
                ]
    return rows


def test_means_over_seeds_on_the_test_part_beside_real_against_real():
    rows, missing = gan_train_rows(scores(), METRICS, ["balanced", "classical", "synthetic_only"], {})
    found = {(row["metric"], row["split"]): row["value"] for row in rows}
    assert found == pytest.approx(
        {
            ("gan_train_accuracy", "synthetic"): 0.6,
            ("gan_train_accuracy", "real"): 0.85,
            ("gan_train_balanced_accuracy", "synthetic"): 0.3,
            ("gan_train_balanced_accuracy", "real"): 0.425,
        }
    )
    assert missing == []


def test_what_was_not_trained_gives_the_reason():
    skipped = {"synthetic_only": "The arm was left out: so."}
    rows, missing = gan_train_rows(scores(), METRICS, ["balanced"], skipped)
    assert {row["split"] for row in rows} == {"real"}
    assert rows[0]["value"] == pytest.approx(0.1)  # the next best counterpart
    assert [m["reason"] for m in missing] == ["not estimable, because the arm was left out: so"] * 2
    rows, missing = gan_train_rows(scores(), METRICS, ["mixup"], {})
    assert rows == []
    assert {m["reason"] for m in missing} == {
        "not estimable, because the arm synthetic_only was not asked for",
        "not estimable, because none of the arms classical, balanced, real was asked for",
    }
