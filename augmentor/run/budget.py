"""What a recipe's ``budget`` stands for: one word for how long a run may take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from augmentor.core.spec import Spec, merge
from augmentor.experiment.arms import Arm, arm_of, name_of, written
from augmentor.experiment.spec import DEFAULT_ARMS, trainable

BudgetName = Literal["quick", "standard", "thorough"]

NOT_QUICK = {
    "real",
    "logit_adjusted",
    name_of(Arm(mix="cutmix", start="self_supervised")),
    "synthetic_only",
}
QUICK_ARMS = [written(arm) for arm in DEFAULT_ARMS if name_of(arm) not in NOT_QUICK]
"""The default's, without the plainest baseline, two others, and the arm of no real row."""

BUDGETS: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "training": {"images": 16_000},
        "judge": {"updates": 200},
        "evaluation": {
            "arms": QUICK_ARMS,
            "seeds": 6,
            "model": {"updates": 300},
            "mixing": {"shares": [0.5], "share_seeds": 2},
        },
    },
    "standard": {"split": {"folds": "auto"}, "training": {"images": 24_000}},
    "thorough": {
        "split": {"folds": "auto"},
        "candidates": [{"family": "projection"}, {"family": "r3gan"}, {"family": "cvae"}],
        "training": {"images": 64_000},
        "judge": {"updates": 800, "folds": 5},
        "evaluation": {
            "arms": [
                "real",
                "balanced",
                "classical",
                "class_weighted",
                "logit_adjusted",
                "mixup",
                "cutmix",
                {"mix": "cutmix", "sampling": "natural", "loss": "class_weighted"},
                "tuned",
                {"mix": "cutmix", "start": "untrained_critic"},
                {"mix": "cutmix", "start": "self_supervised"},
                {"base": "best_real", "add": {"start": "untrained_critic"}},
                {"rows": {"synthetic": "kept", "copies": True}},
                {"rows": {"synthetic": "all", "mixing": "pooled"}},
                "filtered",
                "with_synthetic",
                {"base": "best_mixing", "leave_out": "harmful_classes"},
                {"mix": "cutmix", "start": "critic"},
                "from_critic",
                {"base": "best_real", "add": {"rows": "passing", "start": "critic"}},
                {"rows": {"synthetic": "passing", "mixing": "first"}},
                "synthetic_only",
            ],
            "seeds": 20,
            "model": {"updates": 1_200},
            "mixing": {
                "shares": [0.25, 0.5, 0.75, 0.9],
                "share_seeds": 5,
                "label_minimums": [0.0, 0.5, 0.8],
            },
        },
    },
}
"""Fields by section, and candidates. They stand where a recipe says nothing; what it says itself holds
whatever the budget. A recipe that names anything of its synthesizer asked for that one, so a budget's
candidates are not put beside it; nor where it has candidates of its own, none (``[]``) included.

On two cores, a few hundred images of 28 pixels: quick takes minutes, standard a quarter of an hour, thorough
hours; benchmarks/budget.md has the measured times. Where the data ask for folds, standard and thorough take
that time for each of them, and quick answers for one test part. Six seeds are the fewest whose signs alone
can be significant (two-sided, 2 / 2**6 = 0.031). More than 24,000 images bought one generator nothing, so
most of thorough's training time goes into a choice among four.
"""


def with_budget(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a recipe's ``values`` with the budget's below them.

    A section that is a finished :class:`Spec` already is left as it is. Where the label filter is off
    there is no strength of it to choose, and arms that the classifier cannot train are left out.
    """
    found = dict(values)
    filters = values.get("filters")
    unfiltered = isinstance(filters, Mapping) and "label" in filters and filters["label"] is None
    for section, fields in BUDGETS.get(name, {}).items():
        if section == "candidates":
            if section not in values and not _named(values):
                found[section] = fields
            continue
        given = found.get(section, {})
        if unfiltered and "mixing" in fields:
            mixing = {key: value for key, value in fields["mixing"].items() if key != "label_minimums"}
            fields = {**fields, "mixing": mixing}
        if not isinstance(given, Spec) and isinstance(given, Mapping):
            if "arms" in fields:
                able = trainable(map(arm_of, fields["arms"]), given)
                fields = {**fields, "arms": [written(arm) for arm in able]}
            found[section] = merge(fields, given)
    return found


def without_budget(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return JSON values without those that the budget would put there again.

    Candidates stay, even none of them, where the budget would put others.
    """
    found = dict(values)
    for section, fields in BUDGETS.get(name, {}).items():
        if section == "candidates":
            continue
        given = found.get(section)
        if isinstance(given, Mapping):
            found[section] = _without(given, fields)
            if not found[section]:
                del found[section]
    candidates = found.pop("candidates", [])
    if with_budget(found, name).get("candidates", []) != candidates:
        found["candidates"] = candidates
    return found


def _without(given: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of ``given`` that differ from those of ``fields``, section by section."""
    found = {}
    for key, value in given.items():
        known = fields.get(key)
        if isinstance(value, Mapping) and isinstance(known, Mapping):
            value = _without(value, known)
            if not value:
                continue
        elif known == value:
            continue
        found[key] = value
    return found


def _named(values: Mapping[str, Any]) -> bool:
    """Return whether a recipe's ``values`` say anything of their synthesizer."""
    given = values.get("synthesizer")
    return isinstance(given, Spec) or bool(given)
