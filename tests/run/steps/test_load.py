"""What the loading of the data says of them."""

from __future__ import annotations

import numpy as np

from augmentor.core.facts.samples import NearTestDuplicate
from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples
from augmentor.data.duplicates import NearDuplicate
from augmentor.run.steps.load import near_across, near_duplicate_note


def test_nearly_equal_samples_across_parts_are_named() -> None:
    def part(*names: str) -> Samples:
        n = len(names)
        return Samples(
            np.zeros((n, 1, 2, 2), np.uint8),
            np.zeros(n, np.int64),
            ("a",),
            np.array(names),
            value_range=(0, 255),
            kind=IMAGE,
        )

    where = {"train": part("t1", "t2"), "validation": part("v1"), "test": part("s1", "s2")}
    pairs = [
        NearDuplicate("t1", "s1", 0.99871),
        NearDuplicate("s2", "v1", 0.992),
        NearDuplicate("t1", "t2", 0.99),
        NearDuplicate("s1", "s2", 0.99),
    ]
    found = near_across(where, pairs)
    assert found == [
        NearTestDuplicate(part="train", id="t1", test="s1", correlation=0.9987),
        NearTestDuplicate(part="validation", id="v1", test="s2", correlation=0.992),
    ]
    assert "train t1 and test s1 (0.9987); validation v1 and test s2" in near_duplicate_note(found, IMAGE)[0]
    assert near_duplicate_note([], IMAGE) == []
