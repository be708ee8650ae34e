"""What changes over a training, as pure functions of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from augmentor.training.spec import TrainingSpec

ROWS = 100
"""Rows of history a training leaves."""


def label_weight(spec: TrainingSpec, step: int) -> float:
    """Return the label's weight at ``step``: 0 before the transition, 1 after, linear between.

    Shahbazi 2022, equation 6.
    """
    start, end = spec.transition
    share = step / spec.steps
    if share >= end:
        return 1.0
    return max(0.0, (share - start) / (end - start))


def learning_rate(spec: TrainingSpec, step: int, factor: float = 1.0) -> float:
    """Return Adam's step size at ``step``: a half cosine from the full rate to the final share."""
    falling = 0.5 * (1 + math.cos(math.pi * step / spec.steps))
    return factor * spec.rate * (spec.final_rate + (1 - spec.final_rate) * falling)


def growth(spec: TrainingSpec, step: int, stages: int) -> float:
    """Return the position of a growing architecture with ``stages`` resolutions, 0 to stages - 1.

    The whole part is a resolution, the rest how far the next has faded in. Each resolution is held and
    then faded in, for the same number of steps each (Karras 2018, appendix A), until ``spec.growth`` of the
    training is over.
    """
    phases = 2 * (stages - 1)
    phase = step / (spec.growth * spec.steps) * phases
    if phase >= phases:
        return float(stages - 1)
    stage, inside = divmod(phase, 2)
    return float(stage + max(0.0, inside - 1))


def ema_decay(spec: TrainingSpec, shown: int) -> float:
    """Return the average's decay for one batch: 0.5 ** (batch / half-life).

    The half-life is capped at ``ema_warm_up`` times the images shown so far (Karras 2020, appendix
    B), so that an early average is not made of initial weights.
    """
    half_life = min(spec.half_life, spec.ema_warm_up * shown)
    return float(0.5 ** (spec.batch / max(half_life, 1e-8)))


@dataclass(frozen=True)
class Calendar:
    """After which steps something happens; a step counts when it is finished, so 1 to ``last``."""

    last: int
    row_every: int
    rows_per_state: int
    judged: frozenset[int]

    @classmethod
    def of(cls, spec: TrainingSpec, steps: int, checkpoints: int) -> Calendar:
        """Lay out rows, saved states and judged checkpoints, all at ends of rows.

        Args:
            spec: the budget.
            steps: of the whole training.
            checkpoints: how often the average is judged.
        """
        row = max(1, steps // ROWS)
        first = spec.transition[1] * steps
        stretch = (steps - first) / checkpoints
        wanted = (first + stretch * number for number in range(1, checkpoints + 1))
        judged = {min(steps, row * math.ceil(step / row - 1e-9)) for step in wanted}
        return cls(steps, row, max(1, math.ceil(steps / row / spec.states)), frozenset(judged))

    def row(self, step: int) -> bool:
        """Return whether a row of history ends here."""
        return step % self.row_every == 0 or step == self.last

    def state(self, step: int) -> bool:
        """Return whether the full state is saved here."""
        return step % (self.row_every * self.rows_per_state) == 0 or step == self.last
