"""The generators that a recipe lets a run choose from, and what comparing them costs. Torch-free."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from augmentor.core.errors import ConfigError
from augmentor.experiment.spec import EvaluationSpec
from augmentor.synthesizers.method_spec import MethodSpec
from augmentor.synthesizers.spec import differing, named, read_synthesizer
from augmentor.training.spec import GENERAL, TrainingSpec

FEWEST = 32
"""Images that a training shows at least, as :class:`TrainingSpec` has it."""


def generators_of(own: MethodSpec, candidates: Sequence[Mapping[str, Any]]) -> dict[str, MethodSpec]:
    """Return the generators to choose from, by name, the recipe's own first; each is there once.

    A candidate that names a family or a method is a synthesizer of its own: fields set for another family
    would seldom make sense in it. One that names none is the recipe's own with its fields replaced.

    Args:
        own: the recipe's synthesizer.
        candidates: fields of a synthesizer each; ``{}`` is the recipe's own.

    Raises:
        ConfigError: if a candidate is no synthesizer, naming which, the key at fault and what is allowed.
    """
    # What differs from the family, not what was set: a recipe that a run wrote down sets every field.
    base = {**named(own), **differing(own)}
    found = {name_of(own): own}
    for number, fields in enumerate(candidates, start=1):
        values = fields if {"family", "method"} & set(fields) else {**base, **fields}
        spec = read_synthesizer(values, f"candidates, number {number}")
        found.setdefault(name_of(spec), spec)
    return found


def name_of(spec: MethodSpec) -> str:
    """Return the family and what differs from it; equal names are equal synthesizers.

    Example:
        >>> name_of(read_synthesizer({"family": "projection", "mode_seeking": 0.3}))
        'projection mode_seeking=0.3'
    """
    changes = (
        f"{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in differing(spec).items()
    )
    return " ".join([spec.name, *changes])


def trial_share(spec: EvaluationSpec) -> float:
    """Return the share that generators are compared at: the middle one of those above 0, of two the lower.

    Raises:
        ConfigError: if the recipe names no share above 0.
    """
    named = spec.mixing.shares
    shares = [share for share in named if share > 0]
    if not shares:
        raise ConfigError(
            "candidates are compared by a classifier that sees their samples, and evaluation.mixing.shares "
            f"({', '.join(f'{share:g}' for share in named)}) has none above 0; name one, e.g. [0.5], "
            "or set candidates to []"
        )
    return shares[(len(shares) - 1) // 2]


def rungs_of(count: int) -> int:
    """Return how often ``count`` candidates are halved, rounded up, until one is left: ceil(log2 count)."""
    return (count - 1).bit_length()


def rung_images(training: TrainingSpec, spec: MethodSpec, halvings: int, n_classes: int) -> int:
    """Return the images that ``spec`` is shown where ``halvings`` rungs, this one included, are to come.

    That is images / 2**halvings in whole batches, but enough for each network's generator to have one turn,
    and never more than the whole training.

    Args:
        training: of the whole run.
        spec: the candidate.
        halvings: 1 on the last rung.
        n_classes: classes of the data: with ``per_class`` each has a network and its part of the images.
    """
    turns = training.critic_steps
    if turns == "auto":
        turns = int(spec.preset.training.get("critic_steps", GENERAL["critic_steps"]))
    batch = training.batch
    least = max(-(-FEWEST // batch) * batch, turns * batch) * (n_classes if spec.one_per_class else 1)
    return min(training.images, max(least, (training.images >> halvings) // batch * batch))
