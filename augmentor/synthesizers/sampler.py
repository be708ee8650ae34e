"""From conditions to rows in the networks' range: what is left of a training once it is over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from augmentor.core.conditions import Conditions
from augmentor.core.progress import Progress
from augmentor.core.samples import IntArray
from augmentor.core.seeds import derive_seed
from augmentor.nets.spec import CodesSpec
from augmentor.synthesizers.starts import Starts
from augmentor.synthesizers.traverse import CodePath, along_codes

BoolArray = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.float32]


class Sampler(ABC):
    """Makes rows (N, C, *spatial) in [-1, 1].

    Attributes:
        network: what a training left, with its averaged weights.
        shape: (C, *spatial) of one row.
        device: where the network lies.
        starts: training samples to start from; None where samples start from noise.
        chunk: rows made together, always: a row's bits then never depend on how many are made.
    """

    network: nn.Module
    shape: tuple[int, ...]
    device: torch.device
    starts: Starts | None = None
    chunk: ClassVar[int] = 64

    @abstractmethod
    def make(self, conditions: Conditions, seed: int, number: int) -> Rows:
        """Return the rows of one chunk.

        Args:
            conditions: of :attr:`chunk` rows or fewer.
            seed: of all chunks.
            number: of this chunk, from 0.
        """

    def rows(self, conditions: Conditions, seed: int, wanted: BoolArray | None = None) -> Rows:
        """Return a row for each condition; row i depends on (seed, i, condition i) alone.

        Args:
            conditions: of N rows.
            seed: all randomness derives from it.
            wanted: (N,) rows that are needed, None for all; the others may be left blank.
        """
        made = np.zeros((len(conditions), *self.shape), dtype=np.float32)
        # One thread: the sums of a larger number would be split elsewhere and round differently.
        with torch_threads(1):
            for number, first in enumerate(range(0, len(conditions), self.chunk)):
                rows = slice(first, first + self.chunk)
                if wanted is None or wanted[rows].any():
                    made[rows] = self.make(conditions.take(rows), seed, number)
        return made

    def along_codes(self, classes: Sequence[str], seed: int) -> tuple[Rows, CodePath] | None:
        """Return rows along each code of the latent and what they are; None without codes.

        Args:
            classes: class names in label order.
            seed: of latents and noise.
        """
        return None

    def tensors(self) -> dict[str, Tensor]:
        """Return all that is saved: the network's weights, and training samples if there are any."""
        return {**self.network.state_dict(), **({} if self.starts is None else self.starts.tensors())}

    def to_json(self) -> dict[str, Any]:
        """Return what else is saved, as JSON values."""
        return {} if self.starts is None else {"counts": list(self.starts.counts)}

    def facts(self, classes: Sequence[str], judged: int, seed: int, progress: Progress) -> dict[str, Any]:
        """Return facts about the fitted model in addition to the judge's scores, as JSON values.

        Args:
            classes: class names in label order.
            judged: samples per class that a checkpoint is judged by.
            seed: of the samples that the judge saw.
            progress: logs what a person should know.
        """
        return {} if self.starts is None else {"training_samples_held": len(self.starts.x)}


@dataclass(frozen=True, eq=False)
class GeneratorSampler(Sampler):
    """A generator ``g(z, y, label_weight, draws)`` from latents, or from training samples.

    Attributes:
        latent: dimension of the latents.
        codes: parts of the latent whose meaning a traversal shows; None without them.
    """

    network: nn.Module
    shape: tuple[int, ...]
    device: torch.device
    latent: int
    starts: Starts | None = None
    codes: CodesSpec | None = None

    def make(self, conditions: Conditions, seed: int, number: int) -> Rows:
        """Return the rows of one chunk."""
        draws = torch.Generator().manual_seed(derive_seed(seed, "latents", number))
        labels = padded(conditions.labels, self.chunk)
        with torch.inference_mode():
            if self.starts is None:
                start = torch.randn(self.chunk, self.latent, generator=draws)
            else:
                start = self.starts.initial(self.starts.places(labels, draws), draws)
            return self._generated(start, labels, draws)[: len(conditions)]

    def along_codes(self, classes: Sequence[str], seed: int) -> tuple[Rows, CodePath] | None:
        """Return rows along each code of the latent and what they are; None without codes."""
        if self.codes is None:
            return None
        path = along_codes(self.codes, self.latent, classes, seed)
        with torch_threads(1):
            return self._generated(path.latents, path.labels), path

    def _generated(self, start: Tensor, labels: Tensor, draws: torch.Generator | None = None) -> Rows:
        """Return rows for latents, or samples, to start from (B, ...) and labels (B,)."""
        with torch.inference_mode():
            made: Tensor = self.network(start.to(self.device), labels.to(self.device), 1.0, draws)
            return made.float().cpu().contiguous().numpy()


def padded(labels: IntArray, size: int) -> Tensor:
    """Return labels (B,), B up to ``size``, followed by zeros: (size,) int64."""
    filled = torch.zeros(size, dtype=torch.int64)
    filled[: len(labels)] = torch.from_numpy(labels)
    return filled


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Let torch use ``threads`` threads inside the block, and as many as before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
