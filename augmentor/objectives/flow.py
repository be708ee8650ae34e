"""Rectified flow: straight paths from noise to data, and the regression of their velocity.

Liu, Gong and Liu 2022 (equation 1), Lipman 2022 (flow matching): with x0 ~ N(0, 1) and a sample x1, the path
is x_t = (1 - t) x0 + t x1, and a network v(x_t, t) regresses its velocity x1 - x0. Its minimum is
E[x1 - x0 | x_t], and dx = v dt carries noise at t = 0 to data at t = 1.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor


def interpolate(noise: Tensor, real: Tensor, t: Tensor) -> Tensor:
    """Return x_t = (1 - t) noise + t real, for samples (B, ...) and times (B,) in [0, 1]."""
    place = t.view(-1, *[1] * (real.ndim - 1))
    return (1 - place) * noise + place * real


def velocity_loss(predicted: Tensor, noise: Tensor, real: Tensor) -> Tensor:
    """Return the mean squared error (B,) of velocities (B, ...): Liu 2022, equation 1.

    Args:
        predicted: the network's velocities at the points of :func:`interpolate`.
        noise: x0, where the paths begin.
        real: x1, where they end.

    Raises:
        ValueError: if shapes differ.
    """
    if not predicted.shape == noise.shape == real.shape:
        raise ValueError(
            f"velocity, noise and samples must be of one shape, received {tuple(predicted.shape)}, "
            f"{tuple(noise.shape)} and {tuple(real.shape)}"
        )
    dtype = torch.promote_types(predicted.dtype, torch.float32)
    error: Tensor = (predicted.to(dtype) - (real - noise).to(dtype)).square().flatten(1).mean(1)
    return error


def draw_times(count: int, kind: Literal["uniform", "logit_normal"], draws: torch.Generator) -> Tensor:
    """Return times (count,) in (0, 1), on the CPU.

    "logit_normal" draws the middle more often, where the velocity is hardest to predict: the logit of t is
    standard normal (Esser 2024, section 3.1).
    """
    if kind == "uniform":
        return torch.rand(count, generator=draws)
    return torch.sigmoid(torch.randn(count, generator=draws))
