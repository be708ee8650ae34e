"""One rule against leaks: no case and no group on both sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from augmentor.core.errors import DataError, LeakError, SuppliedLeakError
from augmentor.core.kinds import IMAGE
from augmentor.core.leak import refuse_overlap, refuse_seen
from augmentor.core.samples import Samples


def images(first: int, n: int, name: str, group: list[str] | None = None) -> Samples:
    x = np.arange(first, first + n, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)
    return Samples(
        x=x,
        y=np.zeros(n, dtype=np.int64),
        classes=("a", "b"),
        ids=np.array([f"{name}-{row}" for row in range(n)]),
        group=None if group is None else np.array(group),
        value_range=(0, 255),
        kind=IMAGE,
    )


def test_disjoint_parts_pass() -> None:
    refuse_overlap({"training": images(0, 5, "t")}, {"test": images(5, 5, "s")})


def test_a_shared_case_is_named_by_its_id_in_the_held_out_part() -> None:
    with pytest.raises(
        LeakError, match=r"2 images of the test part are also in the training part: s-0, s-1\."
    ):
        refuse_overlap({"training": images(0, 7, "t")}, {"test": images(5, 5, "s")})


def test_another_label_and_name_do_not_hide_a_case() -> None:
    test = images(4, 1, "s")
    other = replace(test, y=np.array([1]), ids=np.array(["holiday.bmp"]))
    with pytest.raises(LeakError, match="1 image of the test part is also in the kept part: s-0"):
        refuse_overlap({"kept": other}, {"test": test})


def test_every_seen_part_is_looked_at() -> None:
    seen = {"training": images(0, 3, "t"), "synthetic": images(8, 1, "m")}
    with pytest.raises(LeakError, match="the synthetic part"):
        refuse_overlap(seen, {"validation": images(20, 2, "v"), "test": images(8, 2, "s")})


def test_a_group_never_straddles() -> None:
    train, test = images(0, 2, "t", ["p1", "p2"]), images(5, 2, "s", ["p3", "p2"])
    with pytest.raises(LeakError, match="1 group of the test part is also in the training part: p2"):
        refuse_overlap({"training": train}, {"test": test})
    refuse_overlap({"training": replace(train, group=None)}, {"test": test})


def test_a_record_that_names_a_test_case_is_refused() -> None:
    test = images(5, 4, "s")
    refuse_seen("judge", images(0, 5, "t").row_digests, test)
    with pytest.raises(LeakError, match="1 image of the test part is also in the judge part: s-3"):
        refuse_seen("judge", [str(row) for row in images(8, 1, "x").row_digests], test)
    refuse_seen("judge", [], test)


def test_whose_fault_a_leak_is_decides_the_exit_code() -> None:
    assert LeakError.exit_code == 1
    assert SuppliedLeakError.exit_code == DataError.exit_code == 2
