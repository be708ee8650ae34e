"""Guard rails: each limit on each side, and the numbers it is held against."""

from __future__ import annotations

from typing import Any

import pytest

from augmentor.core.errors import ConfigError
from augmentor.core.results import Results
from augmentor.core.spec import parse
from augmentor.run.guard import GuardSpec, broken_rails

ARM = "filtered"
"""The arm that the verdict is about."""


def row(metric: str, value: float, **more: Any) -> dict[str, Any]:
    return {"dataset": "d", "metric": metric, "value": value, **more}


RESULTS = Results.from_rows(
    [
        row("delta", 0.02, arm="filtered", split="test"),
        row("delta", 0.5, arm="synthetic", split="test"),  # not the verdict's arm
        row("copy_rate", 0.1, split="synthetic"),
        row("copy_rate", 0.9, split="real"),
        row("coverage", 0.6, split="synthetic"),
        row("coverage", 0.1, split="synthetic", **{"class": "rare"}),
    ]
)


@pytest.mark.parametrize(
    ("field", "kept", "broken"),
    [
        ("minimum_gain", 0.02, 0.021),
        ("maximum_copy_rate", 0.1, 0.09),
        ("minimum_coverage", 0.6, 0.61),
    ],
)
def test_each_limit_on_both_sides(field: str, kept: float, broken: float) -> None:
    assert broken_rails(GuardSpec.model_validate({field: kept}), RESULTS, ARM) == ()
    (reason,) = broken_rails(GuardSpec.model_validate({field: broken}), RESULTS, ARM)
    assert f"guard.{field} {broken:g}" in reason


def test_no_limit_is_always_kept() -> None:
    assert broken_rails(GuardSpec(), Results.from_rows([]), ARM) == ()


def test_what_could_not_be_measured_is_not_vouched_for() -> None:
    guard = GuardSpec(minimum_gain=-1, maximum_copy_rate=1, minimum_coverage=0)
    reasons = broken_rails(guard, Results.from_rows([]), ARM)
    assert len(reasons) == 3
    assert all("could not be measured" in reason for reason in reasons)


def test_limits_outside_their_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="maximum_copy_rate"):
        parse(GuardSpec, {"maximum_copy_rate": 20}, "guard")
