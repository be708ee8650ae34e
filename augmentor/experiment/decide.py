"""From every arm's probabilities to intervals, gains and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentor.core.errors import ConfigError, DataError
from augmentor.downstream.scores import PRIMARY_METRICS, checked, contributions
from augmentor.experiment.arm_words import subject
from augmentor.experiment.arms import Arm, controls_of
from augmentor.experiment.recommend import Recommendation, recommend
from augmentor.experiment.shift import shift_note
from augmentor.experiment.verdict import Verdict, points, sentence, verdict
from augmentor.statistics.design import Design
from augmentor.statistics.intervals import UNSEEN, Interval, intervals
from augmentor.statistics.variance import Needed, needed

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


def decide(
    test: Mapping[str, NDArray[Any]],
    validation: Mapping[str, NDArray[Any]],
    y_test: NDArray[Any],
    y_validation: NDArray[Any],
    classes: Sequence[str],
    arms: Mapping[str, Arm],
    *,
    groups: NDArray[Any] | None = None,
    primary_metric: str = "balanced_accuracy",
    margin: float = 0.01,
    replicates: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    empty_arms: Sequence[str] = (),
    validation_groups: NDArray[Any] | None = None,
) -> Decision:
    """Choose arm and baseline on validation, then measure the gain on the test part.

    The baseline is the non-synthetic arm with the best mean validation score over seeds, the arm
    the best synthetic one that also trains on real data; ties go to the arm named first. The test
    part plays no role in the choice. Every synthetic arm present is compared with that baseline;
    only the chosen arm's interval carries the verdict, the others are read as description.

    Args:
        test: arm name to probabilities (S, N, K) on the test part, the same seeds in the same order
            for every arm.
        validation: the same on the validation part, (S, M, K).
        y_test: (N,) labels.
        y_validation: (M,) labels.
        classes: K names.
        arms: the arms by name, derived ones as they were settled. Of one whose control is there too, "helps"
            is said only where it gains over both the baseline and its control: each alone could be luck or
            another difference, and asking for both never makes the word more likely (an intersection-union
            test, Berger 1982).
        groups: (N,) groups (patients) of the test cases, or None.
        primary_metric: balanced_accuracy, macro_auroc or accuracy.
        margin: equivalence margin in units of the metric.
        replicates: bootstrap replicates.
        confidence: of the intervals; those of the class-wise recall changes are simultaneous over
            the classes (Bonferroni: each at 1 - (1 - confidence) / K).
        seed: of the bootstrap.
        empty_arms: synthetic arms without a synthetic row. They are judged only where no other is
            left, and then the verdict is inconclusive whatever the interval: nothing was tested.
        validation_groups: (M,) groups of the validation cases, or None.

    Raises:
        ConfigError: if a metric is not known or no arm is left to compare.
        DataError: if probabilities and labels do not fit each other.
    """
    if primary_metric not in PRIMARY_METRICS:
        raise ConfigError(
            f"the primary metric is one of {', '.join(PRIMARY_METRICS)}, got {primary_metric!r}"
        )
    tested = _stacked(test, y_test, len(classes))
    held = _stacked(validation, y_validation, len(classes))
    if list(tested) != list(held):
        raise DataError(f"test and validation need the same arms, got {list(tested)} and {list(held)}")
    y_test, y_validation = np.asarray(y_test, np.int64), np.asarray(y_validation, np.int64)
    means = validation_means(held, y_validation, primary_metric)
    filled = {name: mean for name, mean in means.items() if name not in empty_arms}
    choosable = any(_can_be_judged(arms[name]) for name in filled)
    arm, baseline = choose(filled if choosable else means, arms)
    design = Design.of(y_test, groups)
    against = [name for name in tested if arms[name].is_synthetic]
    controls = controls_of({name: arms[name] for name in tested})
    pairs = {name: controls[name] for name in against if name in controls}
    found = _measure(
        tested, against, baseline, primary_metric, y_test, design, confidence, replicates, seed, pairs
    )
    result = verdict(found.gain[arm], margin)
    what = subject(arms[arm])
    said = sentence(result, subject=what, arm=arm, baseline=baseline, metric=primary_metric)
    beyond: list[str] = []
    if pairs.get(arm, baseline) != baseline:
        result, said, words = beyond_control(result, said, found.alone[arm], arm=arm, control=pairs[arm])
        beyond.append(words)
    if arm in empty_arms:
        result, said = replace(result, word="inconclusive"), NOTHING_TESTED
    advice = recommend(
        held[arm], held[baseline], y_validation, validation_groups,
        subject=what, arm=arm, baseline=baseline, metric=primary_metric, tested=arm not in empty_arms,
    )  # fmt: skip
    moved = shift_note(
        held[baseline], tested[baseline], y_validation, y_test,
        validation_groups=validation_groups, groups=groups, metric=primary_metric, arm=baseline,
    )  # fmt: skip
    return Decision(
        arm=arm,
        baseline=baseline,
        verdict=result,
        sentence=said,
        needed=needed(result.interval.components, margin, confidence),
        recommendation=advice,
        validation=means,
        rows=_rows(found, primary_metric, margin, [classes[int(k)] for k in design.present]),
        notes=[
            *beyond,
            *_notes(design, classes, next(iter(tested.values())).shape[0]),
            *([moved] if moved else []),
        ],
    )


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


def validation_means(held: Mapping[str, Floats], y: NDArray[np.int64], metric: str) -> dict[str, float]:
    """Return the mean over seeds of the metric of every arm; probabilities are (S, N, K)."""
    design = Design.of(y)
    return {
        name: float(design.class_means(contributions(metric, p, y)).sum(axis=1).mean())
        for name, p in held.items()
    }


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
    own: dict[str, Interval]
    gain: dict[str, Interval]
    recall: dict[str, list[Interval]]
    alone: dict[str, Interval]


def _rows(found: _Measured, metric: str, margin: float, present: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of all intervals; ``present`` names the classes that have test cases."""
    rows: list[dict[str, Any]] = []
    for name, interval in found.own.items():
        rows += _interval_rows(name, metric, interval)
    for name, interval in found.gain.items():
        rows += _gain_rows(name, interval, margin)
        for label, recall in zip(present, found.recall[name], strict=True):
            rows += _recall_rows(name, label, recall)
        if name in found.alone:
            rows += _control_rows(name, found.alone[name])
    return rows


