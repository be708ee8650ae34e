"""Learning without labels: two views of one sample are to be told from views of all others."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

TEMPERATURE = 0.5
"""Best for long training without a memory of negatives (Chen 2020, table 5)."""


def nt_xent(z: Tensor, row: Tensor) -> Tensor:
    """Return the normalised temperature-scaled cross-entropy of views (Chen 2020, equation 1), a scalar.

    For each view the other view of its row is the right answer among all other views of the batch, by cosine
    similarity over :data:`TEMPERATURE`.

    Args:
        z: (2B, D) projections, two of each row.
        row: (2B,) which row each is a view of; every row is there twice.

    Example:
        >>> z = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> round(float(nt_xent(z, torch.tensor([0, 0, 1, 1]))), 4)
        0.2395
    """
    unit = functional.normalize(z, dim=1)
    alike = unit @ unit.T / TEMPERATURE
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    other = ((row[:, None] == row[None]) & ~itself).int().argmax(1)
    return functional.cross_entropy(alike.masked_fill(itself, -torch.inf), other)
