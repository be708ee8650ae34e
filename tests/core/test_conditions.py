"""Conditions: parts of one length, taken together, refused with what is wrong."""

import numpy as np
import pytest

from augmentor.core.conditions import Conditions
from augmentor.core.errors import ConfigError


def test_labels_alone_are_conditions_and_become_int64():
    asked = Conditions(np.array([0, 2, 1], dtype=np.uint8))
    assert len(asked) == 3
    assert asked.labels.dtype == np.int64
    assert list(asked.parts) == ["labels"]
    assert len(Conditions(np.array([]))) == 0


def test_every_part_is_taken_by_the_same_rows():
    asked = Conditions(
        np.arange(4), masks=np.arange(16).reshape(4, 2, 2), texts=np.array(["a", "b", "c", "d"])
    )
    for index in ([3, 1], np.array([False, True, False, True]), slice(1, 3)):
        part = asked.take(index)
        rows = np.arange(4)[index]
        assert np.array_equal(part.labels, rows)
        assert np.array_equal(part.masks, asked.masks[rows])
        assert part.texts.tolist() == asked.texts[rows].tolist()
        assert part.sources is None
        assert part.frames is None


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([[0, 1]], r"shape \(N,\), got int64 of shape \(1, 2\)"),
        ([0.5], "whole numbers"),
        (["dark"], "whole numbers"),
    ],
)
def test_labels_that_are_no_vector_of_whole_numbers_are_refused(labels, said):
    with pytest.raises(ConfigError, match=said):
        Conditions(np.array(labels))


def test_parts_of_other_lengths_are_refused_with_their_lengths():
    with pytest.raises(ConfigError, match=r"\{'labels': 2, 'sources': 3\}"):
        Conditions(np.array([0, 1]), sources=np.zeros((3, 1, 4)))


def test_conditions_cannot_be_changed():
    with pytest.raises(AttributeError):
        Conditions(np.array([0])).labels = np.array([1])
