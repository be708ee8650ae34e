"""From changes to a word, with a control, and only where the cases can carry it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from augmentor.core.errors import ConfigError
from augmentor.statistics.design import Design
from augmentor.statistics.exact import sign_flip_p
from augmentor.statistics.small_samples import Changes, SmallInterval, small_interval

Word = Literal["helps", "hurts", "equivalent", "inconclusive"]
Reason = Literal["decided", "alike", "few_changed", "wide", "control", "no_control"]

FEWEST = 5
"""No gain rests on fewer changed units: four all one way have a mid-P value of 0.0625."""

MOST_NEEDED = 10**6
"""More cases than this are not asked for: the seeds, not the cases, stand in the way then."""


@dataclass(frozen=True)
class Paired:
    """Two classifiers on the same cases: the gain's interval, and the exact test where few cases decide."""

    interval: SmallInterval
    mid_p: float | None

    @classmethod
    def of(
        cls, changes: Changes, design: Design, *, folds: NDArray[Any] | None = None, confidence: float = 0.95
    ) -> Paired:
        """Compare; arguments as in :func:`augmentor.statistics.small_samples.small_interval`."""
        interval = small_interval(changes, design, folds=folds, confidence=confidence)
        worth = (changes.weights / design.class_counts)[design.y]
        average = changes.table.mean(axis=0, keepdims=True) * worth
        if changes.share < 1 and design.present.size == 2:
            # A pair has two sides: the mean over either is the gain, and that of fewer units decides.
            rare = int(np.argmin([units.size for _, units, _ in design.blocks]))
            return cls(interval, sign_flip_p(design.class_units(average)[rare][0]))
        return cls(interval, sign_flip_p(design.unit_sums(average)[0]))

    def word(self, margin: float) -> tuple[Word, Reason]:
        """Return the word and what it rests on; the first rule that holds decides.

        1. helps, hurts: the whole interval lies on one side of 0, and where few cases decide, the mid-P value
           of the exact test is at most 1 - confidence.
        2. equivalent: the whole interval lies strictly between -margin and margin.
        3. inconclusive: anything else, as no case came out differently (alike), so few did that the exact
           test decides (few_changed), or the interval is too wide.
        """
        found = self.interval
        sided = found.low > 0 or found.high < 0
        if sided and (self.mid_p is None or self.mid_p <= 1 - found.confidence + 1e-12):
            return ("helps" if found.low > 0 else "hurts"), "decided"
        if -margin < found.low and found.high < margin:
            return "equivalent", "decided"
        if not found.changed:
            return "inconclusive", "alike"
        return "inconclusive", ("wide" if self.mid_p is None else "few_changed")


@dataclass(frozen=True)
class Names:
    """What the sentence calls things.

    Attributes:
        new: the classifier with synthesis.
        old: the one without.
        control: the one that differs from the first in synthesis alone.
        metric: in words, e.g. "balanced accuracy".
        unit: what is counted, "case" or "group".
        rarest: the class with the fewest test cases, "" where it is not named.
    """

    new: str = "the model with synthetic data"
    old: str = "the model without"
    control: str = "the control"
    metric: str = "balanced accuracy"
    unit: str = "case"
    rarest: str = ""


@dataclass(frozen=True)
class PairedVerdict:
    """The verdict; all numbers are in units of the metric (0.01 is a point).

    Attributes:
        word: helps, hurts, equivalent or inconclusive, said of synthesis.
        gain: of the classifier with synthesis over the one without.
        low: lower end of the gain's interval.
        high: upper end.
        sentence: the verdict in plain words.
        detectable: the smallest true gain that 4 of 5 such studies find; infinite where these cases can show
            none.
        reason: what the word rests on, see :meth:`Paired.word`; "control" where the gain over the control
            does not say the same, "no_control" where there is none.
        comparison: the word of the plain comparison, before the control was asked.
        needed: cases of the rarest class that would show a gain as large as the one measured, or as the
            margin where that is larger; None where more cases alone would not do.
        interval: the gain's interval with what it is made of.
        control: the interval of the gain over the control, None where there is none.
        margin: as given.
    """

    word: Word
    gain: float
    low: float
    high: float
    sentence: str
    detectable: float
    reason: Reason
    comparison: Word
    needed: int | None
    interval: SmallInterval
    control: SmallInterval | None
    margin: float


