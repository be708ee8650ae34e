"""Scores by subgroup: whether a gain is there for women and men, for each site, for each scanner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from augmentor.core.errors import DataError
from augmentor.core.samples import Samples
from augmentor.downstream.base import Scored
from augmentor.experiment.evidence_of import evidence_of
from augmentor.experiment.spec import EvaluationSpec

MOST = 12
"""A column with more values than this tells no subgroups."""


def subgroup_rows(
    spec: EvaluationSpec, tested: Mapping[str, Scored], arm: str, baseline: str
) -> list[dict[str, Any]]:
    """Return rows of results on the subgroups of the test part: scores, counts and the judged arm's change.

    The intervals of the changes hold for all subgroups together (Bonferroni). The metric is that of the
    classes that a subgroup has; one in which it cannot be told has a count alone.

    Args:
        spec: names question, metric and confidence.
        tested: by arm, predictions of the test part.
        arm: the judged arm.
        baseline: what it is compared with.
    """
    samples = next(iter(tested.values())).samples
    if samples.subgroup is None:
        return []
    names = np.unique(samples.subgroup)
    if not 2 <= names.size <= MOST:
        return []
    rows = []
    for name in names:
        mine = np.flatnonzero(samples.subgroup == name)
        setting = {"subgroup": str(name)}
        rows.append(_row(None, "count", float(mine.size), setting))
        rows += _of_one(spec, tested, (arm, baseline), mine, setting, names.size)
    return rows


def _of_one(
    spec: EvaluationSpec,
    tested: Mapping[str, Scored],
    pair: tuple[str, str],
    mine: np.ndarray[Any, Any],
    setting: Mapping[str, str],
    of: int,
) -> list[dict[str, Any]]:
    samples: Samples = next(iter(tested.values())).samples.take(mine)
    part = {name: Scored(one.predictions[:, mine], samples) for name, one in tested.items()}
    try:
        found = evidence_of(spec, part)
    except DataError:
        return []  # e.g. an AUROC of one class
    rows = [_row(name, spec.primary_metric, mean, setting) for name, mean in found.means.items()]
    change = found.paired(*pair, 1 - (1 - spec.statistics.confidence) / of).interval
    ends = (("delta", change.gain), ("delta_low", change.low), ("delta_high", change.high))
    return [*rows, *(_row(pair[0], metric, value, setting) for metric, value in ends)]


def _row(arm: str | None, metric: str, value: float, setting: Mapping[str, str]) -> dict[str, Any]:
    return {
        "arm": arm,
        "setting": setting,
        "split": "test",
        "metric": metric,
        "value": value,
        "greater_is_better": None if metric == "count" else True,
    }
