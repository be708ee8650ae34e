from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from augmentor.core.calibration import Calibration, joined
from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE
from augmentor.core.persist import read_samples, write_samples
from augmentor.core.samples import Samples, concatenate


def make(n: int = 3) -> Samples:
    return Samples(
        x=np.arange(n * 4, dtype=np.uint8).reshape(n, 1, 2, 2),
        y=np.arange(n, dtype=np.int64) % 2,
        classes=("a", "b"),
        ids=np.array([f"r{row}" for row in range(n)]),
        value_range=(0, 255),
        calibration=Calibration(
            np.stack([np.arange(1.0, n + 1), np.full(n, -5.0)], axis=1),
            np.full((n, 2), 0.5),
            "HU",
            "percentiles",
        ),
        kind=IMAGE,
    )


def test_measured_values_are_slope_times_value_plus_intercept() -> None:
    samples = make()
    assert samples.calibration is not None
    measured = samples.calibration.measured(samples.array)
    assert measured[2, 0].tolist() == [[8 * 3 - 5, 9 * 3 - 5], [10 * 3 - 5, 11 * 3 - 5]]


def test_typical_calibration_is_the_median_of_the_known_rows() -> None:
    one = Calibration(
        np.array([[1.0, 0], [2, 0], [9, 3]]), np.array([[1.0, 2], [np.nan, 2], [3, 4]]), "HU", ""
    )
    assert one.typical().scale.tolist() == [[2, 0]]
    assert one.typical().spacing.tolist() == [[2, 3]]


def test_calibration_follows_its_rows_through_take_concatenate_and_disk(tmp_path: Path) -> None:
    samples = make()
    both = concatenate([samples.take([2]), samples.take(np.array([True, False, False]))])
    assert both.calibration is not None
    assert both.calibration.scale[:, 0].tolist() == [3, 1]
    write_samples(tmp_path, samples)
    again = read_samples(tmp_path)
    assert again.calibration is not None
    assert np.array_equal(again.calibration.scale, samples.calibration.scale)
    assert (again.calibration.units, again.calibration.window) == ("HU", "percentiles")


def test_calibrations_of_different_units_are_not_joined() -> None:
    one = make().calibration
    assert one is not None
    assert joined([one, Calibration(one.scale, one.spacing, "")]) is None
    assert joined([one, None]) is None


def test_calibration_of_other_rows_is_refused() -> None:
    with pytest.raises(DataError, match="one row per sample"):
        Calibration(np.ones((2, 2)), np.ones((3, 2)))
