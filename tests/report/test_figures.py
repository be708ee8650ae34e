"""Charts: marks stand where their numbers are, and pictures are whole PNG files."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from augmentor.report.figures import alone, arms, recall_changes, verdict_interval
from augmentor.report.png import png
from augmentor.report.svg import Box, Line, Point, Scale, nice_step


def test_interval_is_drawn_where_its_numbers_are(maker, tmp_path):
    summary = maker.write_run(tmp_path, maker.Case())
    figure = verdict_interval(summary)
    low, high = summary["verdict"]["ci"]
    zero = next(s for s in figure.shapes if isinstance(s, Line) and s.style == "zero").x1
    line = next(s for s in figure.shapes if isinstance(s, Line) and s.style.startswith("interval"))
    point = next(s for s in figure.shapes if isinstance(s, Point)).x
    band = next(s for s in figure.shapes if isinstance(s, Box))
    per_unit = (line.x2 - line.x1) / (high - low)
    assert (point - zero) / per_unit == pytest.approx(summary["verdict"]["delta"], abs=1e-5)
    assert (line.x1 - zero) / per_unit == pytest.approx(low, abs=1e-5)
    assert band.width / per_unit == pytest.approx(2 * summary["verdict"]["margin"], abs=1e-5)
    assert band.x + band.width / 2 == pytest.approx(zero, abs=1e-2)
    assert zero < line.x1 < point < line.x2 < 100


def test_every_seed_is_a_dot_and_better_is_further_right(maker, tmp_path):
    summary = maker.write_run(tmp_path, maker.Case())
    figure = arms(summary)
    dots = [s for s in figure.shapes if isinstance(s, Point) and s.mark == "dot"]
    values = [v for arm in summary["arms"].values() for v in arm["seeds"]]
    assert len(dots) == len(values)
    assert (
        np.argsort([d.x for d in dots], kind="stable").tolist() == np.argsort(values, kind="stable").tolist()
    )


def test_an_impossible_interval_runs_off_the_chart_without_a_cap(maker, tmp_path):
    summary = maker.write_run(tmp_path, maker.Case())
    summary["per_class"]["neutrophil"]["recall_delta_ci"] = [-5.0, 5.0]
    lines = [
        s for s in recall_changes(summary).shapes if isinstance(s, Line) and s.style.startswith("interval")
    ]
    assert all(0 <= x <= 100 for line in lines for x in (line.x1, line.x2))
    assert len(lines) == 5 * 3 - 2


def test_the_change_by_synthesis_alone_is_drawn_where_a_control_is_not_the_baseline(maker, tmp_path):
    def drawn(name, controls):
        return alone(maker.write_run(tmp_path / name, maker.Case(extra={"evaluate": {"controls": controls}})))

    both = drawn("both", {"filtered": "balanced", "rows=all,pooled": "classical"})
    assert [row[:2] for row in both.table.rows] == [
        ["All synthetic", "Classical augmentation"],
        ["Filtered synthetic", "Balanced sampling"],
    ]
    assert "Filtered synthetic against Balanced sampling" in both.description
    # Centres of the made-up arms: 0.803 + 0.031 against 0.781, and 0.803 + 0.6 * 0.031 against 0.803.
    assert [row[2:] for row in both.table.rows] == [
        ["+1.9", "+0.9 to +2.9"],
        ["+5.3", "+4.3 to +6.3"],
    ]
    assert drawn("baseline", {"filtered": "classical"}) is None
    assert drawn("none", {}) is None


def test_scales():
    assert [nice_step(v) for v in (0.011, 0.02, 0.21, 3, 7)] == [0.02, 0.02, 0.25, 5, 10]
    assert Scale(-0.1, 0.1).x(0) == 50
    assert Scale(-0.03, 0.05).ticks(4) == [-0.02, 0.0, 0.02, 0.04]
    assert Scale(0, 2).y(2, 10, 110) == 10


@pytest.mark.parametrize("channels", [1, 3])
def test_png_is_read_back_by_pillow_and_by_hand(channels):
    rng = np.random.default_rng(0)
    for image in (
        rng.integers(0, 256, (5, 7, channels), dtype=np.uint8),
        np.tile(np.arange(9, dtype=np.uint8)[:, None, None], (1, 4, channels)),
        np.tile(np.arange(9, dtype=np.uint8)[None, :, None], (4, 1, channels)),
    ):
        raw = png(image)
        width, height = struct.unpack(">II", raw[16:24])
        assert (height, width) == image.shape[:2]
        read = np.asarray(Image.open(io.BytesIO(raw)))
        assert np.array_equal(read.reshape(image.shape), image)
        size = struct.unpack(">I", raw[33:37])[0]
        assert raw[37:41] == b"IDAT"
        assert zlib.crc32(raw[37 : 41 + size]) == struct.unpack(">I", raw[41 + size : 45 + size])[0]
    with pytest.raises(ValueError, match="uint8"):
        png(np.zeros((2, 2, 2), dtype=np.uint8))
