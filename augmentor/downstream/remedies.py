"""Losses and mixtures against imbalance and small data that need no synthetic row.

The names can be read without torch, which is imported when one is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Loss: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"
Mix: TypeAlias = "Callable[[Tensor, Tensor, np.random.Generator], tuple[Tensor, Tensor]]"

FOCUS = 2.0
MIXUP_ALPHA = 0.2
CUTMIX_ALPHA = 1.0


def cross_entropy(counts: Tensor) -> Loss:
    """Return the plain cross-entropy, whatever the class counts (K,)."""
    from torch.nn import functional

    return functional.cross_entropy


def class_weights(counts: Tensor) -> Tensor:
    """Return w_k = N / (K n_k) for class counts (K,), K the classes present; one without rows weighs 0."""
    import torch

    present = counts > 0
    return torch.where(present, counts.sum() / (present.sum() * counts.clamp(min=1)), 0.0)


def class_weighted(counts: Tensor) -> Loss:
    """Return the cross-entropy weighted by :func:`class_weights`.

    The weighted sum is divided by the batch size and not by the sum of its weights, so that a
    batch that happens to hold rare rows counts for more.
    """
    from torch.nn import functional

    weight = class_weights(counts)

    def loss(logits: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(logits, y, weight=weight.to(logits), reduction="sum") / len(y)

    return loss


def focal(counts: Tensor) -> Loss:
    """Return the focal loss -(1 - p_t)^2 log p_t (Lin 2017, equation 4)."""
    from torch.nn import functional

    def loss(logits: Tensor, y: Tensor) -> Tensor:
        log_p = functional.log_softmax(logits, 1).gather(1, y[:, None]).squeeze(1)
        return -((1.0 - log_p.exp()) ** FOCUS * log_p).mean()

    return loss


def logit_adjusted(counts: Tensor) -> Loss:
    """Return the cross-entropy of logits plus log class frequency (Menon 2021, equation 10)."""
    from torch.nn import functional

    prior = counts.clamp(min=0.5) / counts.sum()

    def loss(logits: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(logits + prior.log().to(logits), y)

    return loss


LOSSES: Final[dict[str, Callable[[Tensor], Loss]]] = {
    "cross_entropy": cross_entropy,
    "class_weighted": class_weighted,
    "focal": focal,
    "logit_adjusted": logit_adjusted,
}
"""Name to a function of the class counts (K,) of the real training rows, giving the loss."""


def mixup(x: Tensor, y: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Blend each row with another: lambda x_i + (1 - lambda) x_j, labels alike (Zhang 2018, section 2).

    Args:
        x: (B, C, *spatial).
        y: (B, K) label weights.
        rng: draws lambda ~ Beta(0.2, 0.2), one per batch, and the partners.
    """
    import torch

    share = float(rng.beta(MIXUP_ALPHA, MIXUP_ALPHA))
    other = torch.as_tensor(rng.permutation(len(x)))
    return share * x + (1 - share) * x[other], share * y + (1 - share) * y[other]


def cutmix(x: Tensor, y: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Paste a box of another row into each (Yun 2019, equations 1 and 2), in any dimension.

    The box holds a share 1 - lambda of the volume, lambda ~ Beta(1, 1), and is cut off at the rim;
    the labels are weighted by the share that was really pasted.
    """
    import torch

    share = float(rng.beta(CUTMIX_ALPHA, CUTMIX_ALPHA))
    other = torch.as_tensor(rng.permutation(len(x)))
    spatial = x.shape[2:]
    box: list[slice] = []
    for size in spatial:
        half = size * (1 - share) ** (1 / len(spatial)) / 2
        centre = rng.uniform(0, size)
        box.append(slice(max(0, round(centre - half)), min(size, round(centre + half))))
    place = (slice(None), slice(None), *box)
    mixed = x.clone()
    mixed[place] = x[other][place]
    pasted = mixed[place][0, 0].numel() / x[0, 0].numel()
    return mixed, (1 - pasted) * y + pasted * y[other]


MIXES: Final[dict[str, Mix]] = {"mixup": mixup, "cutmix": cutmix}
"""Name to a function of (x (B, C, *spatial), label weights (B, K), rng), giving both mixed."""
