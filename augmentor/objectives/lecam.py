"""LeCam regularisation of the critic (Tseng 2021)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from augmentor.core.ranks import all_gather_detached
from augmentor.objectives.decay import check_decay


class LeCam:
    """LeCam regularisation, Tseng 2021: ``(D(x) - a_F)^2 + (D(G(z)) - a_R)^2``.

    ``a_R`` and ``a_F`` are moving averages of the mean real and fake logits: each side is pulled
    towards the other's average, which restrains a critic that becomes overconfident on few data.

    Args:
        decay: Of the moving averages, in [0, 1); the paper's is 0.99.

    Raises:
        ConfigError: ``decay`` out of its range.
    """

    def __init__(self, *, decay: float = 0.99) -> None:
        check_decay("LeCam", decay)
        self.decay = decay
        self._real: Tensor | None = None
        self._fake: Tensor | None = None

    def update(self, real_logits: Tensor, fake_logits: Tensor) -> None:
        """Move the anchors towards the mean logits of a step; the first call sets them."""
        real, fake = (
            all_gather_detached(real_logits).float().mean(),
            all_gather_detached(fake_logits).float().mean(),
        )
        if self._real is None or self._fake is None:
            self._real, self._fake = real, fake
        else:
            self._real = self.decay * self._real + (1 - self.decay) * real
            self._fake = self.decay * self._fake + (1 - self.decay) * fake

    def __call__(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """Return the loss ``(B,)`` for the critic; zeros before the first :meth:`update`."""
        dtype = torch.promote_types(real_logits.dtype, torch.float32)
        real, fake = real_logits.to(dtype), fake_logits.to(dtype)
        if self._real is None or self._fake is None:
            return 0.0 * (real + fake)
        return (real - self._fake).square() + (fake - self._real).square()

    def state_dict(self) -> dict[str, float]:
        """Return ``real`` and ``fake``, the anchors, and ``started``: 0 before the first update, then 1."""
        if self._real is None or self._fake is None:
            return {"real": 0.0, "fake": 0.0, "started": 0.0}
        return {"real": float(self._real), "fake": float(self._fake), "started": 1.0}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Continue from a state of :meth:`state_dict`."""
        # As tensors, so that the next product is rounded as in the uninterrupted run.
        started = bool(state["started"])
        self._real = torch.tensor(state["real"], dtype=torch.float32) if started else None
        self._fake = torch.tensor(state["fake"], dtype=torch.float32) if started else None
