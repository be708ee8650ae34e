"""Filters: every reason occurs, nothing is deleted, and the plan is kept to."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.quality.filters import REASONS, CandidateScores, near_repeats, select
from augmentor.quality.filters_spec import FiltersSpec

CLASSES = ("a", "b")


def candidates(n, y=None):
    y = np.arange(n, dtype=np.int64) % 2 if y is None else np.asarray(y, dtype=np.int64)
    samples = Samples(
        np.arange(n, dtype=np.uint8).repeat(4).reshape(n, 1, 2, 2),
        y,
        CLASSES,
        np.array([f"s{i}" for i in range(n)]),
        value_range=(0, 255),
        kind=IMAGE,
    )
    table = pd.DataFrame({"synthesizer": ["x"] * n, "seed": np.arange(n)})
    return SyntheticSet(samples, table, np.ones(n, dtype=np.bool_), np.full(n, "", dtype=np.str_))


def scores(n, **changes):
    good = CandidateScores(
        label_confidence=np.full(n, 0.9),
        label_minimum=np.full(n, 0.5),
        copy_ratio=np.full(n, 2.0),
        exact_copy=np.zeros(n, dtype=np.bool_),
        outlier_ratio=np.full(n, 0.5),
        nearest_train_id=np.array([f"t{i}" for i in range(n)]),
        nearest_train_distance=np.full(n, 0.7),
        standardised_pixels=10 * np.eye(n, dtype=np.float32),
        repeat_distance=np.full(n, 0.1),
    )
    return dataclasses.replace(good, **changes)


def set_at(n, default, **places):
    value = np.full(n, default)
    for place, new in places.items():
        value[int(place[1:])] = new
    return value


def test_every_reason_occurs_and_nothing_is_deleted():
    n = 14
    look = 10 * np.eye(n, dtype=np.float32)
    look[8] = look[6]
    made = candidates(n)
    marks = scores(
        n,
        label_confidence=set_at(n, 0.9, _0=0.49),
        copy_ratio=set_at(n, 2.0, _2=0.99),
        exact_copy=np.arange(n) == 3,
        outlier_ratio=set_at(n, 0.5, _4=1.01),
        standardised_pixels=look,
    )
    found = select(made, marks, {"a": 2, "b": 10}, FiltersSpec())
    reason = found.synthetic.reason.tolist()
    assert reason == [
        "label",
        "",
        "copy",
        "copy",
        "outlier",
        "",
        "",
        "",
        "duplicate",
        "",
        "",
        "",
        "surplus",
        "",
    ]
    assert set(reason) - {""} == set(REASONS)
    assert len(found.synthetic) == n
    np.testing.assert_array_equal(found.synthetic.samples.x, made.samples.x)
    assert found.synthetic.kept.tolist() == [word == "" for word in reason]
    row = found.acceptance.set_index("class").loc["a"]
    assert row[["planned", "candidates", "accepted", "kept"]].tolist() == [2, 7, 3, 2]
    assert row[list(REASONS)].tolist() == [1, 1, 1, 1, 1]
    assert found.shortfall == {"b": 4}
    assert not found.unusable


def test_scores_join_the_provenance_and_keep_what_was_there():
    found = select(candidates(4), scores(4), {"a": 2, "b": 2}, FiltersSpec())
    table = found.synthetic.provenance
    assert table["seed"].tolist() == [0, 1, 2, 3]
    assert table["nearest_train_id"].tolist() == ["t0", "t1", "t2", "t3"]
    for column in ("label_confidence", "copy_ratio", "outlier_ratio", "nearest_train_distance"):
        assert table[column].dtype == np.float64


def test_the_first_filter_that_objects_gives_the_reason():
    bad = scores(
        2,
        label_confidence=np.array([0.1, 0.9]),
        copy_ratio=np.full(2, 0.5),
        outlier_ratio=np.full(2, 3.0),
    )
    found = select(candidates(2), bad, {"a": 1, "b": 1}, FiltersSpec())
    assert found.synthetic.reason.tolist() == ["label", "copy"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("label", {"label_confidence": np.full(6, 0.1)}),
        ("copies", {"copy_ratio": np.full(6, 0.1)}),
        ("outliers", {"outlier_ratio": np.full(6, 9.0)}),
        ("duplicates", {"standardised_pixels": np.ones((6, 6), dtype=np.float32)}),
    ],
)
def test_a_filter_that_is_off_objects_to_nothing(name, change):
    made, marks = candidates(6), scores(6, **change)
    on = select(made, marks, {"a": 3, "b": 3}, FiltersSpec.model_validate([name]))
    off = select(made, marks, {"a": 3, "b": 3}, FiltersSpec.model_validate({name: False}))
    assert not on.synthetic.kept.all()
    assert off.synthetic.kept.all()


def test_surplus_is_cut_in_the_order_of_generation_and_not_by_confidence():
    marks = scores(8, label_confidence=np.linspace(0.6, 0.99, 8))
    found = select(candidates(8, np.zeros(8)), marks, {"a": 3, "b": 0}, FiltersSpec())
    assert found.synthetic.kept.tolist() == [True] * 3 + [False] * 5


def test_a_class_under_the_floor_gets_nothing_and_is_named():
    n = 40
    confidence = np.full(n, 0.9)
    confidence[0:38:2] = 0.1
    found = select(candidates(n), scores(n, label_confidence=confidence), {"a": 5, "b": 5}, FiltersSpec())
    assert "1 of 20 candidates of 'a'" in found.unusable["a"]
    assert "'label'" in found.unusable["a"]
    assert list(found.unusable) == ["a"]
    assert found.shortfall == {"a": 5}
    assert found.synthetic.kept_samples.counts == {"a": 0, "b": 5}
    assert found.synthetic.reason[38] == "surplus"


def test_a_class_at_the_floor_is_used():
    confidence = np.full(20, 0.1)
    confidence[[0, 1]] = 0.9
    found = select(candidates(20), scores(20, label_confidence=confidence), {"a": 5, "b": 5}, FiltersSpec())
    assert not found.unusable
    assert found.synthetic.kept.sum() == 2


def test_results_rows_add_up():
    n = 30
    marks = scores(n, label_confidence=np.where(np.arange(n) < 10, 0.1, 0.9))
    found = select(candidates(n), marks, {"a": 4, "b": 0}, FiltersSpec())
    results = found.results("d")
    for name in CLASSES:
        made = results.value(metric="count", split="generated", class_=name)
        kept = results.value(metric="count", split="kept", class_=name)
        rejected = [
            results.value(metric="rejected", setting={"reason": reason}, split="synthetic", class_=name)
            for reason in REASONS
        ]
        assert made == 15
        assert kept + sum(rejected) == made
        assert results.value(metric="acceptance", split="synthetic", class_=name) == pytest.approx(10 / 15)


def test_a_class_that_was_not_generated_has_no_acceptance():
    found = select(candidates(3, [0, 0, 0]), scores(3), {"a": 1, "b": 0}, FiltersSpec())
    assert found.results("d").value(metric="acceptance", class_="b") is None
    assert not found.unusable


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(DataError, match="scores of 3 rows for 4 candidates"):
        select(candidates(4), scores(3), {"a": 1, "b": 1}, FiltersSpec())
    with pytest.raises(DataError, match=r"\['b'\]"):
        select(candidates(4), scores(4), {"a": 1}, FiltersSpec())


def greedy(look, distance):
    kept, again = [], []
    for i, row in enumerate(look):
        near = any(np.linalg.norm(row - look[j]) < distance[i] for j in kept)
        again.append(near)
        if not near:
            kept.append(i)
    return again


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 60), st.floats(0.05, 1.5), st.integers(0, 10_000), st.sampled_from([1, 7, 256]))
def test_repeats_are_those_of_the_plain_loop(n, distance, seed, chunk):
    import augmentor.quality.filters as module

    look = np.random.default_rng(seed).uniform(size=(n, 3)).astype(np.float32)
    before, module.CHUNK = module.CHUNK, chunk
    try:
        found = near_repeats(look, np.full(n, distance))
    finally:
        module.CHUNK = before
    assert found.tolist() == greedy(look, np.full(n, distance))


@pytest.mark.parametrize(
    ("foreign", "said", "unsaid"),
    [(False, "train longer", "make better ones"), (True, "make better ones", "train longer")],
)
def test_advice_on_an_unusable_class_fits_where_its_samples_came_from(foreign, said, unsaid):
    marks = scores(40, label_confidence=np.tile([0.1, 0.9], 20))
    found = select(candidates(40), marks, {"a": 5, "b": 5}, FiltersSpec(), foreign=foreign)
    (text,) = found.unusable.values()
    assert said in text
    assert unsaid not in text
