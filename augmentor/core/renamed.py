"""Words of older recipes and what they are called now: one table, read where a recipe is checked.

A key is a field's dotted place (``evaluation.foo``); with ``=`` and a value it is one value of a field
(``balance=level``). What stands on the right is written the same way.
"""

from __future__ import annotations

from collections.abc import Mapping

RENAMED: Mapping[str, str] = {
    "balance=level": "balance=balanced",
    "evaluation.classifier": "evaluation.model.name",
    "evaluation.updates": "evaluation.model.updates",
    "evaluation.batch": "evaluation.model.batch",
    "evaluation.learning_rate": "evaluation.model.learning_rate",
    "evaluation.channels": "evaluation.model.channels",
    "evaluation.policy": "evaluation.augmentation.policy",
    "evaluation.forbid": "evaluation.augmentation.forbid",
    "evaluation.pool_versions": "evaluation.augmentation.pool_versions",
    "evaluation.pool_megabytes": "evaluation.augmentation.pool_megabytes",
    "evaluation.shares": "evaluation.mixing.shares",
    "evaluation.share_seeds": "evaluation.mixing.share_seeds",
    "evaluation.anneal": "evaluation.mixing.anneal",
    "evaluation.label_minimums": "evaluation.mixing.label_minimums",
    "evaluation.margin": "evaluation.statistics.margin",
    "evaluation.confidence": "evaluation.statistics.confidence",
    "evaluation.outer_splits": "split.folds",
    "synthesizer.flow": "synthesizer.{times, steps, solver, label_drop, guidance}",
    "synthesizer.method=stargan": "synthesizer.method=unpaired_translation",
    "synthesizer.method=translation": "synthesizer.method=class_translation",
    "synthesizer.objective": "synthesizer.method",
    "synthesizer.stargan": "synthesizer.cycle and synthesizer.starts",
    "synthesizer.starts.starts": "synthesizer.starts.held",
    "synthesizer.translation": "synthesizer.{penalty, gamma, steps, step, noise, attempts, starts}",
}

GONE: Mapping[str, str] = {
    "evaluation.bootstrap": "intervals are computed without draws; take it out",
    "evaluation.statistics.bootstrap": "intervals are computed without draws; take it out",
}
"""Fields that are there no more, and why."""


def new_name(field: str) -> str | None:
    """Return what the dotted ``field`` is called now, None where it was never renamed."""
    return RENAMED.get(field)


def why_gone(field: str) -> str | None:
    """Return why the dotted ``field`` is there no more, None where it never was."""
    return GONE.get(field)


def new_value(field: str, value: object) -> str | None:
    """Return what ``value`` of the dotted ``field`` is called now, None where it was never renamed.

    Example:
        >>> new_value("balance", "level")
        'balanced'
    """
    if not isinstance(value, str):
        return None
    found = RENAMED.get(f"{field}={value}")
    return None if found is None else found.rpartition("=")[2]
