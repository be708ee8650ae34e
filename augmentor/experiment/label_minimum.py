"""How strict the label filter is, chosen on the validation part before anything else follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.arms import name_of
from augmentor.experiment.spec import EvaluationSpec, mixing_arm
from augmentor.experiment.trial import try_shares
from augmentor.experiment.values import Workers


def choose_label_minimum(
    train: Samples,
    validation: Samples,
    marked: Mapping[float, SyntheticSet],
    spec: EvaluationSpec,
    *,
    seed: int,
    workers: Workers,
) -> tuple[float, list[dict[str, Any]]]:
    """Return the level at which the first mixing arm does best on the validation part, and all scores.

    Every level is tried at the largest share of the recipe, where the strength of a filter matters most,
    with ``share_seeds`` fits. Of equal means the lowest level wins: it rejects least. The test part is not
    handed over.

    Args:
        train: the training part.
        validation: rows that neither the generator nor the filters saw.
        marked: for each level the candidates as that level marks them.
        spec: the recipe's evaluation.
        seed: everything random is derived from it; the same for all levels.
        workers: where the fits are run.

    Returns:
        The level, and rows with arm, setting ``label_minimum=<level>``, seed, split, metric and value.
    """
    arm = name_of(mixing_arm(spec))
    only = spec.model_copy(
        update={"mixing": spec.mixing.model_copy(update={"shares": (max(spec.mixing.shares),)})}
    )
    means: dict[float, float] = {}
    rows: list[dict[str, Any]] = []
    for level, synthetic in sorted(marked.items()):
        here = replace(workers, folder=workers.folder / f"level-{level:g}")
        (tried,) = try_shares(train, validation, synthetic, only, seed=seed, workers=here)
        means[level] = float(np.mean(tried.scores))
        rows += [
            {"arm": arm, "seed": number, "split": "validation", "value": value, "greater_is_better": True}
            | {"metric": spec.primary_metric, "setting": {"label_minimum": level}}
            for number, value in enumerate(tried.scores)
        ]
    return max(means, key=means.__getitem__), rows
