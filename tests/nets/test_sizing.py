import pytest

from augmentor.nets.sizing import auto_gamma, auto_width, resolutions, stage_widths


@pytest.mark.parametrize(
    ("spatial", "grids"),
    [
        ((8, 8), [(4, 4), (8, 8)]),
        ((28, 28), [(7, 7), (14, 14), (28, 28)]),
        ((33, 33), [(5, 5), (9, 9), (17, 17), (33, 33)]),
        ((7, 7), [(7, 7)]),
        ((32, 6), [(4, 6), (8, 6), (16, 6), (32, 6)]),
        ((9,), [(5,), (9,)]),
        ((8, 10, 12), [(4, 5, 6), (8, 10, 12)]),
    ],
)
def test_grids_halve_rounding_up_until_no_side_is_longer_than_seven(spatial, grids):
    assert resolutions(spatial) == grids


def test_width_follows_images_and_resolution():
    assert [auto_width((8, 8), n) for n in (300, 999, 1_000, 10_000, 50_000)] == [24, 24, 32, 48, 64]
    assert [auto_width((side, side), 300) for side in (16, 28, 32, 64, 128)] == [24, 16, 16, 8, 8]
    assert auto_width((28, 28, 28), 300) == 8
    # The longest side decides.
    assert auto_width((8, 64), 300) == auto_width((64, 8), 300) == 8


def test_stages_double_towards_the_coarse_end_up_to_eight_times():
    assert stage_widths(8, 5) == [64, 64, 32, 16, 8]


def test_gamma_is_a_tenth_at_eight_pixels_and_grows_with_the_side():
    assert auto_gamma((8, 8)) == pytest.approx(0.1)
    assert auto_gamma((28, 16)) == pytest.approx(0.35)
