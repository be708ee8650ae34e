"""How long the controls of a start from the critic are trained (free of torch)."""

from __future__ import annotations

import math

LABELLED, UNLABELLED = "untrained_critic", "self_supervised"
"""The starts that :mod:`augmentor.experiment.pretrain` makes."""
BATCH = 64
"""Samples of an update; without labels they are two views each of half as many rows."""
COST = 7.5
"""How much longer an image shown to generator and critic takes than a sample in an update of a classifier on
the critic's network: the critic sees it and a made one, with gradients of gradients, and the generator learns
from another. Measured for the usual family in benchmarks/baselines.md; of others it is less."""


def updates_worth(images: int) -> int:
    """Return the updates that take as much computing time as training generator and critic on ``images``.

    Example:
        >>> updates_worth(24_000)
        2813
    """
    return math.ceil(images * COST / BATCH)
