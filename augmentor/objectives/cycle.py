"""Cycle consistency of translations between classes (Choi 2018; Zhu 2017, CycleGAN)."""

from __future__ import annotations

import torch
from torch import Tensor


def cycle_loss(source: Tensor, rebuilt: Tensor) -> Tensor:
    """Return |x - G(G(x, c), c')| (B,), the mean over a sample's values: Choi 2018, equation 4.

    The mean, not the sum, of the absolute differences, so that one weight fits every size of sample.

    Args:
        source: x (B, ...), samples of classes c'.
        rebuilt: the samples translated to classes c and back to c'.

    Raises:
        ValueError: if shapes differ.
    """
    if source.shape != rebuilt.shape:
        raise ValueError(
            "the cycle loss compares samples with what became of them there and back, received shapes "
            f"{tuple(source.shape)} and {tuple(rebuilt.shape)}"
        )
    dtype = torch.promote_types(torch.promote_types(source.dtype, rebuilt.dtype), torch.float32)
    error: Tensor = (source.to(dtype) - rebuilt.to(dtype)).abs().flatten(1).mean(1)
    return error
