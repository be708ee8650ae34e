"""Guard rails: what a run must reach before its dataset replaces the one published last."""

from __future__ import annotations

from pydantic import Field

from augmentor.core.results import Results
from augmentor.core.spec import Spec


class GuardSpec(Spec):
    """Limits that a run must keep to be published; None sets no limit.

    Attributes:
        minimum_gain: smallest change of the primary metric, verdict's arm against its baseline.
        maximum_copy_rate: largest share of kept samples that are exact or near copies.
        minimum_coverage: smallest share of held-out real samples with a kept sample nearby.
    """

    minimum_gain: float | None = Field(default=None, ge=-1, le=1)
    maximum_copy_rate: float | None = Field(default=None, ge=0, le=1)
    minimum_coverage: float | None = Field(default=None, ge=0, le=1)


def broken_rails(guard: GuardSpec, results: Results, arm: str) -> tuple[str, ...]:
    """Return a sentence for each limit that ``results`` do not keep; empty where all are kept.

    A limit on a number that could not be measured is not kept: nobody can vouch for it.

    Args:
        guard: the limits.
        results: every measured number of the run.
        arm: the arm that the verdict is about, whose gain counts.
    """
    gain = results.value(split="test", metric="folds_delta")
    if gain is None:
        gain = results.value(arm=arm, split="test", metric="delta")
    checks = (
        ("minimum_gain", "the gain", guard.minimum_gain, gain, False),
        ("maximum_copy_rate", "the copy rate", guard.maximum_copy_rate, overall(results, "copy_rate"), True),
        ("minimum_coverage", "the coverage", guard.minimum_coverage, overall(results, "coverage"), False),
    )
    reasons = []
    for name, number, limit, value, upper in checks:
        if limit is None:
            continue
        if value is None:
            reasons.append(f"{number} could not be measured, and guard.{name} asks for {limit:g}")
        elif value > limit if upper else value < limit:
            side = "above" if upper else "below"
            reasons.append(f"{number} {value:.4g} is {side} guard.{name} {limit:g}")
    return tuple(reasons)


def overall(results: Results, metric: str) -> float | None:
    """Return ``metric`` of the kept synthetic samples over all classes, or None without one."""
    rows = results.where(split="synthetic", metric=metric)
    rows = rows[rows["class"].isna()]
    return float(rows["value"].iloc[0]) if len(rows) else None