def _measure(
    arms: Mapping[str, Floats],
    against: Sequence[str],
    baseline: str,
    metric: str,
    y: NDArray[np.int64],
    design: Design,
    confidence: float,
    replicates: int,
    seed: int,
    pairs: Mapping[str, str],
) -> _Measured:
    names = list(arms)
    hits = [(p.argmax(axis=-1) == y).astype(np.float64) for p in arms.values()]
    primary = [contributions(metric, p, y) for p in arms.values()]
    n_arms, n_classes = len(names), design.present.size
    place = {name: index for index, name in enumerate(names)}
    targets: list[Floats] = []
    levels: list[float] = []
    unseen: list[float] = []

    def ask(plus: int, minus: int | None, k: int | None, level: float) -> None:
        target = np.zeros((2 * n_arms, n_classes))
        columns = slice(None) if k is None else k
        target[plus, columns] = 1.0
        if minus is not None:
            target[minus, columns] = -1.0
        targets.append(target)
        levels.append(level)
        unseen.append(UNSEEN.get(metric, 0.0) if k is None else 0.0)

    for name in names:
        ask(place[name], None, None, confidence)
    for name in against:
        ask(place[name], place[baseline], None, confidence)
    for name in against:
        for k in range(n_classes):
            each = 1 - (1 - confidence) / n_classes
            ask(n_arms + place[name], n_arms + place[baseline], k, each)
    for name, control in pairs.items():
        ask(place[name], place[control], None, confidence)
    found = iter(
        intervals(
            np.stack(primary + hits),
            np.stack(targets),
            design,
            confidence=levels,
            unseen=unseen,
            replicates=replicates,
            seed=seed,
        )
    )
    own = {name: next(found) for name in names}
    gain = {name: next(found) for name in against}
    recall = {name: [next(found) for _ in range(n_classes)] for name in against}
    return _Measured(own, gain, recall, {name: next(found) for name in pairs})


def _stacked(arms: Mapping[str, NDArray[Any]], y: NDArray[Any], n_classes: int) -> dict[str, Floats]:
    result = {}
    for name, values in arms.items():
        p = np.asarray(values, dtype=np.float64)
        if p.ndim != 3 or not p.shape[0]:
            raise DataError(f"probabilities of arm {name!r} must be (seeds, cases, classes), got {p.shape}")
        for one in p:
            checked(one, y, n_classes)
        result[name] = p
    seeds = {name: p.shape[0] for name, p in result.items()}
    if len(set(seeds.values())) > 1:
        raise DataError(f"arms are compared on the same seeds, got these numbers of seeds: {seeds}")
    return result


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


def _recall_rows(arm: str, name: str, interval: Interval) -> list[dict[str, Any]]:
    return [
        _row(arm, "recall_delta", interval.estimate, True, name),
        _row(arm, "recall_delta_low", _bounded(interval.low), True, name),
        _row(arm, "recall_delta_high", _bounded(interval.high), True, name),
    ]


def _notes(design: Design, classes: Sequence[str], n_seeds: int) -> list[str]:
    notes = []
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
