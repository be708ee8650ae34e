"""Cycle consistency and identity of translations between classes (Choi 2018; Zhu 2017, CycleGAN)."""

from __future__ import annotations

import torch
from torch import Tensor


def cycle_loss(source: Tensor, rebuilt: Tensor) -> Tensor:
    """Return |x - G(G(x, c), c')| (B,), the mean over a sample's values.

    Choi 2018, equation 4; with a network for each class |x - G_c'(G_c(x))|, Zhu 2017, equation 2.

    The mean, not the sum, of the absolute differences, so that one weight fits every size of sample.

    Args:
        source: x (B, ...), samples of classes c'.
        rebuilt: the samples translated to classes c and back to c'.

    Raises:
        ValueError: if shapes differ.
    """
    return _difference(source, rebuilt, "the cycle loss", "there and back")


def identity_loss(real: Tensor, same: Tensor) -> Tensor:
    """Return |G_c(x) - x| (B,), the mean over a sample's values: L_identity of Zhu 2017, section 5.2.

    Args:
        real: x (B, ...), samples of classes c.
        same: the samples translated to the classes that they are of.

    Raises:
        ValueError: if shapes differ.
    """
    return _difference(real, same, "the identity loss", "in their own class")


def _difference(before: Tensor, after: Tensor, name: str, where: str) -> Tensor:
    """Return the mean absolute difference (B,) of samples, in at least float32."""
    if before.shape != after.shape:
        raise ValueError(
            f"{name} compares samples with their translations {where}, received shapes "
            f"{tuple(before.shape)} and {tuple(after.shape)}"
        )
    dtype = torch.promote_types(torch.promote_types(before.dtype, after.dtype), torch.float32)
    error: Tensor = (before.to(dtype) - after.to(dtype)).abs().flatten(1).mean(1)
    return error
