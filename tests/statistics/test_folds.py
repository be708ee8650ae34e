"""Folding outer splits: the corrected t test by hand, and the words."""

import math

import numpy as np
import pytest
from scipy import stats

from augmentor.core.errors import DataError
from augmentor.core.facts.evaluation import SplitFacts
from augmentor.core.results import Results
from augmentor.statistics.folds import fold_splits


def splits(differences, n_train=70, n_test=30):
    return [
        SplitFacts(
            arm="filtered",
            baseline="classical",
            before=0.6 + i / 100,
            after=0.6 + i / 100 + d,
            n_train=n_train,
            n_test=n_test,
            control=0.6 + i / 100,
        )
        for i, d in enumerate(differences)
    ]


def folded(differences, margin=0.01, **sizes):
    return fold_splits(splits(differences, **sizes), metric="balanced accuracy", margin=margin)


def test_interval_and_p_value_by_hand():
    """t = mean / sqrt((1/J + n_test/n_train) s^2) with J - 1 degrees of freedom."""
    d = np.array([0.02, 0.05, 0.01, 0.04])
    found = folded(d)
    table = Results.from_rows({"dataset": "d", **row} for row in found.rows)
    error = math.sqrt((1 / 4 + 30 / 70) * d.var(ddof=1))
    half = stats.t.ppf(0.975, 3) * error

    def value(name):
        return table.value(metric=f"outer_{name}", split="test")

    assert value("delta_mean") == pytest.approx(0.03)
    assert (value("delta_low"), value("delta_high")) == pytest.approx((0.03 - half, 0.03 + half))
    assert found.facts.p_value == pytest.approx(2 * stats.t.sf(0.03 / error, 3))
    reach = stats.t.ppf(0.975, 3) + stats.t.ppf(0.8, 3)
    assert value("minimum_detectable") == pytest.approx(reach * error)
    assert table.where(metric="outer_delta")["value"].tolist() == pytest.approx(d.tolist())
    assert table.where(metric="outer_delta")["seed"].tolist() == [0, 1, 2, 3]


def test_overlap_of_the_training_parts_widens_the_interval():
    d = [0.02, 0.05, 0.01, 0.04]

    def width(**sizes):
        values = {row["metric"]: row["value"] for row in folded(d, **sizes).rows}
        return values["outer_delta_high"] - values["outer_delta_low"]

    assert width(n_train=50, n_test=50) > width(n_train=90, n_test=10) > 0
    # Swapped sizes are another number.
    assert width(n_train=10, n_test=90) > 2 * width(n_train=90, n_test=10)


@pytest.mark.parametrize(
    ("differences", "word"),
    [
        ([0.05, 0.051, 0.049, 0.05], "helps"),
        ([-0.05, -0.051, -0.049, -0.05], "hurts"),
        ([0.001, -0.001, 0.0005, -0.0005], "equivalent"),
        ([0.3, -0.3, 0.2, -0.1], "inconclusive"),
        ([0.0, 0.0], "equivalent"),
    ],
)
def test_words_follow_the_rules(differences, word):
    found = folded(differences)
    assert found.facts.word == word
    assert f"over {len(differences)} splits" in found.facts.sentence


def test_a_gain_inside_the_margin_is_reported():
    found = folded([0.004, 0.0041, 0.0039], margin=0.02)
    assert found.facts.word == "helps"
    assert "smaller than the margin" in found.facts.sentence


def test_a_gain_that_the_controls_share_is_no_help():
    gains = [0.05, 0.051, 0.049, 0.05]

    def word(beyond):
        made = [
            one.model_copy(update={"control": None if beyond is None else one.after - beyond[i]})
            for i, one in enumerate(splits(gains))
        ]
        return fold_splits(made, metric="balanced accuracy", margin=0.01).facts

    assert word([0.02, 0.021, 0.019, 0.02]).word == "helps"
    shared = word([0.01, -0.01, 0.005, -0.005])
    assert shared.word == "inconclusive"
    assert (
        "against the same arms without anything synthetic it is 0.0 points (\N{MINUS SIGN}2.4 to +2.4)"
        in shared.sentence
    )
    lacking = word(None)
    assert lacking.word == "inconclusive"
    assert "not every split has a control" in lacking.sentence
    # What hurts against the baseline and not against the control is no harm of synthesis.
    losses = [-gain for gain in gains]
    for control, said in ((0.1, "hurts"), (-0.1, "inconclusive")):
        worse = [one.model_copy(update={"control": one.after + control}) for one in splits(losses)]
        assert fold_splits(worse, metric="balanced accuracy", margin=0.01).facts.word == said


def test_one_split_is_no_fold():
    with pytest.raises(DataError, match="two or more splits"):
        folded([0.1])
