"""Speeds and times left against closed forms, on a clock set by hand."""

from __future__ import annotations

import pytest

from augmentor.cli.pace import Pace, duration_text, figures_text, speed_text


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_speed_and_time_left_of_steady_work(clock):
    # 50 units a second of 1000: after 8 s 400 are done and 600 take 12 s; 2 s later 10 s are left.
    pace = Pace("train the generator", 1000, clock)
    for second in range(1, 9):
        clock.now = 1000 + second
        pace.update(50 * second)
    assert pace.speed == pytest.approx(50)
    assert pace.share == pytest.approx(0.4)
    assert pace.left == pytest.approx(12)
    clock.now += 2
    assert pace.left == pytest.approx(10)
    assert pace.seconds == pytest.approx(10)


def test_work_taken_over_from_an_earlier_run_is_no_speed(clock):
    pace = Pace("train", 1000, clock)
    clock.now += 0.1
    pace.update(800)  # the checkpoint
    clock.now += 10
    pace.update(900)
    assert pace.speed == pytest.approx(10)
    assert pace.left == pytest.approx(10)


def test_speed_follows_the_last_minute(clock):
    pace = Pace("train", 10**6, clock)
    done = 0
    for _ in range(100):
        clock.now += 1
        done += 100
        pace.update(done)
    for _ in range(70):
        clock.now += 1
        done += 10
        pace.update(done)
    assert pace.speed == pytest.approx(10)


def test_slow_units_keep_enough_points_to_tell_a_speed(clock):
    pace = Pace("evaluate", 60, clock)
    for fit in range(1, 11):
        clock.now += 100
        pace.update(fit)
    assert pace.speed == pytest.approx(0.01)
    assert pace.left == pytest.approx(5000)


def test_a_step_back_starts_the_speed_anew(clock):
    # A training that rolls back to its last good state.
    pace = Pace("train", 1000, clock)
    clock.now += 10
    pace.update(500)
    clock.now += 10
    pace.update(300)
    assert pace.speed is None
    clock.now += 10
    pace.update(400)
    assert pace.speed == pytest.approx(10)


def test_nothing_is_claimed_before_it_can_be_told(clock):
    pace = Pace("train", 1000, clock)
    assert pace.speed is None
    assert pace.left is None
    assert pace.share == 0
    assert Pace("empty", 0, clock).share == 1


@pytest.mark.parametrize(
    ("stage", "unit"),
    [
        ("train", "images"),
        ("Make synthetic samples", "images"),
        ("Evaluate", "fits"),
        ("Train the judge", "fits"),
        ("load", ""),
    ],
)
def test_units(stage, unit):
    assert Pace(stage, 1).unit == unit


@pytest.mark.parametrize(
    ("speed", "unit", "text"),
    [
        (None, "images", ""),
        (1240.4, "images", "1,240 images/s"),
        (12.34, "images", "12.3 images/s"),
        (1.0, "fits", "1 fits/s"),
        (0.075, "fits", "4.5 fits/min"),
        (2.0, "", "2/s"),
    ],
)
def test_speed_text(speed, unit, text):
    assert speed_text(speed, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (0.2, "1 s"),
        (59, "59 s"),
        (59.5, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3600, "1 h 00 min"),
        (12_000, "3 h 20 min"),
    ],
)
def test_duration_text(seconds, text):
    assert duration_text(seconds) == text


def test_figures_text():
    assert figures_text({"critic_loss": 0.69314, "coverage": 1}) == "critic loss 0.693, coverage 1"
    assert figures_text(None) == ""
