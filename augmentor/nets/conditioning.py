"""How labels reach the two networks.

A conditioning gives the generator a vector beside the latent and the critic a term beside its
unconditional logit. ``label_weight`` scales both: 0 is an unconditional GAN, 1 a conditional one, and
training moves from the first to the second (transitional training, Shahbazi 2022, equation 5).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn


class LabelEmbedding(nn.Module):
    """The generator's label vector: ``label_weight`` times a learnt row for each class."""

    def __init__(self, n_classes: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.rows = nn.Embedding(n_classes, width)

    def forward(self, y: Tensor, label_weight: float) -> Tensor:
        """Return (B, width) for labels ``y`` (B,)."""
        rows: Tensor = self.rows(y)
        return rows * label_weight


class NoEmbedding(nn.Module):
    """No label vector: (B, 0)."""

    width = 0

    def __init__(self, n_classes: int, width: int) -> None:
        super().__init__()

    def forward(self, y: Tensor, label_weight: float) -> Tensor:
        """Return an empty (B, 0)."""
        return torch.zeros(y.shape[0], 0, device=y.device)  # len() would fix the number of rows of an export


class Projection(nn.Module):
    """psi(h) + label_weight · <V_y, h> / sqrt(F), Miyato and Koyama 2018, equation 3.

    The division keeps the term of the order of the features at the start, whatever their number F.
    """

    def __init__(self, features: int, n_classes: int) -> None:
        super().__init__()
        self.unconditional = nn.Linear(features, 1)
        self.rows = nn.Embedding(n_classes, features)
        self.scale = 1.0 / math.sqrt(features)

    def forward(self, h: Tensor, y: Tensor, label_weight: float) -> Tensor:
        """Return logits (B,) for features ``h`` (B, F) and labels ``y`` (B,)."""
        plain: Tensor = self.unconditional(h).squeeze(1)
        rows: Tensor = self.rows(y)
        return plain + (label_weight * self.scale) * (rows * h).sum(1)


class Unconditional(nn.Module):
    """psi(h): a critic that never sees the label."""

    def __init__(self, features: int, n_classes: int) -> None:
        super().__init__()
        self.unconditional = nn.Linear(features, 1)

    def forward(self, h: Tensor, y: Tensor, label_weight: float) -> Tensor:
        """Return logits (B,) for features ``h`` (B, F)."""
        plain: Tensor = self.unconditional(h).squeeze(1)
        return plain


@dataclass(frozen=True)
class Conditioning:
    """One way to condition.

    Attributes:
        embedding: ``(n_classes, width) -> module``; the module takes (y, label_weight) and has a
            ``width``.
        head: ``(features, n_classes) -> module``; the module takes (h, y, label_weight).
        plane: whether the critic sees the label as a channel beside the sample.
        classifier: whether the critic also predicts the class (auxiliary classifier).
    """

    embedding: type[LabelEmbedding] | type[NoEmbedding]
    head: type[Projection] | type[Unconditional]
    plane: bool = False
    classifier: bool = False


CONDITIONINGS: Mapping[str, Conditioning] = {
    # Miyato and Koyama 2018, equation 3.
    "projection": Conditioning(LabelEmbedding, Projection),
    # Mirza and Osindero 2014, equation 2: the label is an input of both networks.
    "concat": Conditioning(LabelEmbedding, Unconditional, plane=True),
    # Odena 2017, equations 2 and 3: the critic tells real from fake and, apart from it, the class.
    "auxiliary": Conditioning(LabelEmbedding, Unconditional, classifier=True),
    "none": Conditioning(NoEmbedding, Unconditional),
}
