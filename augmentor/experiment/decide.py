"""From every arm's predictions to intervals, gains and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentor.core.errors import ConfigError, DataError
from augmentor.downstream.base import Scored
from augmentor.experiment.arm_words import subject
from augmentor.experiment.arms import Arm, controls_of
from augmentor.experiment.spec import EvaluationSpec, StatisticsSpec
from augmentor.statistics.advice import Recommendation, recommend
from augmentor.statistics.evidence import Contrast, Evidence, measure
from augmentor.statistics.intervals import Interval
from augmentor.statistics.shift import shift_note
from augmentor.statistics.variance import Needed, needed
from augmentor.statistics.verdict import Verdict, sentence, verdict
from augmentor.statistics.words import Named, points

Floats = NDArray[np.float64]

NOTHING_TESTED = (
    "Inconclusive: no synthetic sample passed the filters, so nothing was added to the training data and "
    "nothing was tested."
)

# Below this many cases (or groups) in a class, measured coverage falls short: docs/concepts/verdict.md.
FEW_UNITS = 30


@dataclass(frozen=True)
class Decision:
    """What the comparison of the arms came to.

    Attributes:
        arm: the synthetic arm that the verdict is about.
        baseline: the arm it is held against.
        verdict: word, interval, margin.
        sentence: the verdict in plain words.
        needed: test cases and seeds that would have shown an effect of the size of the margin.
        recommendation: whether to train with the arm at all, by the validation part alone.
        validation: mean validation score of each arm, what the choice was made by.
        rows: dictionaries with arm, split, metric, class, value, greater_is_better.
        notes: sentences on what limits the numbers.
    """

    arm: str
    baseline: str
    verdict: Verdict
    sentence: str
    needed: Needed
    recommendation: Recommendation
    validation: dict[str, float]
    rows: list[dict[str, Any]]
    notes: list[str]


def evidence_of(spec: EvaluationSpec, scored: Mapping[str, Scored], *, by_stratum: bool = False) -> Evidence:
    """Return what the arms' predictions of one part are worth, case by case.

    Args:
        spec: names the question and the primary metric.
        scored: by arm, predictions of the same part at the same seeds.
        by_stratum: whether changes of single strata will be asked for.

    Raises:
        DataError: if predictions and samples do not fit each other, or there is none.
    """
    if not scored:
        raise DataError("there is no arm to compare")
    question, metric = spec.downstream, spec.primary_metric
    samples = next(iter(scored.values())).samples
    tables: dict[str, Floats] = {}
    others: dict[str, dict[str, Floats]] = {}
    for name, one in scored.items():
        tables[name] = question.contributions(metric, one.predictions, samples)
        for kind, table in question.by_stratum(one.predictions, samples).items() if by_stratum else ():
            others.setdefault(kind, {})[name] = table
    return Evidence(
        tables,
        question.strata(samples),
        samples.classes,
        groups=samples.group,
        unseen=question.metrics[metric].unseen,
        by_stratum=others,
    )


def named_pair(spec: EvaluationSpec, arm: Arm, name: str, baseline: str) -> Named:
    """Return how a comparison of the arm ``name`` with a baseline is worded."""
    return Named(name, baseline, spec.downstream.metrics[spec.primary_metric].words, subject(arm))


def decide(
    held: Evidence,
    tested: Evidence,
    arms: Mapping[str, Arm],
    spec: EvaluationSpec,
    *,
    seed: int = 0,
    empty_arms: Sequence[str] = (),
) -> Decision:
    """Choose arm and baseline on validation, then measure the gain on the test part.

    The baseline is the non-synthetic arm with the best mean validation score over seeds, the arm
    the best synthetic one that also trains on real data; ties go to the arm named first. The test
    part plays no role in the choice. Every synthetic arm present is compared with that baseline;
    only the chosen arm's interval carries the verdict, the others are read as description.

    Args:
        held: of the validation part.
        tested: of the test part, the same arms in the same order.
        arms: the arms by name, derived ones as they were settled. Of one whose control is there too, "helps"
            is said only where it gains over both the baseline and its control: each alone could be luck or
            another difference, and asking for both never makes the word more likely (an intersection-union
            test, Berger 1982).
        spec: names the metric, margin, replicates and confidence. Intervals of changes by stratum are
            simultaneous over the strata (Bonferroni: each at 1 - (1 - confidence) / K).
        seed: of the bootstrap.
        empty_arms: synthetic arms without a synthetic row. They are judged only where no other is
            left, and then the verdict is inconclusive whatever the interval: nothing was tested.

    Raises:
        ConfigError: if no arm is left to compare.
        DataError: if the two parts do not hold the same arms.
    """
    names = list(tested.tables)
    if names != list(held.tables):
        raise DataError(f"test and validation need the same arms, got {names} and {list(held.tables)}")
    means = held.means
    filled = {name: mean for name, mean in means.items() if name not in empty_arms}
    choosable = any(_can_be_judged(arms[name]) for name in filled)
    arm, baseline = choose(filled if choosable else means, arms)
    controls = controls_of({name: arms[name] for name in names})
    found = _measure(tested, arms, baseline, controls, spec.statistics, seed)
    named = named_pair(spec, arms[arm], arm, baseline)
    result, said, beyond = _verdict(found, named, controls, spec.statistics.margin)
    if arm in empty_arms:
        result, said = replace(result, word="inconclusive"), NOTHING_TESTED
    moved = shift_note(held, tested, baseline)
    present = [tested.names[int(k)] for k in tested.design.present]
    return Decision(
        arm=arm,
        baseline=baseline,
        verdict=result,
        sentence=said,
        needed=needed(result.interval.components, spec.statistics.margin, spec.statistics.confidence),
        recommendation=recommend(held, named, tested=arm not in empty_arms),
        validation=means,
        rows=_rows(found, spec.primary_metric, spec.statistics.margin, present),
        notes=[*beyond, *_notes(tested), *([moved] if moved else [])],
    )


def _verdict(
    found: _Measured, named: Named, controls: Mapping[str, str], margin: float
) -> tuple[Verdict, str, list[str]]:
    """Return verdict, sentence and notes, with the gain over the control asked for too where there is one."""
    result = verdict(found.gain[named.arm], margin)
    said = sentence(result, named)
    if controls.get(named.arm, named.baseline) == named.baseline:
        return result, said, []
    result, said, words = beyond_control(
        result, said, found.alone[named.arm], arm=named.arm, control=controls[named.arm]
    )
    return result, said, [words]


def beyond_control(
    found: Verdict, said: str, gain: Interval, *, arm: str, control: str
) -> tuple[Verdict, str, str]:
    """Return verdict and sentence with the gain over the control asked for too, and a note on that gain."""
    words = (
        f"{arm} and {control} differ in synthesis alone: {points(gain.estimate)} points "
        f"({100 * gain.confidence:g} % interval {points(gain.low)} to {points(gain.high)})."
    )
    if found.word != "helps" or gain.low > 0:
        return found, said, words
    less = f"Inconclusive: {said.partition(' helps: ')[2]}"
    return (
        replace(found, word="inconclusive"),
        f"{less} But {control}, which has nothing synthetic, may gain as much: {arm} changes "
        f"{points(gain.estimate)} points against it ({points(gain.low)} to {points(gain.high)}).",
        words,
    )


def choose(means: Mapping[str, float], arms: Mapping[str, Arm]) -> tuple[str, str]:
    """Return the best synthetic arm that also trains on real rows, and the best arm without synthesis.

    Raises:
        ConfigError: if one side has no arm.
    """
    ours = [name for name in means if _can_be_judged(arms[name])]
    theirs = [name for name in means if not arms[name].is_synthetic]
    if not ours or not theirs:
        raise ConfigError(
            "a verdict needs an arm with real and synthetic data (such as filtered) and an arm without "
            f"synthetic data (such as classical), got {', '.join(means) or 'none'}"
        )
    return max(ours, key=means.__getitem__), max(theirs, key=means.__getitem__)


def _can_be_judged(arm: Arm) -> bool:
    return arm.is_synthetic and arm.rows.real


@dataclass(frozen=True)
class _Measured:
    """Intervals of every arm's score, and of synthetic arms: gain, changes by stratum, gain over control."""

    own: dict[str, Interval]
    gain: dict[str, Interval]
    changes: dict[str, dict[str, list[Interval]]]
    alone: dict[str, Interval]


