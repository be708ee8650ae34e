"""Parts that share nothing, exact shares, scarcity, and every refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augmentor.core.errors import ConfigError, DataError, LeakError
from augmentor.core.samples import Samples
from augmentor.core.seeds import generator
from augmentor.data import split as splitting
from augmentor.data.group_split import connected_groups, stratified_group_holdout
from augmentor.data.load import load
from augmentor.data.loaded import Loaded, Originals
from augmentor.data.spec import ScarcitySpec, SplitSpec
from augmentor.data.split import apply_scarcity, split

Make = Callable[..., Samples]


def loaded(**parts: Samples) -> Loaded:
    total = sum(len(part) for part in parts.values())
    originals = Originals.uniform(total, sides=(6, 6), channels=1, bits=8)
    return Loaded(name="mine", card=None, parts=parts, layout="npz", originals=originals)


def labels(a: int, b: int) -> np.ndarray:
    return np.repeat([0, 1], [a, b])


def official(make: Make) -> dict[str, Samples]:
    return {
        "train": make(labels(20, 10), prefix="train", seed=1),
        "validation": make(labels(5, 5), prefix="val", seed=2),
        "test": make(labels(6, 6), prefix="test", seed=3),
    }


def replaced(samples: Samples, rows: list[int], x: Any) -> Samples:
    changed = samples.array.copy()
    changed[rows] = x
    return replace(samples, x=changed)


def test_an_official_split_is_kept(make_samples: Make) -> None:
    parts = official(make_samples)
    made = split(loaded(**parts))
    assert (made.kind, made.removed, made.notes) == ("official", (), ())
    for name, part in made.parts.items():
        assert part.digest == parts[name].digest
    assert made.digests()["test"] == list(parts["test"].row_digests)


def test_shares_of_ungrouped_rows_are_exact_in_every_class(make_samples: Make) -> None:
    made = split(loaded(all=make_samples(labels(100, 30))), split=SplitSpec(test=0.3, validation=0.2))
    # test: 30 % of 100 and 30; validation: 20 % of the 70 and 21 left, 14 and round(4.2).
    assert made.kind == "stratified"
    assert {name: tuple(part.counts.values()) for name, part in made.parts.items()} == {
        "test": (30, 9),
        "validation": (14, 4),
        "train": (56, 17),
    }
    assert sorted(np.concatenate([part.ids for part in made.parts.values()])) == sorted(
        f"r{n}" for n in range(130)
    )


def test_the_seed_decides_and_repeats(make_samples: Make) -> None:
    data = loaded(all=make_samples(labels(40, 40)))
    one, again, other = (split(data, split=SplitSpec(seed=seed)) for seed in (1, 1, 2))
    assert one.test.digest == again.test.digest
    assert set(one.test.ids) != set(other.test.ids)


def test_validation_is_taken_from_the_training_part_where_only_that_is_missing(make_samples: Make) -> None:
    parts = official(make_samples)
    del parts["validation"]
    made = split(loaded(**parts))
    assert made.kind == "official"
    assert made.validation.counts == {"a": 4, "b": 2}
    assert made.test.digest == parts["test"].digest
    assert set(made.validation.ids) <= set(parts["train"].ids)


def test_a_missing_test_part_is_taken_from_the_training_part_and_reported(make_samples: Make) -> None:
    parts = official(make_samples)
    del parts["test"]
    made = split(loaded(**parts))
    assert (made.kind, made.validation.digest) == ("stratified", parts["validation"].digest)
    assert made.test.counts == {"a": 6, "b": 3}
    assert "no test part" in made.notes[0]


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=6, max_size=40),
    seed=st.integers(0, 1000),
    share=st.sampled_from([0.1, 0.2, 0.3, 0.5]),
)
def test_groups_are_never_divided_and_shares_come_close(sizes: list[int], seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    y = rng.integers(0, 3, len(groups))
    mask = stratified_group_holdout(y, groups, share, np.random.default_rng(seed), 3)
    assert all(len(set(mask[groups == group])) == 1 for group in range(len(sizes)))
    # Greedy descent ends no further from the aim than holding out nothing at all.
    rows = np.bincount(y, minlength=3)
    aim = np.where(rows >= 2, np.clip(share * rows, 1, np.maximum(rows - 1, 1)), share * rows)
    held = np.bincount(y[mask], minlength=3)
    scale = np.maximum(rows, 1)
    assert (((held - aim) / scale) ** 2).sum() <= ((aim / scale) ** 2).sum() + 1e-9


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(0, 60), min_size=2, max_size=4),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 99),
)
def test_single_rows_are_rounded_to_the_nearest_and_no_class_is_emptied(
    counts: list[int], share: float, seed: int
) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    mask = stratified_group_holdout(y, np.arange(len(y)), share, np.random.default_rng(seed), len(counts))
    for label, n in enumerate(counts):
        held = int(mask[y == label].sum())
        if n < 2:
            assert held == round(share * n + 1e-12) or abs(share * n - 0.5) < 1e-6
        else:
            wanted = min(max(share * n, 1), n - 1)
            assert abs(held - wanted) <= 0.5 + 1e-6
            assert 1 <= held <= n - 1


def test_patients_stay_together(make_samples: Make) -> None:
    patients = np.repeat([f"p{n}" for n in range(30)], 4)
    y = np.repeat(np.arange(30) % 2, 4)
    made = split(loaded(all=make_samples(y, group=patients)))
    assert made.kind == "grouped"
    seen = [set(part.group) for part in made.parts.values() if part.group is not None]
    assert len(seen) == 3
    assert sum(len(part) for part in seen) == len(set.union(*seen)) == 30
    # 30 % of 60 rows a class is 18, and patients have 4 rows: 16 or 20.
    assert set(made.test.counts.values()) <= {16, 20}


def test_equal_pictures_are_carved_into_one_part_and_tie_patients_together(make_samples: Make) -> None:
    samples = make_samples(labels(30, 30), group=[f"p{n // 2}" for n in range(60)])
    tied = replaced(samples, [10], samples.array[0])
    groups = connected_groups(tied)
    assert len({int(groups[row]) for row in (0, 1, 10, 11)}) == 1
    assert groups[2] != groups[0]
    assert len(np.unique(groups)) == 29
    made = split(loaded(all=tied))
    assert made.removed == ()
    assert len({name for name, part in made.parts.items() if {"r0", "r10"} & set(part.ids)}) == 1


def test_duplicates_leave_the_part_further_from_the_test(make_samples: Make) -> None:
    parts = official(make_samples)
    x = parts["test"].array
    parts["train"] = replaced(parts["train"], [3, 4], x[[0, 0]])
    parts["validation"] = replaced(parts["validation"], [2], x[1])
    parts["train"] = replaced(parts["train"], [7], parts["validation"].array[4])
    made = split(loaded(**parts))
    assert [(item.id, item.duplicate_of, item.part, item.reason) for item in made.removed] == [
        ("val2", "test1", "validation", "duplicate"),
        ("train3", "test0", "train", "duplicate"),
        ("train4", "test0", "train", "duplicate"),
        ("train7", "val4", "train", "duplicate"),
    ]
    assert made.test.digest == parts["test"].digest
    assert (len(made.train), len(made.validation)) == (27, 9)
    assert made.notes == (
        "removed 3 rows of train (same pixels) and 1 rows of validation (same pixels): each repeats a row of "
        "a part nearer to the test, which stays as it is",
    )


def test_duplicates_are_refused_by_rule_and_named(make_samples: Make) -> None:
    parts = official(make_samples)
    parts["train"] = replaced(parts["train"], [3], parts["test"].array[0])
    with pytest.raises(DataError, match=r"1 rows of mine .*train3 = test0 \(duplicate\).*duplicates: remove"):
        split(loaded(**parts), split=SplitSpec(duplicates="refuse"))


def test_a_patient_on_both_sides_of_an_official_split_leaves_the_training_part(make_samples: Make) -> None:
    parts = {
        "train": make_samples(labels(8, 8), group=["both", *map(str, range(15))], prefix="train", seed=1),
        "test": make_samples(labels(4, 4), group=["both", *"stuvwxy"], prefix="test", seed=2),
    }
    made = split(loaded(**parts))
    assert [(item.id, item.reason) for item in made.removed] == [("train0", "group")]
    assert "same patient" in made.notes[0]
    with pytest.raises(DataError, match="group"):
        split(loaded(**parts), split=SplitSpec(duplicates="refuse"))


def test_repeats_within_a_part_stay_and_are_reported(make_samples: Make) -> None:
    parts = official(make_samples)
    parts["train"] = replaced(parts["train"], [1, 2], parts["train"].array[0])
    made = split(loaded(**parts))
    assert len(made.train) == 30
    assert made.notes == ("2 rows of the training part repeat the content of another; they stay",)


def test_a_picture_with_two_labels_is_reported(make_samples: Make) -> None:
    parts = official(make_samples)
    parts["train"] = replaced(parts["train"], [25], parts["train"].array[0])
    assert (
        "1 images occur several times with different labels, e.g. train0 and train25"
        in (split(loaded(**parts)).notes[0])
    )


def test_scarcity_cuts_the_training_part_only_and_exactly(make_samples: Make) -> None:
    parts = official(make_samples)
    made = split(loaded(**parts), scarcity=ScarcitySpec(per_class={"a": 5}))
    assert made.train.counts == {"a": 5, "b": 10}
    assert made.validation.digest == parts["validation"].digest
    assert made.test.digest == parts["test"].digest
    assert list(made.train.ids) == sorted(made.train.ids, key=lambda name: int(name.removeprefix("train")))


def test_a_scarcer_set_is_a_subset_and_another_seed_another_set(make_samples: Make) -> None:
    train = make_samples(labels(40, 10))
    few, more, other = (
        set(apply_scarcity(train, ScarcitySpec(per_class={"a": n}, seed=seed)).ids)
        for n, seed in ((5, 0), (9, 0), (5, 1))
    )
    assert few < more
    assert few != other


def test_scarcity_names_are_checked(make_samples: Make) -> None:
    train = make_samples(labels(10, 10))
    with pytest.raises(ConfigError, match=r"'aa', which does not exist; did you mean 'a'"):
        apply_scarcity(train, ScarcitySpec(per_class={"aa": 3}))
    with pytest.raises(ConfigError, match="asks for 11 training cases of 'a', but there are 10"):
        apply_scarcity(train, ScarcitySpec(per_class={"a": 11}))


def test_scarcity_reads_number_names_from_yaml() -> None:
    assert ScarcitySpec.model_validate({"per_class": {1: 8}}).per_class == {"1": 8}


@pytest.mark.parametrize(
    ("y", "told"),
    [
        ([0] * 20, "one class only"),
        ([0] * 20 + [1], "'b' has 1 training case"),
        ([0] * 20 + [1] * 5, "'b' has 3 training cases"),
        ([0] * 20 + [2] * 20, "'b' has 0 training cases"),
    ],
)
def test_too_small_sets_stop_before_any_training(make_samples: Make, y: list[int], told: str) -> None:
    with pytest.raises(DataError, match=told):
        split(loaded(all=make_samples(y)))


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_class_without_cases_to_measure_on_stops(make_samples: Make, part: str) -> None:
    parts = official(make_samples)
    parts[part] = parts[part].take(parts[part].y == 0)
    with pytest.raises(DataError, match=f"'b' has no {part} case"):
        split(loaded(**parts))


def test_scarcity_below_the_minimum_stops(make_samples: Make) -> None:
    with pytest.raises(DataError, match=r"'a' has 3 training cases.*at least 4"):
        split(loaded(**official(make_samples)), scarcity=ScarcitySpec(per_class={"a": 3}))


def test_a_test_part_alone_is_no_dataset(make_samples: Make) -> None:
    with pytest.raises(DataError, match="no training part"):
        split(loaded(test=make_samples(labels(6, 6))))


def test_a_leak_that_the_rules_missed_is_a_hard_stop(
    make_samples: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = official(make_samples)
    parts["train"] = replaced(parts["train"], [3], parts["test"].array[0])
    monkeypatch.setattr(splitting, "_separated", lambda parts, *_: (dict(parts), []))
    with pytest.raises(LeakError, match="train and test share content"):
        split(loaded(**parts))


def test_digits_are_split_in_the_requested_shares() -> None:
    made = split(load("digits"))
    for name, n in load("digits").parts["all"].counts.items():
        assert made.test.counts[name] in {int(0.3 * n), int(0.3 * n) + 1}
    assert generator(0, "split", "test").random() != generator(0, "split", "validation").random()


def test_the_minimum_itself_is_enough(make_samples: Make) -> None:
    made = split(loaded(**official(make_samples)), scarcity=ScarcitySpec(per_class={"a": 4}))
    assert made.train.counts == {"a": 4, "b": 10}


@pytest.mark.parametrize("seed", range(8))
def test_the_largest_patient_is_placed_first(seed: int) -> None:
    # Half of ten rows is five: the patient of five fills it exactly, whatever the order of the others.
    groups = np.array([0, 1, 2, 3, 4, 9, 9, 9, 9, 9])
    mask = stratified_group_holdout(np.zeros(10, dtype=np.int64), groups, 0.5, np.random.default_rng(seed), 1)
    np.testing.assert_array_equal(mask, groups == 9)
