"""From a declaration to networks and losses: where the names of the five seams become functions."""

from __future__ import annotations

import torch
from torch import nn

from augmentor.core.seeds import derive_seed
from augmentor.nets.architectures import networks
from augmentor.nets.layers import memory_format
from augmentor.nets.sizing import auto_gamma
from augmentor.objectives.adversarial import ADVERSARIAL
from augmentor.objectives.diffaugment import make_augment
from augmentor.synthesizers.spec import SynthesizerSpec
from augmentor.training.spec import TrainingSpec
from augmentor.training.steps import Objective


def initial_networks(
    spec: SynthesizerSpec, shape: tuple[int, ...], n_classes: int, seed: int, device: torch.device
) -> tuple[nn.Module, nn.Module]:
    """Return generator and critic with weights that depend on ``seed`` alone, on ``device``.

    Weights are drawn on the CPU, so that every device starts alike, and torch's own stream is left
    as it was.

    Raises:
        ConfigError: if samples of ``shape`` have no network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "weights"))
        pair = networks(spec, shape, n_classes)
    layout = memory_format(len(shape) - 1)
    for network in pair:
        network.to(device=device, memory_format=layout)  # type: ignore[call-overload]  # torch omits this pair
    return pair


def objective_of(spec: SynthesizerSpec, training: TrainingSpec, shape: tuple[int, ...]) -> Objective:
    """Return what the networks minimise on samples of ``shape``, with "auto" weights resolved."""
    gamma = auto_gamma(shape[1:])
    weights = {
        name: gamma if weight == "auto" else float(weight) for name, weight in spec.regularisers.items()
    }
    augmenting = bool(spec.augmentation) and spec.augmentation_probability > 0
    return Objective(
        adversarial=ADVERSARIAL[spec.adversarial],
        penalties={name: weight for name, weight in weights.items() if weight > 0},
        every=training.regularise_every,
        augment=make_augment(spec.augmentation, probability=spec.augmentation_probability)
        if augmenting
        else None,
        mode_seeking=spec.mode_seeking,
    )
