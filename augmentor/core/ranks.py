"""Data-parallel training over the processes that ``torchrun`` starts: ranks, shared rows, gradients.

All processes (ranks) hold the same weights and draw the same random numbers for the same global batch;
each computes its own rows of it. Gradients are averaged by hand: torch's DistributedDataParallel does not go
with gradients of gradients. What is computed from a whole batch (a moving average, a term that compares
rows) is computed from the rows of all ranks. Without ``torchrun`` every function here leaves its
argument as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from augmentor.core.errors import ConfigError

TIMEOUT = timedelta(days=2)
"""How long a rank waits for another: rank 0 prepares the data and scores checkpoints alone."""

_rows: int | None = None
"""Rows of the global batch that this rank computes, while a step is under way."""


def launched_processes() -> int:
    """Return how many processes ``torchrun`` started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def init_process_group(device: str) -> None:
    """Initialise the process group of ``torchrun``; nothing without it, or where that is done already.

    Args:
        device: "cpu" uses the backend gloo, "cuda" nccl and this process's own GPU.

    Raises:
        ConfigError: if the device cannot take part in distributed training.
    """
    if launched_processes() == 1 or dist.is_initialized():
        return
    if device == "mps":
        raise ConfigError("torchrun spreads a training over CPUs or CUDA devices; use --device cpu or cuda")
    if device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if device == "cuda" else "gloo", timeout=TIMEOUT)


def destroy_process_group() -> None:
    """Leave the process group, where there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def world_size() -> int:
    """Return how many processes work together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Return the number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def rank_slice(batch: int, group: int = 1) -> slice:
    """Return the rows of a global batch that this rank computes.

    Raises:
        ConfigError: if the batch cannot be divided into equal parts of whole groups.
    """
    if batch % (world_size() * group):
        raise ConfigError(
            f"training.batch={batch} cannot be divided over {world_size()} processes in whole runs of "
            f"{group} rows; choose a multiple of {world_size() * group}"
        )
    rows = batch // world_size()
    return slice(rank() * rows, (rank() + 1) * rows)


@contextmanager
def global_batch(batch: int) -> Iterator[None]:
    """Within the block, random numbers and means are those of a global batch of ``batch`` rows."""
    global _rows
    if world_size() == 1:
        yield
        return
    _rows = batch // world_size()
    try:
        yield
    finally:
        _rows = None


def draw_rows(
    draw: Callable[..., Tensor], shape: Iterable[int], *, generator: torch.Generator, dim: int = 0
) -> Tensor:
    """Return random numbers for this process's rows, as one process draws them for the global batch.

    Args:
        draw: :func:`torch.rand` or :func:`torch.randn`.
        shape: of the result.
        generator: in the same state in every process; on its own device.
        dim: the axis of the rows. It holds this process's rows once, or several times one after the
            other (real rows, then generated ones).
    """
    sizes = list(shape)
    if _rows is None:
        return draw(sizes, generator=generator, device=generator.device)
    times = sizes[dim] // _rows
    whole = draw(
        [*sizes[:dim], times * world_size() * _rows, *sizes[dim + 1 :]],
        generator=generator,
        device=generator.device,
    )
    mine: Tensor = whole.unflatten(dim, (times, world_size(), _rows)).select(dim + 1, rank())
    return mine.flatten(dim, dim + 1)


class _Gathered(torch.autograd.Function):
    """Rows of all ranks; a gradient of any rank's loss comes back to the rank that the row is from."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ANN401 - torch's own context
        ctx.rows = len(x)
        return _all_rows(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401 - torch's own context
        whole = gradients[0].contiguous()
        dist.all_reduce(whole)
        start = rank() * ctx.rows
        return whole[start : start + ctx.rows]


def all_gather(x: Tensor) -> Tensor:
    """Return the rows (B, ...) of all ranks, in order, for a loss that every rank computes in the same way.

    Differentiable once. With gradients averaged over ranks by :func:`average_gradients`, the result is
    that of one process.
    """
    if _rows is None:
        return x
    found: Tensor = _Gathered.apply(x)  # type: ignore[no-untyped-call]  # torch does not type it
    return found


def all_gather_detached(x: Tensor) -> Tensor:
    """Return the rows (B, ...) of all ranks, in order, without gradients."""
    x = x.detach()
    return x if _rows is None else _all_rows(x)


def average_gradients(weights: Iterable[Tensor]) -> None:
    """Replace every gradient by its mean over ranks; call it after ``backward``."""
    if _rows is None:
        return
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world_size()
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def all_reduce_mean(values: Mapping[str, float]) -> dict[str, float]:
    """Return the mean of each value over ranks, which have the same names."""
    if world_size() == 1:
        return dict(values)
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    flat = torch.tensor(list(values.values()), dtype=torch.float64, device=device)
    dist.all_reduce(flat)
    return dict(zip(values, (flat / world_size()).tolist(), strict=True))


def broadcast_from_rank_0(value: str) -> str:
    """Return the value that rank 0 passes, on every rank; the other ranks wait for it."""
    if world_size() == 1:
        return value
    values = [value]
    dist.broadcast_object_list(values)
    return values[0]


def _all_rows(x: Tensor) -> Tensor:
    rows = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(world_size())]
    dist.all_gather(rows, x.contiguous())
    return torch.cat(rows)
