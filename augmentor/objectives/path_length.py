"""Path length regularisation of a style-based generator (Karras 2020)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from augmentor.core.ranks import all_gather_detached, draw_rows
from augmentor.objectives.decay import check_decay


class PathLength:
    """Path length regularisation, Karras 2020 (StyleGAN2), eq. 4: ``(|J_w^T y| - a)^2``.

    ``y`` are images of unit normal noise, scaled by one over the square root of the number of positions so
    that the length does not depend on resolution; ``a`` is the moving average of the lengths.

    Args:
        decay: Of the moving average, in [0, 1); the paper's is 0.99.

    Raises:
        ConfigError: ``decay`` out of its range.
    """

    def __init__(self, *, decay: float = 0.99) -> None:
        check_decay("Path length", decay)
        self.decay = decay
        self._mean = torch.zeros(())

    def __call__(self, images: Tensor, latents: Tensor, *, generator: torch.Generator) -> Tensor:
        """Return the loss ``(B,)`` for the generator and move the average.

        Args:
            images: ``(B, C, ...)``, made from ``latents`` in this graph.
            latents: ``(B, D)``, or ``(B, L, D)`` with one style for each of L layers, in which case the
                squared length is the mean over layers.
            generator: Draws the noise.
        """
        positions = math.prod(images.shape[2:])
        noise = draw_rows(torch.randn, images.shape, generator=generator)
        noise = noise.to(images) / math.sqrt(positions)
        with torch.autocast(images.device.type, enabled=False):
            (gradient,) = torch.autograd.grad((images * noise).sum(), latents, create_graph=True)
            squared = gradient.square().sum(-1)
            squared = squared if squared.ndim == 1 else squared.flatten(1).mean(1)
            # 1e-12: the square root has no derivative at 0.
            length = (squared + 1e-12).sqrt()
            self._mean = (
                self.decay * self._mean + (1 - self.decay) * all_gather_detached(length).float().mean()
            )
            return (length - self._mean).square()

    def state_dict(self) -> dict[str, float]:
        """Return ``mean``, the moving average of the lengths."""
        return {"mean": float(self._mean)}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Continue from a state of :meth:`state_dict`."""
        self._mean = torch.tensor(state["mean"], dtype=torch.float32)
