"""Fitting and applying the downstream classifier.

The batches come from a function of the step alone, so that what an arm trains on is decided in one
place (the experiment) and everything else - weights, schedule, optimiser - is the same for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from augmentor.core.errors import ConfigError, TrainingFailed
from augmentor.nets.classifier import Classifier, SmallResNet
from augmentor.nets.layout import memory_format
from augmentor.training.networks import Optimised, initial_weights, placed

Network = TypeVar("Network", bound=Classifier)
Draw = Callable[[int], tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]

WEIGHT_DECAY = 0.05
"""AdamW's decoupled decay."""

WARM_UP = 0.15
"""Share of the updates in which the learning rate rises (one-cycle, Smith 2018)."""


def fit_classifier(
    draw: Draw,
    *,
    shape: tuple[int, ...],
    n_classes: int,
    updates: int,
    seed: int,
    loss: Loss = functional.cross_entropy,
    device: str = "cpu",
) -> SmallResNet:
    """Train a :class:`SmallResNet` for a fixed number of updates; see :func:`fit_network`.

    Args:
        draw: as in :func:`fit_network`.
        shape: (C, *spatial) of one sample.
        n_classes: number of classes K.
        updates: number of optimiser steps, at least one.
        seed: decides the initial weights; with the same ``draw`` the same weights come out.
        loss: (logits (B, K), targets) to a scalar.
        device: where to train.
    """
    return fit_network(
        lambda: SmallResNet(shape, n_classes), draw, updates=updates, seed=seed, loss=loss, device=device
    )


def fit_network(
    build: Callable[[], Network],
    draw: Draw,
    *,
    updates: int,
    seed: int,
    learning_rate: float = 3e-3,
    loss: Loss = functional.cross_entropy,
    device: str = "cpu",
) -> Network:
    """Train a classifier for a fixed number of updates.

    AdamW (Loshchilov 2019) with a learning rate that rises linearly and falls along a half cosine
    to zero. No early stopping: every arm of an experiment gets the same number of updates.

    Args:
        build: makes the network, its weights drawn from torch's global stream.
        draw: ``draw(step)`` returns the batch of an update: x (B, C, *spatial) float32 in [-1, 1]
            and labels (B,) int64, or label weights (B, K) float32 that add to one.
        updates: number of optimiser steps, at least one.
        seed: decides the initial weights; with the same ``draw`` the same weights come out.
        learning_rate: the highest learning rate.
        loss: (logits (B, K), targets) to a scalar.
        device: where to train.

    Returns:
        The fitted network in evaluation mode.

    Raises:
        ConfigError: if ``updates`` is below one.
        TrainingFailed: if the loss stops being finite.
    """
    if updates < 1:
        raise ConfigError(f"a classifier needs at least one update, got {updates}")
    with initial_weights(seed):
        model = build()
    layout = memory_format(len(model.shape) - 1)
    network = with_adamw(placed(model, len(model.shape) - 1, torch.device(device)), learning_rate)
    model.train()
    for step in range(updates):
        network.optimiser.param_groups[0]["lr"] = learning_rate * one_cycle((step + 0.5) / updates)
        x, y = draw(step)
        x = x.to(device=device, memory_format=layout)
        value = loss(model(x), y.to(device))
        network.optimiser.zero_grad(set_to_none=True)
        value.backward()
        network.optimiser.step()
        if (step + 1 == updates or step % 50 == 0) and not math.isfinite(float(value.detach())):
            raise TrainingFailed(
                f"the classifier's loss is not finite at update {step}; lower its learning rate "
                f"({learning_rate:g} now) and look for non-finite values in the data"
            )
    return model.eval()


def with_adamw(network: Network, learning_rate: float) -> Optimised[Network]:
    """Return a classifier with AdamW (Loshchilov 2019)."""
    device = next(network.parameters()).device.type
    parameters = tuple(network.parameters())
    optimiser = torch.optim.AdamW(
        parameters, lr=learning_rate, weight_decay=WEIGHT_DECAY, fused=device in {"cpu", "cuda"}
    )
    return Optimised(network, optimiser, parameters)


def one_cycle(progress: float) -> float:
    """Return the share of the highest learning rate at ``progress`` in [0, 1]."""
    if progress < WARM_UP:
        return progress / WARM_UP
    return 0.5 * (1.0 + math.cos(math.pi * (progress - WARM_UP) / (1.0 - WARM_UP)))


def predict(model: Classifier, x: Tensor, batch: int = 512) -> npt.NDArray[np.float64]:
    """Return class probabilities (N, K), rows adding to one, of ``x`` (N, C, *spatial) in [-1, 1]."""
    logits = _apply(model, model, x, batch, model.n_classes)
    return torch.softmax(logits.double(), dim=1).numpy()


def embed(model: SmallResNet, x: Tensor, batch: int = 512) -> npt.NDArray[np.float32]:
    """Return the features (N, D) before the last layer of ``x`` (N, C, *spatial) in [-1, 1]."""
    return _apply(model, model.features, x, batch, model.head.in_features).numpy()


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread inside the block.

    Small networks gain little from a second one, and sums split over threads differ in the last
    bit: with one thread everywhere the number of processes never changes a result.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _apply(
    model: Classifier, function: Callable[[Tensor], Tensor], x: Tensor, batch: int, width: int
) -> Tensor:
    layout = memory_format(len(model.shape) - 1)
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        parts = [
            function(x[start : start + batch].to(device=device, memory_format=layout)).float().cpu()
            for start in range(0, len(x), batch)
        ]
    model.train(was_training)
    return torch.cat(parts) if len(x) else torch.zeros(0, width)
