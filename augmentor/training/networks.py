"""Networks in training, each with its optimiser, whatever the method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from augmentor.core.seeds import derive_seed
from augmentor.nets.layout import memory_format
from augmentor.training.spec import TrainingSpec

Net = TypeVar("Net", bound=nn.Module, covariant=True)
Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class Optimised(Generic[Net]):
    """A network and what updates it.

    Attributes:
        module: the network.
        optimiser: of all its parameters.
        parameters: them as a tuple, made once.
    """

    module: Net
    optimiser: torch.optim.Optimizer
    parameters: tuple[Tensor, ...]


class Networks(Protocol):
    """Everything that a method trains."""

    @property
    def trained(self) -> Mapping[str, Optimised[nn.Module]]:
        """Each network by the name that its part of a saved state has."""

    @property
    def sampled(self) -> nn.Module:
        """What makes samples; the training keeps an average of its weights."""


def with_adam(module: Module, training: TrainingSpec) -> Optimised[Module]:
    """Return ``module`` with Adam at the budget's learning rate and moments."""
    # Fused: one kernel for all weights instead of ten calls for each.
    device = next(module.parameters()).device.type
    parameters = tuple(module.parameters())
    optimiser = torch.optim.Adam(
        parameters, lr=training.rate, betas=training.moments, fused=device in {"cpu", "cuda"}
    )
    return Optimised(module, optimiser, parameters)


def placed(module: Module, ndim: int, device: torch.device) -> Module:
    """Return ``module`` on ``device``, laid out for samples of ``ndim`` spatial dimensions."""
    module.to(device=device, memory_format=memory_format(ndim))  # type: ignore[call-overload]  # torch omits this pair
    return module


@contextmanager
def initial_weights(seed: int) -> Iterator[None]:
    """Within the block torch's random weights depend on ``seed`` alone; its own stream is left as it was.

    Weights are drawn on the CPU, so that every device starts from the same ones.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "weights"))
        yield
