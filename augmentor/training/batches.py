"""What a step sees: real samples in runs of one class, their labels, and latents."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from augmentor.core.errors import DataError
from augmentor.training.spec import GROUP


class Batch(NamedTuple):
    """One step's draw, on the training device.

    Attributes:
        real: (B, C, *spatial) in [-1, 1].
        labels: (B,) int64, in runs of four alike; the fakes are asked for the same labels.
        latents: (B, L), standard normal.
    """

    real: Tensor
    labels: Tensor
    latents: Tensor


class Batches:
    """Draws batches; the same generator state gives the same batch on every device.

    Real and fake rows share their labels: a relativistic loss compares a fake with a real of its
    class, class-wise statistics compare like with like, and no class prior is left for the critic
    to tell them apart by. Classes are drawn by systematic sampling from p ~ count**power, so every
    batch holds each class as often as expected, give or take one run of four.

    Args:
        x: (N, C, *spatial) float32 in [-1, 1], on the CPU.
        y: (N,) int64 labels.
        n_classes: number of classes.
        batch: rows a step, a multiple of four.
        power: the exponent of tempered class sampling.
        latent: dimension L of the latents.
        device: where the batch goes.
        layout: memory format of the real rows.

    Raises:
        DataError: if a class has no row.
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        *,
        n_classes: int,
        batch: int,
        power: float,
        latent: int,
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
        self.batch, self.latent, self.device = batch, latent, device
        self.x = x.contiguous(memory_format=layout)
        self.layout = layout
        if device.type == "cuda":
            self.x = self.x.pin_memory()
        self.counts = counts
        # Row starts[c] + k of ``order`` is the k-th sample of class c.
        self.order = torch.argsort(y, stable=True)
        self.starts = torch.cumsum(counts, 0) - counts
        weights = counts.double() ** power
        self.limits = torch.cumsum(weights / weights.sum(), 0)

    def draw(self, generator: torch.Generator) -> Batch:
        """Return one batch, every number of it taken from ``generator`` (on the CPU)."""
        runs = self.batch // GROUP
        labels = self._labels(runs, generator)
        rows = self.order[self.starts[labels, None] + self._distinct(self.counts[labels], generator)]
        latents = torch.randn(self.batch, self.latent, generator=generator)
        real = self.x.index_select(0, rows.flatten())
        labels = labels.repeat_interleave(GROUP)
        if self.device.type == "cpu":
            return Batch(real.contiguous(memory_format=self.layout), labels, latents)
        if self.device.type == "cuda":
            real, labels, latents = real.pin_memory(), labels.pin_memory(), latents.pin_memory()
        return Batch(
            real.to(self.device, non_blocking=True, memory_format=self.layout),
            labels.to(self.device, non_blocking=True),
            latents.to(self.device, non_blocking=True),
        )

    def _labels(self, runs: int, generator: torch.Generator) -> Tensor:
        """Return the class of each run (runs,): one uniform number, evenly spaced from there."""
        start = torch.rand(1, generator=generator, dtype=torch.float64)
        points = (torch.arange(runs) + start) / runs
        return torch.searchsorted(self.limits, points, right=True).clamp_(max=len(self.limits) - 1)

    @staticmethod
    def _distinct(counts: Tensor, generator: torch.Generator) -> Tensor:
        """Return four positions (runs, 4) below each count, distinct where the count allows.

        A repeated real sample would teach the critic that low spread within a run is real.
        """
        uniform = torch.rand(len(counts), GROUP, generator=generator, dtype=torch.float64)
        picked = torch.empty(len(counts), GROUP, dtype=torch.int64)
        for column in range(GROUP):
            left = (counts - column).clamp_min(1)
            value = (uniform[:, column] * left).long()
            # The value counts the positions not yet taken: step over the taken ones in order.
            taken, _ = picked[:, :column].sort(1)
            for other in range(column):
                value = value + (value >= taken[:, other]).long()
            picked[:, column] = value % counts
        return picked
