"""Terms against mode collapse: the generator's mode seeking loss and the critic's minibatch statistic."""

from __future__ import annotations

import torch
from torch import Tensor


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
    if labels is None:
        between_images = between_images.mean().expand(len(images))
        between_latents = between_latents.mean().expand(len(images))
    else:
        # A (B, B) matrix of "same class" costs nothing at batch sizes and needs no class count.
        same = (labels[:, None] == labels[None, :]).to(dtype)
        same = same / same.sum(1, keepdim=True)
        between_images = (same * between_images).sum(1)
        between_latents = (same * between_latents).sum(1)
    # Multiplied through by the latent distance, so that equal latents give 1 / floor instead of 0 / 0.
    tiny = torch.finfo(dtype).tiny
    return between_latents.clamp_min(tiny) / (between_images + floor * between_latents.clamp_min(tiny))


def minibatch_std(x: Tensor, group: int) -> Tensor:
    """Minibatch standard deviation as an extra channel for the critic, Karras 2018, section 3.

    The standard deviation of each feature over the rows of a group, averaged over features and positions.
    Groups are **consecutive** rows. Where the batch is ordered so that each run of ``group`` rows shares one
    class, the statistic is class-wise and shows a class that has collapsed; in a shuffled batch it is the
    paper's. Real and fake batches must be ordered alike, else the order gives the fakes away.

    Args:
        x: Features, ``(B, C, ...)``.
        group: Rows in a group; a batch smaller than that is one group.

    Returns:
        ``(B, 1, ...)``, one constant per group, in the dtype of ``x``.

    Raises:
        ValueError: ``group`` is below 2, or B is not a multiple of it.
    """
    rows = min(group, len(x))
    if group < 2 or len(x) % rows:
        raise ValueError(
            "Minibatch standard deviation needs a group of at least 2 rows that divides the batch, "
            f"received group {group} and a batch of {len(x)}."
        )
    grouped = x.to(torch.promote_types(x.dtype, torch.float32)).flatten(1).view(-1, rows, x[0].numel())
    # Written out because torch.var over a middle axis takes ten times as long on a CPU.
    variance = (grouped - grouped.mean(1, keepdim=True)).square().mean(1)
    # 1e-8: the square root has no derivative at 0, where identical rows sit.
    spread = (variance + 1e-8).sqrt().mean(1)
    shape = (len(x), *[1] * (x.ndim - 1))
    return spread.repeat_interleave(rows).view(shape).expand(-1, 1, *x.shape[2:]).to(x.dtype)
