"""The generator's term against mode collapse; the critic's is :func:`augmentor.nets.blocks.minibatch_std`."""

from __future__ import annotations

import torch
from torch import Tensor

from augmentor.core.ranks import all_gather, all_gather_detached


def mode_seeking(
    images: Tensor,
    other_images: Tensor,
    latents: Tensor,
    other_latents: Tensor,
    *,
    labels: Tensor | None = None,
    floor: float = 1e-2,
) -> Tensor:
    """Mode seeking loss, to be minimised: ``1 / (d(images) / d(latents) + floor)``, Mao 2019, eq. 4.

    Row i of ``images`` and of ``other_images`` are made from one label and two latents. The distances are
    mean absolute differences, averaged over the rows of a group before the ratio is taken, because a single
    pair that happens to agree would otherwise rule the gradient. The floor bounds the loss by ``1 / floor``
    and its slope in the ratio by ``1 / floor^2``: near collapse, a bare reciprocal would fill Adam's second
    moments with numbers that take hundreds of steps to fade.

    Args:
        images: Generated samples, ``(B, C, ...)``.
        other_images: Their partners, same shape.
        latents: Latents of ``images``, ``(B, ...)``.
        other_latents: Latents of ``other_images``, same shape.
        labels: ``(B,)`` int64, for one ratio per class; without it the whole batch is one group.
        floor: Positive, in units of the ratio.

    Returns:
        ``(B,)``, each row carrying the loss of its group, in ``(0, 1 / floor]``.

    Raises:
        ValueError: The shapes of a pair differ, or ``floor`` is not positive.
    """
    if images.shape != other_images.shape or latents.shape != other_latents.shape:
        raise ValueError(
            "Mode seeking compares pairs of equal shapes, received images "
            f"{tuple(images.shape)} and {tuple(other_images.shape)}, latents "
            f"{tuple(latents.shape)} and {tuple(other_latents.shape)}."
        )
    if not floor > 0:
        raise ValueError(f"Mode seeking needs a positive floor, received {floor}.")
    dtype = torch.promote_types(images.dtype, torch.float32)
    between_images = (images.to(dtype) - other_images.to(dtype)).abs().flatten(1).mean(1)
    between_latents = (latents.to(dtype) - other_latents.to(dtype)).abs().flatten(1).mean(1)
    # A group's rows may lie in several processes.
    between_images, between_latents = all_gather(between_images), all_gather(between_latents)
    if labels is None:
        between_images = between_images.mean().expand(len(between_images))
        between_latents = between_latents.mean().expand(len(between_images))
    else:
        labels = all_gather_detached(labels)
        # A (B, B) matrix of "same class" costs nothing at batch sizes and needs no class count.
        same = (labels[:, None] == labels[None, :]).to(dtype)
        same = same / same.sum(1, keepdim=True)
        between_images = (same * between_images).sum(1)
        between_latents = (same * between_latents).sum(1)
    # Multiplied through by the latent distance, so that equal latents give 1 / floor instead of 0 / 0.
    tiny = torch.finfo(dtype).tiny
    return between_latents.clamp_min(tiny) / (between_images + floor * between_latents.clamp_min(tiny))
