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


@torch.no_grad()
def update_average(average: nn.Module, module: nn.Module, decay: float) -> None:
    """Move ``average`` towards ``module``: decay · average + (1 - decay) · module, in place.

    Buffers are copied, not averaged.
    """
    torch._foreach_lerp_(list(average.parameters()), list(module.parameters()), 1 - decay)
    for old, new in zip(average.buffers(), module.buffers(), strict=True):
        old.copy_(new)
