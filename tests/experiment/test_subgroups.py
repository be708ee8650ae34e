"""Scores by subgroup, against the public function on the cases of the subgroup."""

from dataclasses import replace

import numpy as np
import pytest
from flat_spec import evaluation

from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples, concatenate
from augmentor.downstream.base import Scored
from augmentor.experiment.subgroups import MOST, subgroup_rows
from augmentor.experiment.verdict_of import verdict

N = 60
Y = np.arange(N) % 2
SEX = np.array(["f", "f", "f", "m"])[np.arange(N) // 2 % 4]


def samples(subgroup=SEX):
    x = np.zeros((N, 1, 4, 4), np.uint8)
    ids = np.array([f"t/{n}" for n in range(N)])
    return Samples(x, Y, ("a", "b"), ids, value_range=(0, 255), kind=IMAGE, subgroup=subgroup)


def scored(part, **options):
    rng = np.random.default_rng(0)
    arms = {}
    for name, skill in (("classical", 0.5), ("filtered", 2.0)):
        p = np.exp(rng.normal(size=(4, N, 2)) + skill * np.eye(2)[Y])
        arms[name] = Scored(p / p.sum(-1, keepdims=True), part)
    return arms, subgroup_rows(evaluation(**options), arms, "filtered", "classical")


@pytest.mark.parametrize("metric", ["balanced_accuracy", "macro_auroc"])
def test_each_subgroup_has_the_comparison_of_its_cases_alone(metric):
    arms, rows = scored(samples(), primary_metric=metric, confidence=0.9)
    for name in ("f", "m"):
        mine = name == SEX
        found = {
            (row["arm"], row["metric"]): row["value"] for row in rows if row["setting"]["subgroup"] == name
        }
        assert mine.sum() == found[None, "count"]
        # Two subgroups at 90 % together are each at 95 %.
        new, old = (arms[arm].predictions[:, mine] for arm in ("filtered", "classical"))
        alone = verdict(new, old, Y[mine], metric=metric)
        assert found["filtered", "delta"] == pytest.approx(alone.gain)
        ends = [found["filtered", f"delta_{end}"] for end in ("low", "high")]
        assert ends == pytest.approx([alone.low, alone.high])
        assert found["filtered", metric] - found["classical", metric] == pytest.approx(alone.gain)


def test_where_the_metric_cannot_be_told_the_count_stands_alone():
    only_a = np.where(Y == 0, "left", "both")
    only_a[:2] = "both"
    _, rows = scored(samples(only_a), primary_metric="macro_auroc")
    assert [row["metric"] for row in rows if row["setting"]["subgroup"] == "left"] == ["count"]


@pytest.mark.parametrize(
    "subgroup", [None, np.full(N, "f"), np.array([f"s{n % (MOST + 1)}" for n in range(N)])]
)
def test_without_subgroups_one_or_too_many_there_are_no_rows(subgroup):
    assert scored(samples(subgroup))[1] == []


def test_subgroups_go_with_their_rows_and_not_into_the_digest():
    whole = samples()
    assert list(whole.take([3, 0]).subgroup) == [SEX[3], SEX[0]]
    assert whole.digest == samples(None).digest
    two = concatenate([whole.take(range(5)), whole.take(range(5, N))])
    assert list(two.subgroup) == list(SEX)
    mixed = [whole.take(range(5)), replace(whole.take(range(5, N)), subgroup=None)]
    assert concatenate(mixed).subgroup is None