def conclude(
    pair: Paired, control: Paired | None, margin: float, names: Names | None = None
) -> PairedVerdict:
    """Say what the comparison and the control together allow to say.

    Each word is said of synthesis, so each is asked of two gains: over the classifier without, and over the
    control, which differs in synthesis alone. Only where both say it, it is said (an intersection-union test,
    Berger 1982: asking for both never makes a word more likely). Without a control the word is
    "inconclusive", and the sentence says what the comparison came to: something else than synthesis may be
    behind it.

    Args:
        pair: with synthesis against without.
        control: with synthesis against its control. The same object as ``pair`` where the classifier without
            is the control.
        margin: what a difference must exceed to matter, > 0.
        names: for the sentence.

    Raises:
        ConfigError: if the margin is not a number above 0.
    """
    if not (math.isfinite(margin) and margin > 0):
        raise ConfigError(f"the equivalence margin must be a number above 0, e.g. 0.01, got {margin!r}")
    comparison, reason = pair.word(margin)
    word = comparison
    if comparison != "inconclusive":
        if control is None:
            word, reason = "inconclusive", "no_control"
        elif control.word(margin)[0] != comparison:
            word, reason = "inconclusive", "control"
    found = pair.interval
    result = PairedVerdict(
        word=word,
        gain=found.gain,
        low=found.low,
        high=found.high,
        sentence="",
        detectable=found.detectable,
        reason=reason,
        comparison=comparison,
        needed=needed_rare(found, max(margin, abs(found.gain))),
        interval=found,
        control=None if control is None else control.interval,
        margin=margin,
    )
    return replace(result, sentence=_sentence(result, names or Names()))


def needed_rare(found: SmallInterval, gain: float) -> int | None:
    """Return how many units of the rarest class would show ``gain`` in 4 of 5 studies, None where none would.

    All classes grow alike, the number of seeds stays.
    """
    rarest = found.rarest

    def enough(count: int) -> bool:
        return found.times(count / rarest).detectable <= gain

    high = FEWEST
    if enough(high):
        return high
    while not enough(high):
        if high > MOST_NEEDED:
            return None
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def in_points(value: float, *, sign: bool = True) -> str:
    """Write a score in points, 0.0142 as "+1.4"; what rounds to zero keeps the digits that show its side."""
    text = f"{100 * value:.1f}"
    if float(text) == 0:
        text = f"{100 * value:.2g}" if abs(value) > 1e-12 else "0.0"
    return f"+{text}" if sign and value > 1e-12 else text


def _sentence(said: PairedVerdict, names: Names) -> str:
    """Return the verdict in plain words, in points (hundredths of the metric)."""
    margin = in_points(said.margin, sign=False)
    verb = {"helps": "gains", "hurts": "loses"}.get(said.comparison, "changes")
    size = in_points(abs(said.gain), sign=False) if verb == "loses" else in_points(said.gain)
    span = f"{100 * said.interval.confidence:g} % interval {in_points(said.low)} to {in_points(said.high)}"
    start = {
        "helps": "Synthesis helps",
        "hurts": "Synthesis hurts",
        "equivalent": f"Synthesis makes no difference above the margin of {margin} points",
        "inconclusive": "Inconclusive",
    }[said.word]
    text = f"{start}: {names.new} {verb} {size} points of {names.metric} against {names.old} ({span})"
    text += f"{_why(said, names)}."
    if said.word in ("helps", "hurts") and -said.margin < said.low and said.high < said.margin:
        text += f" The difference is smaller than the margin of {margin} points."
    return text + _reach(said, names)


def _why(said: PairedVerdict, names: Names) -> str:
    """Return the clause that says why nothing can be concluded, empty where something is."""
    rare = _count(said.interval.rarest, names)
    other = said.control
    if said.reason == "control" and other is not None:
        return (
            f", but against {names.control}, which differs in synthesis alone, it is {in_points(other.gain)} "
            f"points ({in_points(other.low)} to {in_points(other.high)}): something else may be behind it"
        )
    if said.reason == "no_control":
        return (
            ", but no control, which differs in synthesis alone, was given: something else may be behind it"
        )
    if said.reason == "alike":
        return f", and no test {names.unit} was decided differently; with {rare} a difference can hide"
    if said.reason == "few_changed":
        changed = f"only {_plural(said.interval.changed, names.unit)} came out differently"
        return f", but {changed if said.interval.discrete else rare}, too few to exclude chance"
    if said.reason == "wide":
        return f", which leaves open whether that is a gain or a loss; the test part has {rare}"
    return ""


def _reach(said: PairedVerdict, names: Names) -> str:
    """Return the sentences on what such a study can show, and what it would need."""
    seen = in_points(said.detectable, sign=False)
    text = f" The smallest gain that 4 of 5 such studies find is {seen} points."
    if not math.isfinite(said.detectable):
        text = " No gain of any size would be found in 4 of 5 such studies."
    if said.reason not in ("alike", "few_changed", "wide"):
        return text
    target = in_points(max(said.margin, abs(said.gain)), sign=False)
    if said.needed is None:
        return f"{text} For one of {target} points more seeds are needed, not only more test {names.unit}s."
    if said.needed <= said.interval.rarest:
        return text
    return (
        f"{text} One of {target} points would take about {said.needed:,} {names.unit}s of the rarest class."
    )


def _count(units: float, names: Names) -> str:
    named = f" ({names.rarest})" if names.rarest else ""
    return f"{_plural(round(units), names.unit)} of the rarest class{named}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
