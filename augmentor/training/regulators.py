"""Regularisers that carry a memory over the training, and what each needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from augmentor.objectives.adaptive import AdaptiveProbability
from augmentor.objectives.lecam import LeCam
from augmentor.objectives.path_length import PathLength


@dataclass
class Regulators:
    """The stateful parts of an objective; None where a training does not have them.

    Attributes:
        lecam: anchors of LeCam's regularisation (Tseng 2021).
        path_length: mean of the path lengths (Karras 2020).
        adaptive: probability of the critic's augmentation (ADA, Karras 2020).
    """

    lecam: LeCam | None = None
    path_length: PathLength | None = None
    adaptive: AdaptiveProbability | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return the states by name, as JSON values."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, states: Mapping[str, Any]) -> None:
        """Take up what :meth:`state_dict` returned."""
        for name, part in self._parts().items():
            part.load_state_dict(states[name])

    def readings(self) -> dict[str, float]:
        """Return what a row of history shows: the adaptive probability and the sign it follows."""
        if self.adaptive is None:
            return {}
        return {"augmentation_probability": self.adaptive.probability, "real_sign": self.adaptive.sign}

    def _parts(self) -> dict[str, LeCam | PathLength | AdaptiveProbability]:
        named = {"lecam": self.lecam, "path_length": self.path_length, "adaptive": self.adaptive}
        return {name: part for name, part in named.items() if part is not None}
