"""What each code of a generator does: samples along one code, all else held still (Chen 2016, figure 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from augmentor.core.samples import Samples
from augmentor.core.seeds import derive_seed
from augmentor.synthesizers.sampler import Sampler, row_ids, torch_threads

STEPS = 7
"""Values of a continuous code that are shown, from -2 to 2 standard deviations."""

MOST_CLASSES = 4
"""Sets of many classes show the first few: a code is the same question to each."""


@dataclass(frozen=True, eq=False)
class Traversals:
    """Samples along every code.

    Attributes:
        samples: the rows one after the other.
        rows: JSON-able, one a row of samples: ``code`` ("categorical code", "continuous code 1", ...),
            ``class`` and ``values`` of the code.
    """

    samples: Samples
    rows: list[dict[str, Any]]


def traverse(sampler: Sampler, seed: int) -> Traversals | None:
    """Return samples along each code for the first classes; None for a generator without codes.

    A row's samples share latent, label and noise, and differ in one code alone.
    """
    codes = sampler.spec.codes
    if not codes.numbers:
        return None
    rows: list[dict[str, Any]] = []
    latents: list[Tensor] = []
    labels: list[int] = []
    for label, name in enumerate(sampler.classes[:MOST_CLASSES]):
        draws = torch.Generator().manual_seed(derive_seed(seed, "traversal", label))
        still = torch.randn(sampler.spec.latent, generator=draws)
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
    return Traversals(_rendered(sampler, torch.stack(latents), labels, seed), rows)


def _rendered(sampler: Sampler, latents: Tensor, labels: list[int], seed: int) -> Samples:
    y = np.array(labels, dtype=np.int64)
    with torch_threads(1), torch.inference_mode():
        made: Tensor = sampler.generator(
            latents.to(sampler.device), torch.from_numpy(y).to(sampler.device), 1.0
        )
    return Samples(
        kind=sampler.codec.kind,
        x=sampler.codec.decode(made.float().cpu().contiguous().numpy()),
        y=y,
        classes=sampler.classes,
        ids=row_ids(seed, len(y)),
        value_range=sampler.value_range,
    )
