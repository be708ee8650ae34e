"""Series to one length: exact means and blends, gaps, padding, and what the notes say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augmentor.core.errors import DataError
from augmentor.data.readers.resample import centred, resampled, weights
from augmentor.data.readers.series import fit_series, series_range
from augmentor.data.spec import SeriesSpec

NAN = np.nan


def padded(*rows: list[float], channels: int = 1) -> Any:
    longest = max(len(row) for row in rows)
    x = np.full((len(rows), channels, longest), NAN, dtype=np.float32)
    for place, row in enumerate(rows):
        x[place, :, : len(row)] = row
    return x


def fitted(x: Any, **spec: Any) -> Any:
    return fit_series({"train": x}, SeriesSpec(**spec))


@settings(max_examples=60, deadline=None)
@given(before=st.integers(1, 40), after=st.integers(1, 40))
def test_weights_are_means_and_blends(before: int, after: int) -> None:
    table = weights(before, after)
    assert table.shape == (after, before)
    assert table.min() >= 0
    np.testing.assert_allclose(table.sum(axis=1), 1)
    if after <= before:
        # Every cell counts as much as every other: the mean of the whole stays.
        np.testing.assert_allclose(table.sum(axis=0), after / before)
        # An independent route: each cell repeated ``after`` times, then plain means.
        x = np.random.default_rng(0).normal(size=before)
        plain = np.repeat(x, after).reshape(after, before).mean(axis=1)
        np.testing.assert_allclose(table @ x, plain, atol=1e-12)


def test_growing_is_linear_between_centres() -> None:
    x = np.array([[[0.0, 1.0, 2.0]]], np.float32)
    # Centres of six cells lie at -0.25, 0.25, 0.75, ... of the old ones; beyond the rim values are held.
    np.testing.assert_allclose(resampled(x, (6,))[0, 0], [0, 0.25, 0.75, 1.25, 1.75, 2])


def test_volumes_lose_what_lies_beyond_the_cube_and_round_once() -> None:
    x = np.zeros((1, 1, 4, 4, 8), np.uint8)
    x[..., :2], x[..., 6:] = 200, 200
    assert not centred(x, 2).any()
    x[0, 0, 0, 0, 2] = 8
    # One of eight voxels of a cell: 8 / 8 = 1.
    np.testing.assert_array_equal(np.argwhere(centred(x, 2)), [[0, 0, 0, 0, 0]])
    assert centred(x, 2).max() == 1


def test_series_of_one_length_stay_as_they_are() -> None:
    x = np.random.default_rng(0).normal(size=(3, 2, 20)).astype(np.float32)
    found = fitted(x)
    np.testing.assert_array_equal(found.x["train"], x)
    assert found.notes == []
    assert fitted(x, length=10).x["train"].shape == (3, 2, 10)


def test_unequal_ones_are_resampled_to_the_median_of_the_training_part() -> None:
    x = padded([1.0] * 10, list(range(16)), [2.0] * 40)
    other = padded([3.0] * 100)
    found = fit_series({"train": x, "test": other}, SeriesSpec())
    assert found.x["train"].shape == (3, 1, 16)
    np.testing.assert_allclose(found.x["train"][1, 0], range(16))
    assert found.x["test"].shape == (1, 1, 16)
    assert (found.x["test"] == 3).all()
    assert found.steps["train"].tolist() == [10, 16, 40]
    assert "10 to 100 steps of their own; each was resampled to 16" in found.notes[0]
    assert "series.treatment=pad_last series.length=100" in found.notes[0]


@pytest.mark.parametrize(("treatment", "rest"), [("pad_last", 4.0), ("pad_zero", 0.0)])
def test_padding_keeps_the_time_axis(treatment: Any, rest: float) -> None:
    x = padded([1.0, 2, 3, 4], list(range(9)), list(range(20)))
    found = fitted(x, treatment=treatment, length=10)
    np.testing.assert_array_equal(found.x["train"][0, 0], [1, 2, 3, 4] + [rest] * 6)
    np.testing.assert_array_equal(found.x["train"][2, 0], range(10))
    assert "1 longer ones were cut there" in found.notes[0]
    assert fitted(x, treatment=treatment).x["train"].shape[2] == 20


def test_gaps_inside_are_interpolated_and_padding_in_front_is_left_out() -> None:
    x = np.array([[[NAN, NAN, 1, NAN, 3, NAN], [NAN, NAN, NAN, 5, 5, 5]]], np.float32)
    found = fitted(np.concatenate([x, x]), length=8, treatment="pad_zero")
    np.testing.assert_array_equal(found.x["train"][0, 0, :4], [1, 2, 3, 3])
    np.testing.assert_array_equal(found.x["train"][0, 1, :4], [5, 5, 5, 5])
    # Per row: two in the first channel and one in the second.
    assert "6 missing values inside series were interpolated" in found.notes[1]


def test_a_series_without_any_value_in_a_channel_is_named() -> None:
    x = padded([1.0] * 9, [2.0] * 9, channels=2)
    x[1, 1] = NAN
    found = fitted(x)
    assert found.empty == {"train": [1]}
    assert len(found.x["train"]) == 1
    with pytest.raises(DataError, match="no series with a value in every channel"):
        fitted(x[1:])


@pytest.mark.parametrize(
    ("values", "bounds"),
    [([0.3, 0.7], (0, 1)), ([-0.3, 0.1], (-0.5, 0.5)), ([0, 1100], (0, 2000)), ([0, 0], (0, 1))],
)
def test_the_range_is_a_round_number(values: list[float], bounds: tuple[float, float]) -> None:
    assert series_range({"a": np.array(values)}) == pytest.approx(bounds)
