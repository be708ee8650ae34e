"""One verdict over all folds: what each fold chose for itself, put together case by case.

Every case was held out in one fold, where a generator, filters and models that never saw it, and choices that
it had no part in, came to a prediction of it. What is compared is therefore two ways of working: choose and
train with synthesis, or choose and train without. The interval allows for what the fits of one fold have in
common, see :mod:`augmentor.statistics.small_samples`, equation (3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from augmentor.core.errors import DataError
from augmentor.core.points import in_points
from augmentor.core.samples import Samples, concatenate
from augmentor.downstream.base import Scored
from augmentor.experiment.answers import ALONE, ASKED, OPEN, SAYS, Answer, Question
from augmentor.experiment.arm_words import SYNTHETIC_DATA
from augmentor.experiment.evidence_of import evidence_of
from augmentor.experiment.spec import EvaluationSpec
from augmentor.statistics.evidence import Evidence
from augmentor.statistics.paired_verdict import Names, Paired, PairedVerdict, conclude

WITH, WITHOUT, CONTROL = "with", "without", "control"
QUESTIONS: Final[Mapping[Question, tuple[str, str]]] = {
    "synthetic_rows": ("rows", "rows_control"),
    "critic_start": ("start", "start_control"),
}
"""For each question the roles of its arm and of that arm's control."""

NEW = "the training with synthesis that each fold chose"
OLD = "the best training without it that each fold chose"
ALIKE = "the same trainings without anything synthetic"


@dataclass(frozen=True)
class Pooled:
    """The answer over all folds.

    Attributes:
        verdict: on the trainings that each fold chose.
        answers: the two questions, each of the arms that the folds chose for it.
    """

    verdict: PairedVerdict
    answers: tuple[Answer, ...]


def pooled(spec: EvaluationSpec, folds: Sequence[Mapping[str, Scored]], plural: str) -> Pooled:
    """Return verdict and answers over all folds.

    Args:
        spec: names question, metric, margin and confidence.
        folds: for each fold, predictions of its test part by role: :data:`WITH`, :data:`WITHOUT`,
            :data:`CONTROL` and the roles in :data:`QUESTIONS`. A role that a fold does not have is asked of
            none.
        plural: what samples are called.

    Raises:
        DataError: if there are fewer than two folds, or a fold lacks one of the first two roles.
    """
    evidence = evidence_over_folds(spec, folds)
    statistics = spec.statistics
    pairs = _Pairs(evidence, statistics.confidence)
    metric = spec.downstream.metrics[spec.primary_metric].words
    names = Names(
        new=NEW,
        old=OLD,
        control=ALIKE,
        metric=metric,
        unit="case" if evidence.groups is None else "group",
        rarest=evidence.rarest,
        subject=SYNTHETIC_DATA[0],
        advice=SYNTHETIC_DATA[1],
    )
    verdict = conclude(pairs.of(WITH, WITHOUT), pairs.asked(WITH, CONTROL), statistics.margin, names)
    verdict = replace(
        verdict, sentence=f"{verdict.sentence} Every case was tested once, in {len(folds)} folds."
    )
    made = [
        _answer(question, pairs.asked(*roles), metric, statistics.margin, plural, len(folds))
        for question, roles in QUESTIONS.items()
    ]
    return Pooled(verdict, tuple(made))


def evidence_over_folds(spec: EvaluationSpec, folds: Sequence[Mapping[str, Scored]]) -> Evidence:
    """Return the evidence of all folds together, by role; each case's value is taken inside its fold.

    A placement (of the AUROC) is held against cases of the same fold alone: scores of different models are
    on no common scale.

    Raises:
        DataError: if there are fewer than two folds, or a fold lacks an arm or its baseline.
    """
    if len(folds) < 2 or any(not {WITH, WITHOUT} <= set(fold) for fold in folds):
        raise DataError(f"two or more folds, each with an arm and its baseline, are needed, got {len(folds)}")
    roles = [role for role in folds[0] if all(role in fold for fold in folds)]
    samples = concatenate([fold[WITH].samples for fold in folds])
    apart = [evidence_of(spec, {role: fold[role] for role in roles}) for fold in folds]
    sizes = [len(fold[WITH].samples) for fold in folds]
    held: NDArray[Any] = np.repeat(np.arange(len(folds)), sizes)
    whole = evidence_of(spec, {role: _joined(folds, role, samples) for role in roles}, folds=held)
    values = {
        role: replace(one, table=np.concatenate([part.values[role].table for part in apart], axis=1))
        for role, one in whole.values.items()
    }
    return replace(whole, values=values)


def _joined(folds: Sequence[Mapping[str, Scored]], role: str, samples: Samples) -> Scored:
    """Return a role's predictions of all folds, and what classes are chosen by."""
    predictions = np.concatenate([fold[role].predictions for fold in folds], axis=1)
    return Scored(predictions, samples, np.concatenate([fold[role].chosen for fold in folds], axis=1))


@dataclass(frozen=True)
class _Pairs:
    """Comparisons of roles."""

    evidence: Evidence
    confidence: float

    def of(self, new: str, old: str) -> Paired:
        return self.evidence.paired(new, old, self.confidence)

    def asked(self, new: str, old: str) -> Paired | None:
        values = self.evidence.values
        return self.of(new, old) if new in values and old in values else None


def _answer(
    question: Question, pair: Paired | None, metric: str, margin: float, plural: str, folds: int
) -> Answer:
    asked = ASKED[question].format(plural=plural)
    if pair is None:
        return Answer(question, asked, "Not asked: not every fold has an arm and a control that can tell.")
    word, reason = pair.word(margin)
    says = "No, it does harm" if (word, question) == ("hurts", "critic_start") else SAYS[word]
    found = pair.interval
    sentence = (
        f"{says}. Over {folds} folds it changes {metric} by {in_points(found.gain)} points "
        f"({100 * found.confidence:g} % interval {in_points(found.low)} to {in_points(found.high)}) against "
        f"{ALONE[question].format(plural=plural)}{OPEN.get(reason, '')}."
    )
    return Answer(question, asked, sentence, word, reason)
