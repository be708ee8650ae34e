"""From what every arm's cases are worth to the verdict, the advice and the answers.

The verdict is that of :func:`augmentor.verdict`: :func:`augmentor.statistics.paired_verdict.conclude` on the
judged arm, the best arm without synthesis, and the judged arm's control.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.kinds import Kind
from augmentor.experiment.answers import Answer, answers, beside
from augmentor.experiment.arm_words import quoted, title
from augmentor.experiment.arms import Arm, control, name_of
from augmentor.experiment.comparisons import Comparisons
from augmentor.experiment.evidence_of import names_of
from augmentor.experiment.spec import EvaluationSpec
from augmentor.statistics.advice import Recommendation, recommend
from augmentor.statistics.evidence import Evidence
from augmentor.statistics.paired_verdict import PairedVerdict, conclude, plural
from augmentor.statistics.shift import shift_note

NOTHING_TESTED = (
    "Inconclusive: no synthetic sample passed the filters, so nothing was added to the training data and "
    "nothing was tested."
)


@dataclass(frozen=True)
class Decision:
    """What the comparison of the arms came to.

    Attributes:
        arm: the synthetic arm that the verdict is about.
        baseline: the arm that it is held against, the best without synthesis on the validation part.
        against: every arm that it is held against, by role (:data:`augmentor.core.facts.evaluation.DELTAS`).
        verdict: word, reason, intervals, sentence.
        beside: the gain over the other yardsticks, in a sentence.
        recommendation: whether to train with the arm at all, by the validation part alone.
        answers: the two questions, answered apart.
        validation: mean validation score of each arm, what the choice was made by.
        rows: dictionaries with arm, split, metric, class, value, greater_is_better.
        notes: sentences on what limits the numbers.
    """

    arm: str
    baseline: str
    against: dict[str, str]
    verdict: PairedVerdict
    beside: str
    recommendation: Recommendation
    answers: tuple[Answer, ...]
    validation: dict[str, float]
    rows: list[dict[str, Any]]
    notes: list[str]


@dataclass(frozen=True)
class Called:
    """What a decision calls things.

    Attributes:
        titles: of the arms, by name.
        kind: of the samples.
    """

    titles: Mapping[str, str]
    kind: Kind


def decide(
    held: Evidence,
    tested: Evidence,
    arms: Mapping[str, Arm],
    spec: EvaluationSpec,
    called: Called,
    *,
    empty_arms: Collection[str] = (),
) -> Decision:
    """Choose arm and baseline on validation, then measure the gain on the test part.

    The baseline is the non-synthetic arm with the best mean validation score over seeds, the arm
    the best synthetic one that also trains on real data; ties go to the arm named first. The test
    part plays no role in the choice. With fewer validation cases of the rarest class than the recipe's
    ``fewest_to_choose`` nothing is chosen, see :func:`fixed_choice`. Every synthetic arm present is compared
    with that baseline; only the chosen arm carries the verdict, the others are read as description.

    Args:
        held: of the validation part.
        tested: of the test part, the same arms in the same order.
        arms: the arms by name, derived ones as they were settled.
        spec: names the metric, margin, confidence and the baseline that is fixed beforehand.
        called: titles of the arms, and the nouns.
        empty_arms: synthetic arms without a synthetic row. They are judged only where no other is
            left, and then the verdict is inconclusive whatever the interval: nothing was tested.

    Raises:
        ConfigError: if no arm is left to compare.
        DataError: if the two parts do not hold the same arms.
    """
    names = list(tested.values)
    if names != list(held.values):
        raise DataError(f"test and validation need the same arms, got {names} and {list(held.values)}")
    means = held.means
    filled = {name: mean for name, mean in means.items() if name not in empty_arms}
    choosable = any(_can_be_judged(arms[name]) for name in filled)
    candidates = filled if choosable else means
    statistics = spec.statistics
    fixed = name_of(statistics.fixed_baseline)
    few = held.fewest < spec.fewest_to_choose
    arm, baseline = fixed_choice(list(candidates), arms, fixed) if few else choose(candidates, arms)
    found = Comparisons(tested, arms, baseline, fixed if fixed in names else None, statistics.confidence)
    result = _verdict(found, arm, spec, called.titles, empty=arm in empty_arms)
    named = names_of(spec, held, arms[arm], called.titles, arm, baseline)
    advice = recommend(
        held.paired(arm, baseline).interval, arm, baseline, named, tested=arm not in empty_arms
    )
    moved = shift_note(held, tested, baseline, quoted(called.titles[baseline]))
    return Decision(
        arm=arm,
        baseline=baseline,
        against=found.against(arm),
        verdict=result,
        beside="" if arm in empty_arms else beside(found, arm, called.titles),
        recommendation=advice.beside(result.word),
        answers=answers(
            found, means, called.titles, called.kind,
            metric=named.metric, margin=statistics.margin, empty=empty_arms,
        ),
        validation=means,
        rows=found.rows(spec.primary_metric, statistics.margin),
        notes=[
            *([_few_note(held, spec, called.titles[baseline])] if few else []),
            *_notes(tested),
            *([moved] if moved else []),
        ],
    )  # fmt: skip


def _verdict(
    found: Comparisons, arm: str, spec: EvaluationSpec, titles: Mapping[str, str], *, empty: bool
) -> PairedVerdict:
    against = found.against(arm)
    alone = against.get("control")
    named = names_of(spec, found.tested, found.arms[arm], titles, arm, found.baseline)
    named = replace(named, control=quoted(titles[alone] if alone else title(control(found.arms[arm]))))
    pair = found.pair(arm, "best_without")
    assert pair is not None
    result = conclude(pair, found.pair(arm, "control"), spec.statistics.margin, named)
    if empty:
        return replace(
            result, word="inconclusive", comparison="inconclusive", reason="nothing_tested",
            sentence=NOTHING_TESTED,
        )  # fmt: skip
    return result


def choose(means: Mapping[str, float], arms: Mapping[str, Arm]) -> tuple[str, str]:
    """Return the best synthetic arm that also trains on real rows, and the best arm without synthesis.

    Raises:
        ConfigError: if one side has no arm.
    """
    ours, theirs = _sides(list(means), arms)
    return max(ours, key=means.__getitem__), max(theirs, key=means.__getitem__)


def fixed_choice(names: Sequence[str], arms: Mapping[str, Arm], fixed: str) -> tuple[str, str]:
    """Return the arm and the baseline where the validation part has too few cases to choose on.

    The baseline is the one that was fixed beforehand, or the first without synthesis where that was not
    trained; the arm is the first synthetic one whose control the baseline is, or the first at all.

    Raises:
        ConfigError: if one side has no arm.
    """
    ours, theirs = _sides(names, arms)
    baseline = fixed if fixed in theirs else theirs[0]
    return next((name for name in ours if control(arms[name]) == arms[baseline]), ours[0]), baseline


def _sides(names: Sequence[str], arms: Mapping[str, Arm]) -> tuple[list[str], list[str]]:
    ours = [name for name in names if _can_be_judged(arms[name])]
    theirs = [name for name in names if not arms[name].is_synthetic]
    if not ours or not theirs:
        raise ConfigError(
            "a verdict needs an arm with real and synthetic data (such as filtered) and an arm without "
            f"synthetic data (such as classical), got {', '.join(names) or 'none'}"
        )
    return ours, theirs


def _can_be_judged(arm: Arm) -> bool:
    return arm.is_synthetic and arm.rows.real


def _few_note(held: Evidence, spec: EvaluationSpec, baseline: str) -> str:
    return (
        f"The validation part has {plural(held.fewest, 'independent case')} of {held.rarest}, and a choice "
        f"takes {spec.fewest_to_choose}: nothing was chosen on it. The baseline is {quoted(baseline)}, which "
        "was fixed beforehand, and the judged arm the first that adds synthesis to it."
    )


def _notes(tested: Evidence) -> list[str]:
    design, classes = tested.design, tested.names
    notes = []
    if tested.seeds == 1:
        notes.append("One seed: the interval holds for these trained classifiers, not for training again.")
    absent = [name for k, name in enumerate(classes) if k not in design.present]
    if absent:
        notes.append(f"No test case of {', '.join(absent)}: nothing is said about it.")
    return notes