def _measure(
    tested: Evidence,
    arms: Mapping[str, Arm],
    baseline: str,
    controls: Mapping[str, str],
    statistics: StatisticsSpec,
    seed: int,
) -> _Measured:
    names, level = list(tested.tables), statistics.confidence
    against = [name for name in names if arms[name].is_synthetic]
    strata = range(tested.design.present.size)
    each = 1 - (1 - level) / len(strata)
    pairs = {name: controls[name] for name in against if name in controls}
    asked = [Contrast(name, confidence=level) for name in names]
    asked += [Contrast(name, baseline, confidence=level) for name in against]
    asked += [
        Contrast(name, baseline, table=kind, stratum=k, confidence=each)
        for kind in tested.by_stratum
        for name in against
        for k in strata
    ]
    asked += [Contrast(name, control, confidence=level) for name, control in pairs.items()]
    found = iter(measure(tested, asked, replicates=statistics.bootstrap, seed=seed))
    own = {name: next(found) for name in names}
    gain = {name: next(found) for name in against}
    changes = {kind: {name: [next(found) for _ in strata] for name in against} for kind in tested.by_stratum}
    return _Measured(own, gain, changes, {name: next(found) for name in pairs})


def _rows(found: _Measured, metric: str, margin: float, present: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of all intervals; ``present`` names the strata that have test cases."""
    rows: list[dict[str, Any]] = []
    for name, interval in found.own.items():
        rows += _interval_rows(name, metric, interval)
    for name, interval in found.gain.items():
        rows += _gain_rows(name, interval, margin)
        for kind, by_arm in found.changes.items():
            for label, change in zip(present, by_arm[name], strict=True):
                rows += _change_rows(name, kind, label, change)
        if name in found.alone:
            rows += _control_rows(name, found.alone[name])
    return rows


def _row(arm: str, metric: str, value: float, better: bool | None, name: str | None = None) -> dict[str, Any]:
    return {
        "arm": arm,
        "split": "test",
        "metric": metric,
        "class": name,
        "value": value,
        "greater_is_better": better,
    }


def _bounded(value: float, lowest: float = -1.0) -> float:
    """Return ``value`` inside what is possible: few seeds make intervals wider than the scale.

    A score lies in [0, 1] and a difference of scores in [-1, 1].
    """
    return min(max(value, lowest), 1.0)


def _interval_rows(arm: str, metric: str, interval: Interval) -> list[dict[str, Any]]:
    return [
        _row(arm, f"{metric}_low", _bounded(interval.low, 0.0), True),
        _row(arm, f"{metric}_high", _bounded(interval.high, 0.0), True),
    ]


def _gain_rows(arm: str, interval: Interval, margin: float) -> list[dict[str, Any]]:
    return [
        _row(arm, "delta", interval.estimate, True),
        _row(arm, "delta_low", _bounded(interval.low), True),
        _row(arm, "delta_high", _bounded(interval.high), True),
        _row(arm, "minimum_detectable", interval.minimum_detectable, False),
        _row(arm, "margin", margin, None),
    ]


def _control_rows(arm: str, interval: Interval) -> list[dict[str, Any]]:
    return [
        _row(arm, "delta_control", interval.estimate, True),
        _row(arm, "delta_control_low", _bounded(interval.low), True),
        _row(arm, "delta_control_high", _bounded(interval.high), True),
    ]


def _change_rows(arm: str, kind: str, name: str, interval: Interval) -> list[dict[str, Any]]:
    return [
        _row(arm, f"{kind}_delta", interval.estimate, True, name),
        _row(arm, f"{kind}_delta_low", _bounded(interval.low), True, name),
        _row(arm, f"{kind}_delta_high", _bounded(interval.high), True, name),
    ]


def _notes(tested: Evidence) -> list[str]:
    notes = []
    design, classes = tested.design, tested.names
    n_seeds = next(iter(tested.tables.values())).shape[0]
    if n_seeds == 1:
        notes.append("One seed: the interval holds for these trained classifiers, not for training again.")
    absent = [name for k, name in enumerate(classes) if k not in design.present]
    if absent:
        notes.append(f"No test case of {', '.join(absent)}: nothing is said about it.")
    units = [
        (classes[int(label)], block[1].size)
        for label, block in zip(design.present, design.blocks, strict=True)
    ]
    few = [f"{name} ({n})" for name, n in units if 1 < n < FEW_UNITS]
    if few:
        notes.append(
            f"Few independent test cases: {', '.join(few)}. Under {FEW_UNITS} in a class the intervals can "
            "be narrower than their name says."
        )
    lonely = [name for name, n in units if n == 1]
    if lonely:
        notes.append(
            f"One test case or group of {', '.join(lonely)}: its spread is taken from the other classes."
        )
    return notes
