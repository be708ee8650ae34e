"""Folds: every case is the test part once, classes evenly, groups whole, and when data ask for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.samples import Samples
from augmentor.data.folds import FEW_TEST_CASES, FOLDS, folds_of, independent_cases
from augmentor.data.group_split import stratified_group_folds
from augmentor.data.loaded import Loaded, Originals
from augmentor.data.spec import SplitSpec
from augmentor.data.split import split

Make = Callable[..., Samples]


def loaded(**parts: Samples) -> Loaded:
    total = sum(len(part) for part in parts.values())
    return Loaded(
        name="mine",
        card=None,
        parts=parts,
        layout="npz",
        originals=Originals.uniform(total, sides=(6, 6), channels=1, bits=8),
    )


def labels(a: int, b: int) -> np.ndarray:
    return np.repeat([0, 1], [a, b])


def test_every_case_is_tested_once_and_never_trained_on_in_its_fold(make_samples: Make) -> None:
    data = loaded(all=make_samples(labels(60, 23)))
    folds = [split(data, split=SplitSpec(folds=5, fold=fold)) for fold in range(5)]
    tested = np.concatenate([one.test.ids for one in folds])
    assert sorted(tested) == sorted(f"r{n}" for n in range(83))
    for one in folds:
        assert one.folds == 5
        ids = [set(part.ids) for part in one.parts.values()]
        assert sum(map(len, ids)) == 83 == len(set.union(*ids))
    # 60 / 5 = 12 and 23 / 5 = 4.6 of a class.
    assert {one.test.counts["a"] for one in folds} == {12}
    assert sorted(one.test.counts["b"] for one in folds) == [4, 4, 5, 5, 5]


def test_groups_stay_whole_and_classes_even(make_samples: Make) -> None:
    patients = np.repeat([f"p{n}" for n in range(20)], 5)
    y = np.repeat([0] * 14 + [1] * 6, 5)
    data = loaded(all=make_samples(y, group=patients))
    folds = [split(data, split=SplitSpec(folds=3, fold=fold)) for fold in range(3)]
    seen = [set(map(str, one.test.group)) for one in folds]
    assert sum(map(len, seen)) == 20 == len(set.union(*seen))
    assert all(one.test.counts["b"] == 10 for one in folds)
    assert all(one.kind == "grouped" for one in folds)


def test_the_seed_decides_the_folds_and_the_number_of_the_fold_which_is_tested(make_samples: Make) -> None:
    y, groups = labels(30, 30), np.arange(60)
    one, again, other = (stratified_group_folds(y, groups, 3, seed) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()
    with pytest.raises(DataError, match="3 folds need as many"):
        stratified_group_folds(labels(1, 1), np.arange(2), 3, 0)


@pytest.mark.parametrize(
    ("rare", "share", "expected"),
    [
        # 0.3 of 66 is 19.8 test cases, of 67 it is 20.1.
        (66, 0.3, FOLDS),
        (67, 0.3, 1),
        (40, 0.5, 1),
        (39, 0.5, FOLDS),
        (3, 0.3, 3),
    ],
)
def test_data_ask_for_folds_where_one_test_part_would_hold_few_rare_cases(
    make_samples: Make, rare: int, share: float, expected: int
) -> None:
    assert FEW_TEST_CASES == 20
    rules = SplitSpec(folds="auto", test=share)
    assert folds_of({"all": make_samples(labels(200, rare))}, rules) == expected


def test_groups_are_counted_where_there_are_any(make_samples: Make) -> None:
    # 100 rare cases of ten patients are ten independent cases.
    y = labels(200, 100)
    group = [f"healthy{n}" for n in range(200)] + [f"ill{n // 10}" for n in range(100)]
    rules = SplitSpec(folds="auto")
    assert folds_of({"all": make_samples(y, group=group)}, rules) == FOLDS
    assert folds_of({"all": make_samples(y)}, rules) == 1


def test_independent_cases_are_patients_where_they_are_known_and_equal_rows_count_once(
    make_samples: Make,
) -> None:
    samples = make_samples(labels(6, 4), group=["p", "p", "q", "q", "r", "r", "s", "s", "t", "u"])
    assert independent_cases(samples) == {"a": 3, "b": 3}
    assert independent_cases(make_samples(labels(6, 4))) == {"a": 6, "b": 4}
    same = make_samples(labels(6, 4), x=np.zeros((10, 1, 6, 6), dtype=np.uint8))
    assert independent_cases(same) == {"a": 1, "b": 1}


def test_folds_that_the_data_ask_for_are_told(make_samples: Make) -> None:
    made = split(loaded(all=make_samples(labels(80, 30))), split=SplitSpec(folds="auto"))
    (note,) = made.notes
    assert "'b' has 30 independent cases, and one test part would hold about 9" in note
    assert "each of 5 folds" in note
    assert "split.folds=1" in note


def test_a_test_part_of_its_own_is_not_divided(make_samples: Make) -> None:
    parts = {
        "train": make_samples(labels(20, 10), prefix="train", seed=1),
        "validation": make_samples(labels(5, 5), prefix="val", seed=2),
        "test": make_samples(labels(6, 6), prefix="test", seed=3),
    }
    assert split(loaded(**parts), split=SplitSpec(folds="auto")).folds == 1
    with pytest.raises(ConfigError, match=r"split\.folds is 3.*test part of their own"):
        split(loaded(**parts), split=SplitSpec(folds=3))


def test_a_fold_that_does_not_exist_is_refused(make_samples: Make) -> None:
    data = loaded(all=make_samples(labels(20, 20)))
    with pytest.raises(ConfigError, match=r"split\.fold is 1, and there is one split, number 0"):
        split(data, split=SplitSpec(fold=1))
    with pytest.raises(ConfigError, match=r"split\.fold is 4, and there are 4 folds, 0 to 3"):
        split(data, split=SplitSpec(folds=4, fold=4))
