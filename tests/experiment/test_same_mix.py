"""The membership attack compares parts of the same class mix."""

from __future__ import annotations

import numpy as np

from augmentor.metrics.membership import membership_attack
from augmentor.quality.copies import match_class_mix


def test_as_many_rows_of_each_class_and_none_of_the_others() -> None:
    a = np.repeat([0, 1, 2], [50, 3, 10])
    b = np.repeat([0, 1, 2], [5, 30, 4])
    one, other = match_class_mix(a, b, np.array([0, 1]), seed=0)
    assert np.bincount(a[one], minlength=3).tolist() == [5, 3, 0]
    assert np.bincount(b[other], minlength=3).tolist() == [5, 3, 0]
    assert len(set(one.tolist())) == len(one)
    again, _ = match_class_mix(a, b, np.array([0, 1]), seed=0)
    np.testing.assert_array_equal(one, again)
    assert [len(rows) for rows in match_class_mix(a, b, np.array([], dtype=np.int64), seed=0)] == [0, 0]


def test_where_all_classes_have_more_strangers_as_many_times_more_of_each_are_taken() -> None:
    # Twice and five times as many: twice as many of both. With fewer of one class, equal numbers.
    a, b = np.repeat([0, 1], [10, 6]), np.repeat([0, 1], [20, 30])
    one, other = match_class_mix(a, b, np.array([0, 1]), seed=0)
    assert np.bincount(a[one]).tolist() == [10, 6]
    assert np.bincount(b[other]).tolist() == [20, 12]
    one, other = match_class_mix(b, a, np.array([0, 1]), seed=0)
    assert np.bincount(b[one]).tolist() == np.bincount(a[other]).tolist() == [10, 6]


def test_a_difference_in_mix_alone_fools_the_attack_and_the_matched_parts_do_not() -> None:
    # Two classes 100 apart, synthetic rows of class 1 alone, nothing memorised. Members are mostly
    # of class 0, the others mostly of class 1, so the others look like members: AUROC near 0.1.
    rng = np.random.default_rng(0)

    def rows(y: np.ndarray) -> np.ndarray:
        return rng.normal(size=(len(y), 4)) + 100.0 * y[:, None]

    a, b = np.repeat([0, 1], [180, 20]), np.repeat([0, 1], [20, 180])
    members, others, fake = rows(a), rows(b), rows(np.ones(100))
    assert membership_attack(members, others, fake).auroc < 0.2
    one, other = match_class_mix(a, b, np.array([1]), seed=0)
    matched = membership_attack(members[one], others[other], fake).auroc
    # 20 against 20 rows: the deviation of an AUROC at 0.5 is sqrt(41 / 4800) = 0.092; three of them.
    assert abs(matched - 0.5) < 0.28
