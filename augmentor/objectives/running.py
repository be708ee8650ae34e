"""Regularisers that remember: LeCam's anchors and the path length's mean.

Each is called for its loss and keeps its moving averages on the device (reading them back at every step would
stall a GPU); ``state_dict`` gives plain floats for a checkpoint, ``load_state_dict`` takes them up again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from augmentor.core.errors import ConfigError
from augmentor.core.ranks import draw_rows, together


def _check_decay(name: str, decay: float) -> None:
    if not 0 <= decay < 1:
        raise ConfigError(f"{name} needs a decay in [0, 1), received {decay}. Change it in the recipe.")


class LeCam:
    """LeCam regularisation, Tseng 2021: ``(D(x) - a_F)^2 + (D(G(z)) - a_R)^2``.

    ``a_R`` and ``a_F`` are moving averages of the mean real and fake logits: each side is drawn to where the
    other has been, which holds a critic back that grows too sure on few data.

    Args:
        decay: Of the moving averages, in [0, 1); the paper's is 0.99.

    Raises:
        ConfigError: ``decay`` out of its range.
    """

    def __init__(self, *, decay: float = 0.99) -> None:
        _check_decay("LeCam", decay)
        self.decay = decay
        self._real: Tensor | None = None
        self._fake: Tensor | None = None

    def update(self, real_logits: Tensor, fake_logits: Tensor) -> None:
        """Move the anchors towards the mean logits of a step; the first call sets them."""
        real, fake = together(real_logits).float().mean(), together(fake_logits).float().mean()
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
        """Take up a state from :meth:`state_dict`."""
        # As tensors, or the next product would be rounded otherwise than in the uninterrupted run.
        started = bool(state["started"])
        self._real = torch.tensor(state["real"], dtype=torch.float32) if started else None
        self._fake = torch.tensor(state["fake"], dtype=torch.float32) if started else None


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
        _check_decay("Path length", decay)
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
            self._mean = self.decay * self._mean + (1 - self.decay) * together(length).float().mean()
            return (length - self._mean).square()

    def state_dict(self) -> dict[str, float]:
        """Return ``mean``, the moving average of the lengths."""
        return {"mean": float(self._mean)}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Take up a state from :meth:`state_dict`."""
        self._mean = torch.tensor(state["mean"], dtype=torch.float32)
