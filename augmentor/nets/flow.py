"""The velocity network of a rectified flow: MONAI's diffusion U-Net in one, two and three dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from augmentor.nets.classifier import groups_of
from augmentor.nets.sizing import resolutions

TIME_SCALE = 1000.0
"""The U-Net's sinusoids are made for times up to a thousand."""

WIDEST = 2
"""Coarser grids have so many times the channels of full resolution."""

Velocity = Callable[[Tensor, Tensor], Tensor]
"""``(x (B, ...), t (B,)) -> (B, ...)``."""


@dataclass(frozen=True)
class Integration:
    """How a sample is made of noise.

    Attributes:
        steps: from noise to a sample.
        solver: "euler", or "heun" with two velocities per step.
        guidance: how far the velocity goes from the one without a label to the one with it.
    """

    steps: int = 10
    solver: Literal["euler", "heun"] = "heun"
    guidance: float = 1.0


class FlowNetwork(nn.Module):
    """Generate a sample from noise and a label along predicted velocities.

    Ronneberger's U-Net with the time and the label added inside every residual block; attention stands at
    the coarsest grid alone, where it costs little. Sides that its strides do not divide are padded with zeros
    and cropped again.

    Args:
        shape: (C, *spatial) of one sample.
        n_classes: number of classes.
        width: channels at full resolution.
        integration: how samples are made.
        labelled: whether labels are looked at.

    Attributes:
        latent: how many standard normal numbers a sample is made from: as many as it has values.
        null_label: the label of unconditional rows.
        stages: 1, as it does not grow.
    """

    stages = 1

    def __init__(
        self,
        shape: tuple[int, ...],
        n_classes: int,
        width: int,
        integration: Integration,
        *,
        labelled: bool = True,
    ) -> None:
        super().__init__()
        from monai.networks.nets import DiffusionModelUNet

        self.shape, self.integration, self.latent = tuple(shape), integration, math.prod(shape)
        self.labelled, self.null_label = labelled, n_classes
        levels = len(resolutions(shape[1:]))
        self.multiple = 2 ** (levels - 1)
        self.unet = DiffusionModelUNet(
            spatial_dims=len(shape) - 1,
            in_channels=shape[0],
            out_channels=shape[0],
            num_res_blocks=1,
            channels=[width * (1 if level == 0 else WIDEST) for level in range(levels)],
            attention_levels=[False] * levels,
            # A group of one channel would lose the constant by which time and label enter it.
            norm_num_groups=groups_of(width),
            num_head_channels=math.gcd(width, 8),
            num_class_embeds=n_classes + 1,
        )
        if len(shape) == 2:
            _fix_series_blocks(self.unet)

    def forward(
        self, z: Tensor, y: Tensor, label_weight: float = 1.0, draws: torch.Generator | None = None
    ) -> Tensor:
        """Return samples (B, C, *spatial) in [-1, 1].

        Args:
            z: noise (B, latent), standard normal.
            y: labels (B,).
            label_weight: times the guidance, how far the velocity goes from the one without a label to
                the one with it.
            draws: not needed; the same noise and label always give the same sample.
        """
        share = label_weight * self.integration.guidance if self.labelled else 0.0
        blank = torch.full_like(y, self.null_label)

        def guided(x: Tensor, t: Tensor) -> Tensor:
            if share == 1:
                return self.velocity(x, t, y)
            without = self.velocity(x, t, blank)
            return without if share == 0 else without + share * (self.velocity(x, t, y) - without)

        noise = z.view(-1, *self.shape)
        return integrate(guided, noise, self.integration.steps, self.integration.solver).clamp(-1, 1)

    def velocity(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Return the velocities (B, C, *spatial) at points ``x``, times (B,) in [0, 1] and labels (B,)."""
        sides = x.shape[2:]
        missing = [-side % self.multiple for side in sides]
        # The last side's padding comes first.
        padding = [number for gap in reversed(missing) for number in (gap // 2, gap - gap // 2)]
        velocity: Tensor = self.unet(functional.pad(x, padding), t * TIME_SCALE, class_labels=y)
        for axis, (gap, side) in enumerate(zip(missing, sides, strict=True)):
            velocity = velocity.narrow(2 + axis, gap // 2, side)
        return velocity


def integrate(velocity: Velocity, noise: Tensor, steps: int, solver: Literal["euler", "heun"]) -> Tensor:
    """Return where dx = v(x, t) dt carries ``noise`` (B, ...) from t = 0 to t = 1 in equal steps.

    Euler's method takes one velocity per step; Heun's takes two and averages the slopes at both ends.
    """
    x, size = noise, 1.0 / steps
    for step in range(steps):
        t = torch.full((x.shape[0],), step * size, dtype=x.dtype, device=x.device)
        slope = velocity(x, t)
        if solver == "heun":
            slope = 0.5 * (slope + velocity(x + size * slope, t + size))
        x = x + size * slope
    return x


class SeriesBlock(nn.Module):
    """One residual block of MONAI's U-Net for series.

    Its own forward gives the time's vector three spatial dimensions unless there are two, and so adds (B, C,
    1, 1, 1) to (B, C, L). The parts are its own.
    """

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        """Return (B, C_out, L) for features (B, C, L) and the vectors (B, E) of time and label."""
        parts = self.block
        # The type checker takes what a module holds for tensors or modules, which cannot all be called.
        h = parts.conv1(parts.nonlinearity(parts.norm1(x)))  # type: ignore[operator]
        h = h + parts.time_emb_proj(parts.nonlinearity(emb))[:, :, None]  # type: ignore[operator]
        h = parts.conv2(parts.nonlinearity(parts.norm2(h)))  # type: ignore[operator]
        made: Tensor = parts.skip_connection(x) + h  # type: ignore[operator]
        return made


def _fix_series_blocks(unet: nn.Module) -> None:
    for parent in list(unet.modules()):
        for name, child in list(parent.named_children()):
            if type(child).__name__ == "DiffusionUNetResnetBlock":
                parent._modules[name] = SeriesBlock(child)
