"""From an interval and a margin to a word and a sentence: docs/concepts/verdict.md holds the rules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from augmentor.core.errors import ConfigError
from augmentor.statistics.intervals import Interval
from augmentor.statistics.words import Named, points

Word = Literal["helps", "hurts", "equivalent", "inconclusive"]


@dataclass(frozen=True)
class Verdict:
    """The word and what it rests on; all numbers are in units of the metric (0.01 is a point)."""

    word: Word
    interval: Interval
    margin: float
    within_margin: bool
    minimum_detectable: float


def verdict(interval: Interval, margin: float) -> Verdict:
    """Choose the word; the first rule that holds decides.

    1. helps: low > 0. 2. hurts: high < 0. 3. equivalent: -margin < low and high < margin.
    4. inconclusive: anything else.

    ``within_margin`` says that the whole interval lies inside the margin, so that a gain or loss
    that is there is also smaller than what was said to matter.

    Raises:
        ConfigError: if the margin is not a positive number.
    """
    if not (math.isfinite(margin) and margin > 0):
        raise ConfigError(f"the equivalence margin must be a number above 0, e.g. 0.01, got {margin!r}")
    word, within = word_of(interval.low, interval.high, margin)
    return Verdict(word, interval, margin, within, interval.minimum_detectable)


def word_of(low: float, high: float, margin: float) -> tuple[Word, bool]:
    """Return the word for an interval, and whether the whole interval lies inside the margin."""
    within = -margin < low and high < margin
    if low > 0:
        return "helps", within
    if high < 0:
        return "hurts", within
    return ("equivalent" if within else "inconclusive"), within


def sentence(found: Verdict, named: Named) -> str:
    """Say the verdict on ``named`` in plain words, in points (hundredths of the metric)."""
    subject, arm, baseline = named.subject.name, named.arm, named.baseline
    interval, measure = found.interval, named.metric
    gap = interval.estimate
    change = f"{points(gap)} points of {measure}"
    if found.word == "helps":
        text = f"{subject} helps: {arm} gains {change} over {baseline}"
    elif found.word == "hurts":
        text = f"{subject} hurts: {arm} loses {points(abs(gap), sign=False)} points of {measure} "
        text += f"against {baseline}"
    elif found.word == "equivalent":
        text = f"{subject} makes no difference that matters: {arm} changes {measure} by "
        text += f"{points(gap)} points against {baseline}"
    else:
        text = f"Inconclusive: {arm} changes {measure} by {points(gap)} points against {baseline}, "
        text += "and this test cannot tell whether that is a gain or a loss"
    percent = f"{100 * interval.confidence:g}"
    shown = f"smallest effect this test set could have shown {points(found.minimum_detectable, sign=False)}"
    if interval.standard_error == 0:
        shown = "nothing varied between the two, so the smallest effect that could be shown is not known"
    text += (
        f" ({percent} % interval {points(interval.low)} to {points(interval.high)}; "
        f"margin {points(found.margin, sign=False)}; {shown})."
    )
    if found.within_margin and found.word in ("helps", "hurts"):
        kind = "gain" if found.word == "helps" else "loss"
        text += f" The {kind} is smaller than the margin that was said to matter."
    return text
