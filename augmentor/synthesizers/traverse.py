"""What each code of a generator does: samples along one code, all else held still (Chen 2016, figure 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from augmentor.core.samples import Samples
from augmentor.core.seeds import derive_seed
from augmentor.nets.spec import CodesSpec

STEPS = 7
"""Values of a continuous code that are shown, from -2 to 2 standard deviations."""

MOST_CLASSES = 4
"""Sets of many classes show the first few: a code is the same question to each."""


@dataclass(frozen=True, eq=False)
class Traversals:
    """Samples along every code.

    Attributes:
        samples: the rows one after the other.
        rows: JSON-able, one per row of samples: ``code`` ("categorical code", "continuous code 1", ...),
            ``class`` and ``values`` of the code.
    """

    samples: Samples
    rows: list[dict[str, Any]]


class CodePath(NamedTuple):
    """Latents along every code, before they are made into samples.

    Attributes:
        latents: (N, latent).
        labels: (N,) int64.
        rows: as in :class:`Traversals`.
    """

    latents: Tensor
    labels: Tensor
    rows: list[dict[str, Any]]


def along_codes(codes: CodesSpec, latent: int, classes: Sequence[str], seed: int) -> CodePath:
    """Return latents along each code for the first classes.

    A row's samples share latent, label and noise, and differ in one code alone.
    """
    rows: list[dict[str, Any]] = []
    latents: list[Tensor] = []
    labels: list[int] = []
    for label, name in enumerate(classes[:MOST_CLASSES]):
        draws = torch.Generator().manual_seed(derive_seed(seed, "traversal", label))
        still = torch.randn(latent, generator=draws)
        for code in range(bool(codes.categorical) + codes.continuous):
            categorical = bool(codes.categorical) and code == 0
            place = codes.categorical + code - bool(codes.categorical)
            values = list(range(codes.categorical)) if categorical else np.linspace(-2, 2, STEPS).tolist()
            for value in values:
                moved = still.clone()
                if categorical:
                    # The largest of these numbers is the code's value.
                    moved[: codes.categorical] = 0
                    moved[int(value)] = 1
                else:
                    moved[place] = value
                latents.append(moved)
                labels.append(label)
            number = code + (not codes.categorical)
            title = "categorical code" if categorical else f"continuous code {number}"
            rows.append({"code": title, "class": name, "values": values})
    return CodePath(torch.stack(latents), torch.tensor(labels), rows)
