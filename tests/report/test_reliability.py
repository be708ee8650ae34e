"""Calibration in the summary and its diagrams."""

import pytest

from augmentor.core.results import Results
from augmentor.report.reliability import ACROSS, BOTTOM, TOP, reliability_figures
from augmentor.report.summarise import summarise
from augmentor.report.svg import Curve, Line, Point


@pytest.fixture
def summary(maker):
    case = maker.Case()
    return summarise(Results.from_rows(maker.rows_of(case)), maker.facts_of(case))


def test_the_summary_reads_the_results(maker, summary):
    rows = maker.rows_of(maker.Case())

    def mean(arm, metric):
        values = [r["value"] for r in rows if (r["arm"], r["metric"]) == (arm, metric)]
        return sum(values) / len(values)

    for role, arm in (("baseline", "classical"), ("arm", "filtered")):
        one = summary["calibration"][role]
        assert one["arm"] == arm
        assert one["temperature"] == pytest.approx(mean(arm, "temperature"))
        assert one["plain"]["ece"] == pytest.approx(mean(arm, "ece"))
        assert one["scaled"]["ece"] == pytest.approx(mean(arm, "ece_scaled"))
        assert one["plain"]["brier"] == pytest.approx(mean(arm, "brier"))
        assert one["scaled"]["brier"] == pytest.approx(mean(arm, "brier_scaled"))
        assert [b["count"] for b in one["plain"]["bins"]] == [2, *(3 * n**2 for n in range(6, 15))]


def test_each_bin_is_drawn_where_its_numbers_are(summary):
    figures = reliability_figures(summary)
    assert [figure.name for figure in figures] == ["reliability-baseline", "reliability-arm"]
    for figure, one in zip(figures, summary["calibration"].values(), strict=True):
        points = [shape for shape in figure.shapes if isinstance(shape, Point)]
        bins = [*one["plain"]["bins"], *one["scaled"]["bins"]]
        for point, b in zip(points, bins, strict=True):
            assert point.x == pytest.approx(100 * b["confidence"], abs=1e-3)
            assert point.y == pytest.approx(BOTTOM - (BOTTOM - TOP) * b["accuracy"], abs=0.01)
        # The perfect classifier runs from corner to corner: as sure as right.
        assert any(
            isinstance(s, Line) and (s.x1, s.y1, s.x2, s.y2) == (0, BOTTOM, 100, TOP) for s in figure.shapes
        )
        assert len([shape for shape in figure.shapes if isinstance(shape, Curve)]) == 2
        assert points[0].style == "seed synthetic"  # two cases of 588
        assert points[5].style == "mean synthetic"
    assert (ACROSS.low, ACROSS.high) == (0, 1)


def test_results_without_calibration_have_no_diagram(maker):
    case = maker.Case(without=("calibration",))
    summary = summarise(Results.from_rows(maker.rows_of(case)), maker.facts_of(case))
    assert summary["calibration"] == {"baseline": None, "arm": None}
    assert reliability_figures(summary) == []
    del summary["calibration"]  # of an older version
    assert reliability_figures(summary) == []
