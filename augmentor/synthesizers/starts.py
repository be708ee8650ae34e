"""The training samples that a translation starts from: which are held, and who lends to whom.

A sample of class k starts as a training sample of a richer class (Kim, Jeong and Shin 2020, section 3.2), so
the rare class borrows the variety of the richer ones. The richest class has nothing richer to borrow from:
its samples start from others of its own class and are variants of training samples, near enough that the
filter against copies may reject them. Plans that balance classes ask for none of them.

A synthesizer with starts HOLDS TRAINING SAMPLES, in its memory and in its file: those of every class that
lends. Whoever gets the file gets these samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from augmentor.core.samples import IntArray, Samples
from augmentor.core.seeds import derive_seed
from augmentor.modalities.base import Codec
from augmentor.objectives.translation import low_pass, scaled, smoothed, source_probabilities
from augmentor.synthesizers.starts_spec import StartsSpec


@dataclass(frozen=True, eq=False)
class Starts:
    """Training samples to start from.

    Attributes:
        codec: from packed samples to the networks' range.
        spec: how they are chosen and changed.
        x: (M, C, *spatial) packed training samples, ordered by class.
        labels: (M,) their classes.
        counts: (K,) training samples of each class, from which it follows who lends to whom.
    """

    codec: Codec
    spec: StartsSpec
    x: npt.NDArray[Any]
    labels: IntArray
    counts: tuple[int, ...]

    @classmethod
    def of(cls, train: Samples, codec: Codec, spec: StartsSpec, seed: int) -> Starts:
        """Keep samples of the classes that lend, class after class, at most ``spec.held`` of each."""
        counts = tuple(train.counts.values())
        lends = source_probabilities(counts, spec.beta).sum(0) > 0
        kept = []
        for label in range(train.n_classes):
            rows = np.flatnonzero(train.y == label)
            if len(rows) > spec.held:
                draws = np.random.default_rng(derive_seed(seed, "starts", label))
                rows = np.sort(draws.choice(rows, spec.held, replace=False))
            kept.append(rows if lends[label] else rows[:0])
        held = np.concatenate(kept)
        return cls(codec, spec, np.ascontiguousarray(codec.pack(train.x)[held]), train.y[held], counts)

    @classmethod
    def read(
        cls, codec: Codec, spec: StartsSpec, tensors: Mapping[str, Tensor], counts: Sequence[int]
    ) -> Starts:
        """Return what :meth:`tensors` held.

        Raises:
            KeyError: if they are not there.
        """
        return cls(codec, spec, tensors["starts"].numpy(), tensors["labels"].numpy(), tuple(counts))

    def tensors(self) -> dict[str, Tensor]:
        """Return samples and classes by the names they are saved under."""
        return {"starts": torch.from_numpy(self.x), "labels": torch.from_numpy(self.labels)}

    def warning(self, name: str) -> dict[str, str]:
        """Return the warning for the settings beside the file ``name``."""
        return {"warning": f"{name} holds {len(self.x)} training samples; share it as you would them"}

    def places(self, targets: Tensor, draws: torch.Generator) -> Tensor:
        """Return which sample (B,) each row of the classes ``targets`` (B,) starts from."""
        which, where = torch.rand(2, len(targets), generator=draws, dtype=torch.float64)
        limits = source_probabilities(self.counts, self.spec.beta).cumsum(1)
        # A class of no probability has no width between the limits, so it is never hit.
        lenders = (which[:, None] * limits[targets, -1:] >= limits[targets]).sum(1)
        held = torch.from_numpy(np.bincount(self.labels, minlength=len(self.counts)))
        places: Tensor = (held.cumsum(0) - held)[lenders] + (where * held[lenders]).long()
        return places

    def initial(self, places: Tensor, draws: torch.Generator) -> Tensor:
        """Return the samples at ``places`` (B,) plus smooth noise, (B, C, *spatial) in [-1, 1]."""
        x = torch.from_numpy(self.codec.encode(self.x[places.numpy()]))
        matrices = low_pass(self.codec.shape[1:], self.spec.smoothness)
        noise = torch.randn(x.shape, generator=draws)
        return (x + scaled(smoothed(noise, matrices), self.spec.change)).clamp(-1, 1)
