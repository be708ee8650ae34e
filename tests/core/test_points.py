"""How differences are written: one minus sign, one precision."""

import pytest

from augmentor.core.points import in_points


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0142, "+1.4"),
        (-0.0142, "\N{MINUS SIGN}1.4"),
        (0.0, "0.0"),
        (1e-17, "0.0"),
        (0.5, "+50.0"),
        (-0.00004, "\N{MINUS SIGN}0.004"),
    ],
)
def test_points_have_one_digit_and_a_true_minus(value, text):
    assert in_points(value) == text


def test_points_never_turn_a_side_of_zero_into_zero():
    assert in_points(4e-6) == "+0.0004"
    assert in_points(0.0142, sign=False) == "1.4"


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="no number of points"):
        in_points(float("inf"))
