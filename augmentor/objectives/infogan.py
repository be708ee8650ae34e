"""InfoGAN's lower bound of the mutual information between latent codes and samples (Chen 2016)."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor
from torch.nn.functional import cross_entropy


class Codes(Protocol):
    """How many codes there are: ``categorical`` values of one code, and ``continuous`` codes."""

    @property
    def categorical(self) -> int:
        """Values of the categorical code, 0 without one."""

    @property
    def continuous(self) -> int:
        """Number of continuous codes."""


def code_loss(predicted: Tensor, latents: Tensor, codes: Codes) -> Tensor:
    """Return -log Q(c | x) for each sample, up to a constant: minus the bound of Chen 2016, equation 4.

    The categorical code is the index of the largest of the latent's first ``categorical`` numbers; the
    next ``continuous`` numbers are the continuous codes, whose Q is a Gaussian of variance 1.

    Args:
        predicted: (B, categorical + continuous), the critic's code head: logits, then means.
        latents: (B, L), from which the samples were generated.
        codes: how many codes there are.

    Returns:
        (B,), at least 0.
    """
    total = latents.new_zeros(len(latents))
    predicted = predicted.float()
    if codes.categorical:
        place = latents[:, : codes.categorical].argmax(1)
        total = total + cross_entropy(predicted[:, : codes.categorical], place, reduction="none")
    if codes.continuous:
        wanted = latents[:, codes.categorical : codes.categorical + codes.continuous]
        total = total + 0.5 * (predicted[:, codes.categorical :] - wanted).square().sum(1)
    return total
