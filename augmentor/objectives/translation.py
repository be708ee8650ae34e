"""Translation of a sample into another class by a classifier's gradient (Kim, Jeong and Shin 2020, M2m).

Plain gradients of a classifier change single pixels and fool it: the known adversarial noise. Two things
keep the changes visible and smooth. Every gradient is passed through a Gaussian low-pass filter, which is
descent in a smooth parameterisation: for x = x0 + B u with a symmetric B, a step of u along B^T grad moves x
along S grad with S = B B^T. And the classifiers are trained, and asked, under noise, which makes them
follow shapes rather than pixels (Kaur, Cohen and Lipton 2019).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def source_probabilities(counts: Sequence[int], beta: float) -> Tensor:
    """Return how likely each class lends its samples to each other: Q (K, K), rows are targets k.

    Kim 2020, section 3.2: Q(k0 | k) is proportional to 1 - beta ** max(N_k0 - N_k, 0), so that only richer
    classes lend, and the more the richer they are. A class that has none richer borrows from itself.

    Args:
        counts: training samples N of each class.
        beta: in [0, 1); nearer to 1, only much richer classes lend.
    """
    n = torch.tensor(list(counts), dtype=torch.float64)
    lends = 1 - beta ** (n[None, :] - n[:, None]).clamp(min=0)
    alone = lends.sum(1) == 0
    lends[alone] = torch.eye(len(n), dtype=torch.float64)[alone]
    return lends / lends.sum(1, keepdim=True)


def translation_loss(guide: Tensor, other: Tensor, target: Tensor, source: Tensor, weight: Tensor) -> Tensor:
    """Return the loss (B,) that a translated sample descends: Kim 2020, equation 1.

    The guide's cross-entropy for the target class, plus ``weight`` times the other classifier's logit of the
    class that the sample came from.

    Args:
        guide: logits (B, K) of the classifier g that is to see the target class.
        other: logits (B, K) of the classifier f that is no longer to see the source class.
        target: (B,) classes k asked for.
        source: (B,) classes k0 of the starts.
        weight: (B,) lambda.

    Raises:
        ValueError: if shapes differ.
    """
    if guide.shape != other.shape or not len(guide) == len(target) == len(source) == len(weight):
        raise ValueError(
            "a translation needs logits (B, K) of both classifiers and (B,) targets, sources and weights, "
            f"received {tuple(guide.shape)}, {tuple(other.shape)}, {tuple(target.shape)}, "
            f"{tuple(source.shape)} and {tuple(weight.shape)}"
        )
    kept: Tensor = other.gather(1, source[:, None])[:, 0]
    return cross_entropy(guide, target, reduction="none") + weight * kept


def low_pass(spatial: Sequence[int], share: float) -> tuple[Tensor, ...]:
    """Return one symmetric positive definite matrix (S, S) for each side of a sample.

    D^-1/2 K D^-1/2 with K the Gaussian kernel of ``share`` times the longest side in cells and D its row
    sums: a blur that keeps every smoothed gradient a direction of descent, which a blur with rows
    that add to one is not at the borders.

    Args:
        spatial: sides of a sample.
        share: standard deviation of the Gaussian over the longest side; 0 smooths nothing.
    """
    width = share * max(spatial)
    matrices = []
    for side in spatial:
        place = torch.arange(side, dtype=torch.float64)
        kernel = torch.eye(side, dtype=torch.float64)
        if width > 0:
            kernel = torch.exp(-((place[:, None] - place[None, :]) ** 2) / (2 * width**2))
            scale = kernel.sum(1).rsqrt()
            kernel = scale[:, None] * kernel * scale[None, :]
        matrices.append(kernel.float())
    return tuple(matrices)


def smoothed(x: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    """Return ``x`` (B, C, *spatial) with each matrix of :func:`low_pass` applied along its side."""
    for axis, matrix in enumerate(matrices):
        x = torch.tensordot(x, matrix, dims=([2 + axis], [1])).movedim(-1, 2 + axis)
    return x


def scaled(x: Tensor, size: float) -> Tensor:
    """Return every row of ``x`` (B, ...) with a root mean square of ``size``; zero rows stay zero."""
    norms = torch.linalg.vector_norm(x.flatten(1), dim=1).clamp(min=1e-12)
    rows: Tensor = x * (size * math.sqrt(x[0].numel()) / norms).view(-1, *[1] * (x.ndim - 1))
    return rows


def translation_step(x: Tensor, gradient: Tensor, matrices: Sequence[Tensor], size: float) -> Tensor:
    """Return samples (B, C, *spatial) in [-1, 1] after one step down a smoothed gradient.

    Kim 2020, section 4.1, takes gradient steps of one length whatever the gradient's; here the length is
    the root mean square ``size`` of the change over a sample's values.
    """
    return (x - scaled(smoothed(gradient, matrices), size)).clamp(-1, 1)
