"""Penalties on the critic, as ``(critic, real, fake) -> (B,)``.

``critic`` maps ``x (B, C, ...)`` to logits ``(B,)`` and already holds the augmentation and the labels, so a
gradient penalty is taken at the raw samples, through the augmentation. The penalties run in float32 (float64
where the input is) even under autocast, detach their input from the generator, and keep the graph so that the
result can be differentiated for the critic's weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn

from augmentor.core.ranks import draw_rows

Critic = Callable[[Tensor], Tensor]
Penalty = Callable[[Critic, Tensor, Tensor], Tensor]


class RandomPenalty(Protocol):
    """A penalty that draws numbers, all of them from ``generator``."""

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, *, generator: torch.Generator) -> Tensor:
        """Return the penalty ``(B,)``."""
        ...


def input_gradient(logits: Tensor, inputs: Tensor) -> Tensor:
    """Return d(sum of logits)/d(inputs), flattened to ``(B, D)``, differentiable once more.

    Public for a loop that has the logits of an input with ``requires_grad`` already and would save the
    second pass: ``0.5 * input_gradient(logits, real).square().sum(1)`` is :func:`r1`.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), inputs, create_graph=True)
    return gradient.flatten(1)


def _gradient_at(critic: Critic, x: Tensor) -> Tensor:
    """Return the critic's gradient ``(B, D)`` at ``x``, in full precision also under autocast."""
    x = x.detach().to(torch.promote_types(x.dtype, torch.float32)).requires_grad_(True)
    with torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
        return input_gradient(critic(x), x)


def r1(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """``|grad D(x)|^2 / 2`` on real samples, Mescheder 2018, eq. 9 without its gamma.

    Args:
        critic: ``x -> (B,)``.
        real: Real samples, ``(B, C, ...)``.
        fake: Not used.

    Returns:
        ``(B,)``; the recipe's weight is the paper's gamma.
    """
    return 0.5 * _gradient_at(critic, real).square().sum(1)


def r2(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """``|grad D(x)|^2 / 2`` on generated samples, Mescheder 2018, eq. 10 without its gamma.

    Args:
        critic: ``x -> (B,)``.
        real: Not used.
        fake: Generated samples, ``(B, C, ...)``; detached, the penalty never trains the generator.

    Returns:
        ``(B,)``; the recipe's weight is the paper's gamma.
    """
    return 0.5 * _gradient_at(critic, fake).square().sum(1)


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, *, generator: torch.Generator) -> Tensor:
    """``(|grad D(x)| - 1)^2`` on points between real and fake rows, Gulrajani 2017, eq. 3 without lambda.

    Args:
        critic: ``x -> (B,)``.
        real: Real samples, ``(B, C, ...)``.
        fake: Generated samples of the same shape.
        generator: Draws the ``(B,)`` positions on the lines, uniform in [0, 1]; 1 is the real end.

    Returns:
        ``(B,)``; the paper's weight is 10.

    Raises:
        ValueError: ``real`` and ``fake`` differ in shape.
    """
    if real.shape != fake.shape:
        raise ValueError(
            "The gradient penalty joins each real row with a fake row and needs equal shapes, "
            f"received {tuple(real.shape)} and {tuple(fake.shape)}."
        )
    share = draw_rows(torch.rand, (len(real),), generator=generator).to(real.device)
    share = share.view(-1, *[1] * (real.ndim - 1))
    with torch.no_grad():
        between = share * real + (1 - share) * fake
    gradient = _gradient_at(critic, between)
    # The square root has no derivative at 0, where a constant critic is: the tiny term keeps it finite.
    return ((gradient.square().sum(1) + 1e-12).sqrt() - 1).square()


def consistency(critic: Critic, real: Tensor, fake: Tensor, *, augment: Callable[[Tensor], Tensor]) -> Tensor:
    """``(D(x) - D(T(x)))^2`` on real samples, Zhang 2020 (CR-GAN), at the last layer.

    Args:
        critic: ``x -> (B,)``, without augmentation of its own, or the difference measures that too.
        real: Real samples, ``(B, C, ...)``.
        fake: Not used.
        augment: T, keeping the shape; bind a generator into it.

    Returns:
        ``(B,)``; the paper's weight is 10.
    """
    real = real.detach()
    real = real.to(torch.promote_types(real.dtype, torch.float32))
    with torch.autocast(real.device.type, enabled=False):
        return (critic(real) - critic(augment(real))).square()


def clip_weights(module: nn.Module, bound: float) -> None:
    """Clamp every parameter to ``[-bound, bound]`` in place, Arjovsky 2017, algorithm 1 (bound 0.01).

    Raises:
        ValueError: ``bound`` is not positive.
    """
    if not bound > 0:
        raise ValueError(f"Weight clipping needs a positive bound, received {bound}; the paper's is 0.01.")
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.clamp_(-bound, bound)


PENALTIES: Mapping[str, Penalty] = {"r1": r1, "r2": r2}
RANDOM_PENALTIES: Mapping[str, RandomPenalty] = {"gradient_penalty": gradient_penalty}


def bind(name: str, generator: torch.Generator) -> Penalty:
    """Return the penalty called ``name`` as a :data:`Penalty`, its random numbers taken from ``generator``.

    Raises:
        KeyError: ``name`` is in neither table.
    """
    if name in PENALTIES:
        return PENALTIES[name]
    return partial(RANDOM_PENALTIES[name], generator=generator)
