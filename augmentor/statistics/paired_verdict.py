"""From changes to a word, with a control, and only where the cases can carry it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from augmentor.core.case_values import CaseValues
from augmentor.core.errors import ConfigError
from augmentor.core.points import in_points
from augmentor.statistics.design import Design
from augmentor.statistics.exact import sign_flip_p
from augmentor.statistics.score import score_of
from augmentor.statistics.small_samples import Changes, SmallInterval, small_interval

Word = Literal["helps", "hurts", "equivalent", "inconclusive"]
Reason = Literal[
    "decided", "alike", "few_changed", "wide", "unlearnt", "control", "no_control", "nothing_tested"
]

FEWEST = 5
"""No gain rests on fewer changed units: four all one way have a mid-P value of 0.0625."""

MOST_NEEDED = 10**6
"""More cases than this are not asked for: the seeds, not the cases, stand in the way then."""


@dataclass(frozen=True)
class Paired:
    """Two models on the same cases: the gain's interval, and the exact test where few cases decide.

    Attributes:
        interval: of the gain.
        mid_p: of the exact test; None where more cases changed than it is made for.
        learnt: whether one of the two is better than chance; two that have learnt nothing are not equivalent.
    """

    interval: SmallInterval
    mid_p: float | None
    learnt: bool = True

    @classmethod
    def between(
        cls,
        new: CaseValues,
        old: CaseValues,
        design: Design,
        *,
        folds: NDArray[Any] | None = None,
        confidence: float = 0.95,
    ) -> Paired:
        """Compare two models by what their cases are worth; further arguments as in :meth:`of`.

        A model is better than chance where the interval of its own score lies above that.
        """
        scores = [score_of(one, design, folds=folds, confidence=confidence) for one in (new, old)]
        found = cls.of(Changes.between(new, old), design, folds=folds, confidence=confidence)
        return replace(found, learnt=any(one.low > new.chance for one in scores))

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
        2. equivalent: the whole interval lies strictly between -margin and margin, and one of the two is
           better than chance.
        3. inconclusive: anything else, as neither has learnt anything (unlearnt), no case came out
           differently (alike), so few did that the exact test decides (few_changed), or the interval is too
           wide.
        """
        found = self.interval
        sided = found.low > 0 or found.high < 0
        if sided and (self.mid_p is None or self.mid_p <= 1 - found.confidence + 1e-12):
            return ("helps" if found.low > 0 else "hurts"), "decided"
        if -margin < found.low and found.high < margin:
            return ("equivalent", "decided") if self.learnt else ("inconclusive", "unlearnt")
        if not found.changed:
            return "inconclusive", "alike"
        return "inconclusive", ("wide" if self.mid_p is None else "few_changed")


@dataclass(frozen=True)
class Names:
    """What the sentence calls things.

    Attributes:
        new: the classifier with synthesis.
        old: the one without.
        control: the one that differs from the first in synthesis alone, "" where it has no name.
        metric: in words, e.g. "balanced accuracy".
        unit: what is counted, "case" or "group".
        rarest: the class with the fewest test cases, "" where it is not named.
        subject: begins the sentence.
        advice: what to do where it helps.
    """

    new: str = "the model with synthetic data"
    old: str = "the model without"
    control: str = ""
    metric: str = "balanced accuracy"
    unit: str = "case"
    rarest: str = ""
    subject: str = "Synthesis"
    advice: str = "Train with synthetic data"


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
            does not say the same, "no_control" where there is none, "nothing_tested" where no synthetic
            sample took part.
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


def _sentence(said: PairedVerdict, names: Names) -> str:
    """Return the verdict in plain words, in points (hundredths of the metric)."""
    margin = in_points(said.margin, sign=False)
    verb = {"helps": "gains", "hurts": "loses"}.get(said.comparison, "changes")
    size = in_points(abs(said.gain), sign=False) if verb == "loses" else in_points(said.gain)
    span = f"{100 * said.interval.confidence:g} % interval {in_points(said.low)} to {in_points(said.high)}"
    start = {
        "helps": f"{names.subject} helps",
        "hurts": f"{names.subject} hurts",
        "equivalent": f"{names.subject} makes no difference above the margin of {margin} points",
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
    alone = "which differs in synthesis alone"
    if said.reason == "control" and other is not None:
        return (
            f", but against {names.control or 'the control'}, {alone}, it is {in_points(other.gain)} "
            f"points ({in_points(other.low)} to {in_points(other.high)}): something else may be behind it"
        )
    if said.reason == "no_control":
        lacking = f"its control, {names.control}, {alone}, was not trained"
        if not names.control:
            lacking = f"no control, {alone}, was given"
        return f", but {lacking}: something else may be behind it"
    if said.reason == "unlearnt":
        return ", but neither is better than chance: what has learnt nothing cannot show a difference"
    if said.reason == "alike":
        return f", and no test {names.unit} was decided differently; with {rare} a difference can hide"
    if said.reason == "few_changed":
        changed = f"only {plural(said.interval.changed, names.unit)} came out differently"
        return f", but {changed if said.interval.discrete else rare}, too few to exclude chance"
    if said.reason == "wide":
        return f", which leaves open whether that is a gain or a loss; the test part has {rare}"
    return ""


def _reach(said: PairedVerdict, names: Names) -> str:
    """Return the sentences on what such a study can show, and what it would need."""
    text = " No gain of any size would be found in 4 of 5 such studies."
    if math.isfinite(said.detectable):
        seen = in_points(said.detectable, sign=False)
        text = f" The smallest gain that 4 of 5 such studies find is {seen} points."
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
    return f"{plural(round(units), names.unit)} of the rarest class{named}"


def plural(count: int, noun: str) -> str:
    """Return a number with its noun, in the plural where there are several."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
