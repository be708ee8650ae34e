"""The exponential moving average of the generator's weights, from which samples are made."""

from __future__ import annotations

from copy import deepcopy
from typing import TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def averaged(module: Module) -> Module:
    """Return a copy of ``module`` to average into; it never needs gradients."""
    return deepcopy(module).eval().requires_grad_(False)


class Average:
    """Moves ``average`` towards ``module`` after each step; the lists of weights are made once.

    Args:
        average: made by :func:`averaged` from ``module``.
        module: the network in training.
    """

    def __init__(self, average: nn.Module, module: nn.Module) -> None:
        self.old, self.new = tuple(average.parameters()), tuple(module.parameters())
        self.buffers = list(zip(average.buffers(), module.buffers(), strict=True))

    @torch.no_grad()
    def update(self, decay: float) -> None:
        """Set the average to decay · average + (1 - decay) · module; buffers are copied."""
        torch._foreach_lerp_(self.old, self.new, 1 - decay)
        for old, new in self.buffers:
            old.copy_(new)
