"""How good a generator's samples are, measured on held-out training data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from augmentor.core.samples import Samples


@dataclass(frozen=True)
class CheckpointScore:
    """What a checkpoint is chosen by; test data and adversarial losses have no part in it.

    Attributes:
        label_fidelity: share of samples, averaged over classes, that a classifier of real
            training data gives the requested label; in [0, 1].
        coverage: share of held-out real samples, averaged over classes, with a synthetic
            sample of their class nearby (Naeem 2020, equation 6); in [0, 1].
        diversity: for each class the mean distance within the synthetic samples over the mean
            distance within the real ones; 1 is as varied as the real, 0 is one image.
    """

    label_fidelity: float
    coverage: float
    diversity: Mapping[str, float]

    @property
    def lowest_diversity(self) -> float:
        """The diversity of the least varied class."""
        return min(self.diversity.values(), default=0.0)

    @property
    def merit(self) -> float:
        """Geometric mean of label fidelity, coverage and (capped at 1) the lowest diversity."""
        return float((self.label_fidelity * self.coverage * min(1.0, self.lowest_diversity)) ** (1 / 3))


Judge = Callable[[Samples], CheckpointScore]
