"""What a step sees: real samples in runs of one class, their labels, and latents."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from augmentor.core.errors import DataError
from augmentor.core.ranks import rank_slice
from augmentor.training.spec import GROUP


class Batch(NamedTuple):
    """One step's draw, on the training device.

    Attributes:
        real: (B, C, *spatial) in [-1, 1].
        labels: (B,) int64, in runs of four equal ones; the fakes are made for the same labels.
        latents: (B, L), standard normal.
        sources: (B, C, *spatial) in [-1, 1], for fakes that start from real samples: the batch's real rows
            in another order, or rows of another class than the label; None for all others.
        origins: (B,) int64, their labels.
    """

    real: Tensor
    labels: Tensor
    latents: Tensor
    sources: Tensor | None = None
    origins: Tensor | None = None


@dataclass(frozen=True, eq=False)
class EncodedRows:
    """Rows of an array that may be larger than memory, encoded when they are drawn.

    Attributes:
        x: (N, C, *spatial) in the data's own units, as a memory map.
        encode: turns rows into float32 in [-1, 1], each by itself.
    """

    x: npt.NDArray[Any]
    encode: Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]

    def at(self, rows: Tensor) -> Tensor:
        """Return the rows at these positions (B,), encoded."""
        return torch.from_numpy(self.encode(self.x[rows.numpy()]))


class BatchSource(Protocol):
    """Anything that draws batches."""

    def draw(self, generator: torch.Generator, *, power: float | None = None) -> Batch:
        """Return one batch, every number of it taken from ``generator`` (on the CPU)."""


@dataclass(frozen=True)
class BatchRules:
    """How batches are drawn.

    Attributes:
        size: rows per step, a multiple of four.
        power: the exponent p of tempered class sampling: a class is drawn with probability ~ count**p.
        latent: dimension L of the latents.
        sources: which samples to start from are drawn too. "batch": the batch's rows in another order;
            "other classes": rows of another class than the label, as in Zhu 2017, section 3, where
            a mapping starts from the other side alone.
    """

    size: int
    power: float
    latent: int
    sources: Literal["none", "batch", "other classes"] = "none"


class Batches:
    """Draws batches; the same generator state gives the same batch on every device.

    Real and fake rows share their labels: a relativistic loss compares a fake with a real of its
    class, class-wise statistics compare like with like, and no class prior is left for the critic
    to tell them apart by. Classes are drawn by systematic sampling from p ~ count**power, so every
    batch holds each class as often as expected, give or take one run of four.

    Args:
        x: (N, C, *spatial) float32 in [-1, 1], on the CPU; or rows that are encoded when drawn.
        y: (N,) int64 labels.
        n_classes: number of classes.
        rules: how many rows of which kind.
        device: where the batch goes.
        layout: memory format of the real rows.

    Raises:
        ConfigError: if the processes of the training cannot divide the batch.
        DataError: if a class has no row.
    """

    def __init__(
        self,
        x: Tensor | EncodedRows,
        y: Tensor,
        n_classes: int,
        rules: BatchRules,
        *,
        device: torch.device,
        layout: torch.memory_format,
    ) -> None:
        counts = torch.bincount(y, minlength=n_classes)
        if len(counts) != n_classes or bool((counts == 0).any()):
            empty = [int(label) for label in torch.nonzero(counts == 0).flatten()]
            raise DataError(
                f"the generator needs at least one training sample of each of the {n_classes} classes, "
                f"classes {empty} have none; add samples or leave the classes out"
            )
        self.rules, self.device, self.layout = rules, device, layout
        self.own = rank_slice(rules.size, GROUP)
        self.x = x.contiguous(memory_format=layout) if isinstance(x, Tensor) else x
        if device.type == "cuda" and isinstance(self.x, Tensor):
            self.x = self.x.pin_memory()
        # Row starts[c] + k of ``order`` is the k-th sample of class c. Plain lists: on a few dozen numbers
        # Python is several times faster than a chain of tensor operations.
        self.order = torch.argsort(y, stable=True)
        self.counts: list[int] = counts.tolist()
        self.starts: list[int] = (torch.cumsum(counts, 0) - counts).tolist()
        self._limits: dict[float, list[float]] = {}

    def limits(self, power: float) -> list[float]:
        """Return the ends of the classes' shares of [0, 1], drawn from p ~ count**power."""
        if power not in self._limits:
            weights = torch.tensor(self.counts).double() ** power
            self._limits[power] = torch.cumsum(weights / weights.sum(), 0).tolist()
        return self._limits[power]

    def draw(self, generator: torch.Generator, *, power: float | None = None) -> Batch:
        """Return one batch, every number of it taken from ``generator`` (on the CPU).

        Args:
            generator: where the numbers come from.
            power: takes the place of the rules' power.
        """
        size = self.rules.size
        limits = self.limits(self.rules.power if power is None else power)
        runs = size // GROUP
        start, *uniform = torch.rand(1 + size, generator=generator, dtype=torch.float64).tolist()
        labels_list: list[int] = []
        places: list[int] = []
        for run in range(runs):
            # Systematic sampling: one random offset, then evenly spaced points.
            label = min(bisect_right(limits, (run + start) / runs), len(limits) - 1)
            labels_list.append(label)
            picked = distinct(self.counts[label], uniform[run * GROUP : (run + 1) * GROUP])
            places.extend(self.starts[label] + place for place in picked)
        # Every process draws the whole batch, and takes its own rows of it.
        rows = self.order[torch.tensor(places)]
        labels = torch.tensor(labels_list).repeat_interleave(GROUP)
        latents = torch.randn(size, self.rules.latent, generator=generator)[self.own]
        drawn = Batch(self._at(rows[self.own]), self._placed(labels[self.own]), self._placed(latents))
        if self.rules.sources == "none":
            return drawn
        if self.rules.sources == "other classes":
            rows, labels = self._others(labels, limits, generator)
        else:
            turned = torch.randperm(size, generator=generator)
            rows, labels = rows[turned], labels[turned]
        return drawn._replace(sources=self._at(rows[self.own]), origins=self._placed(labels[self.own]))

    def _others(
        self, labels: Tensor, limits: list[float], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return rows (B,) of other classes than ``labels`` (B,), by the same p, and their classes."""
        which, where = torch.rand(2, len(labels), generator=generator, dtype=torch.float64)
        shares = torch.tensor(limits, dtype=torch.float64).diff(prepend=torch.zeros(1))
        others = shares.repeat(len(labels), 1).scatter(1, labels[:, None], 0.0).cumsum(1)
        # A class of no probability has no width between the limits, so it is never hit.
        origins = (which[:, None] * others[:, -1:] >= others).sum(1)
        counts = torch.tensor(self.counts)
        places = torch.tensor(self.starts)[origins] + (where * counts[origins]).long()
        return self.order[places], origins

    def _at(self, rows: Tensor) -> Tensor:
        """Return real rows (B, C, *spatial) where the batch goes."""
        real = self.x.index_select(0, rows) if isinstance(self.x, Tensor) else self.x.at(rows)
        if self.device.type == "cpu":
            return real.contiguous(memory_format=self.layout)
        real = real.pin_memory() if self.device.type == "cuda" else real
        return real.to(self.device, non_blocking=True, memory_format=self.layout)

    def _placed(self, values: Tensor) -> Tensor:
        """Return labels or latents where the batch goes."""
        if self.device.type == "cuda":
            values = values.pin_memory()
        return values.to(self.device, non_blocking=True)


def distinct(count: int, uniform: Sequence[float]) -> list[int]:
    """Return one position below ``count`` for each of the ``uniform`` numbers in [0, 1).

    No position comes twice unless there are fewer than needed: a repeated real sample would teach
    the critic that low spread within a run is real.
    """
    picked: list[int] = []
    for taken, number in enumerate(uniform):
        place = int(number * max(1, count - taken))
        # The number counts the positions still free: step over the taken ones in order.
        for other in sorted(picked):
            place += place >= other
        picked.append(place % count)
    return picked
