"""Adaptive discriminator augmentation (ADA, Karras 2020, "Training GANs with limited data")."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from augmentor.core.errors import ConfigError
from augmentor.core.ranks import all_gather_detached


class AdaptiveProbability:
    """Raises the augmentation's probability while the critic is too sure of real samples, lowers it else.

    The measure is ``r_t = E[sign(D(real))]`` (Karras 2020, "Training GANs with limited data", eq. 1):
    0 for an undecided critic, 1 for one that has memorised its training set. Every ``interval`` updates
    the probability moves by (images seen since) / ``images`` towards the target.

    Args:
        target: The r_t to hold, in (-1, 1); the paper's is 0.6.
        images: Real images shown in which the probability can go from 0 to 1; the paper's is 500,000, a small
            data set wants about a tenth of its run.
        interval: Updates between two adjustments; the paper's is 4.
        start: First probability.
        maximum: Ceiling in (0, 1]. Near 1 augmentations leak into the generated samples (section 2.2 of the
            paper), up to 0.8 they did not.

    Raises:
        ConfigError: A number out of its range.
    """

    def __init__(
        self,
        *,
        target: float = 0.6,
        images: int = 500_000,
        interval: int = 4,
        start: float = 0.0,
        maximum: float = 0.8,
    ) -> None:
        checks = {
            f"target in (-1, 1), received {target}": -1 < target < 1,
            f"images of at least 1, received {images}": images >= 1,
            f"interval of at least 1, received {interval}": interval >= 1,
            f"maximum in (0, 1], received {maximum}": 0 < maximum <= 1,
            f"start in [0, maximum], received {start}": 0 <= start <= maximum,
        }
        for wanted, met in checks.items():
            if not met:
                raise ConfigError(f"Adaptive augmentation needs {wanted}. Change it in the recipe.")
        self.target, self.images, self.interval, self.maximum = target, images, interval, maximum
        self.probability = start
        self.sign = 0.0
        self._signs: Tensor | float = 0.0
        self._seen = 0
        self._updates = 0

    def update(self, confidence: Tensor) -> float:
        """Count one batch and return the probability to use from now on.

        Args:
            confidence: ``(B,)``, positive where the critic takes a real row for real, see
                :attr:`augmentor.objectives.adversarial.AdversarialLoss.real_confidence`.
        """
        # Summed on the device: reading a number back at every step would stall a GPU.
        confidence = all_gather_detached(confidence)
        self._signs = self._signs + torch.sign(confidence.float()).sum()
        self._seen += len(confidence)
        self._updates += 1
        if self._updates == self.interval:
            self.sign = float(self._signs) / self._seen
            direction = (self.sign > self.target) - (self.sign < self.target)
            moved = self.probability + direction * self._seen / self.images
            self.probability = min(max(moved, 0.0), self.maximum)
            self._signs, self._seen, self._updates = 0.0, 0, 0
        return self.probability

    def state_dict(self) -> dict[str, float]:
        """Return the state as plain floats; ``sign`` is the last measured r_t, 0 before the first."""
        return {
            "probability": self.probability,
            "sign": self.sign,
            "signs": float(self._signs),
            "seen": float(self._seen),
            "updates": float(self._updates),
        }

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Continue from a state of :meth:`state_dict`."""
        self.probability, self.sign, self._signs = state["probability"], state["sign"], state["signs"]
        self._seen, self._updates = int(state["seen"]), int(state["updates"])
