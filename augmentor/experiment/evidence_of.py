"""From predictions to evidence: what the arms' predictions of one part are worth, case by case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentor.core.errors import DataError
from augmentor.downstream.base import Scored
from augmentor.experiment.arm_words import quoted, subject
from augmentor.experiment.arms import Arm
from augmentor.experiment.spec import EvaluationSpec
from augmentor.statistics.evidence import Evidence
from augmentor.statistics.paired_verdict import Names

Floats = NDArray[np.float64]


def evidence_of(
    spec: EvaluationSpec,
    scored: Mapping[str, Scored],
    *,
    by_stratum: bool = False,
    folds: NDArray[Any] | None = None,
) -> Evidence:
    """Return what the arms' predictions of one part are worth, case by case.

    Args:
        spec: names the question and the primary metric.
        scored: by arm, predictions of the same part at the same seeds.
        by_stratum: whether changes of single strata will be asked for.
        folds: (N,) the fold that each case was held out in; None for one part.

    Raises:
        DataError: if predictions and samples do not fit each other, or there is none.
    """
    if not scored:
        raise DataError("there is no arm to compare")
    question, metric = spec.downstream, spec.primary_metric
    samples = next(iter(scored.values())).samples
    named = question.metrics[metric]
    others: dict[str, dict[str, Floats]] = {}
    for name, one in scored.items() if by_stratum else ():
        for kind, table in question.by_stratum(one.chosen, samples).items():
            others.setdefault(kind, {})[name] = table
    return Evidence(
        {name: question.case_values(metric, one.read(named), samples) for name, one in scored.items()},
        question.strata(samples),
        samples.classes,
        groups=samples.group,
        folds=folds,
        by_stratum=others,
    )


def names_of(
    spec: EvaluationSpec, evidence: Evidence, arm: Arm, titles: Mapping[str, str], new: str, old: str
) -> Names:
    """Return how a comparison is worded.

    Args:
        spec: names the question and the primary metric.
        evidence: what the comparison rests on.
        arm: the synthetic arm.
        titles: what the arms are called.
        new: name of the synthetic arm.
        old: name of the baseline.
    """
    about, advice = subject(arm)
    return Names(
        new=quoted(titles[new]),
        old=quoted(titles[old]),
        metric=spec.downstream.metrics[spec.primary_metric].words,
        unit="case" if evidence.groups is None else "group",
        rarest=evidence.rarest,
        subject=about,
        advice=advice,
    )
