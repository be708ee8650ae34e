"""Everything a training needs to resume as if it had never stopped."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from augmentor.training.ema import Average, averaged
from augmentor.training.networks import Networks
from augmentor.training.regulators import Regulators

Trained = TypeVar("Trained", bound=Networks)


@dataclass
class State(Generic[Trained]):
    """Networks, optimisers and counters of one training.

    Attributes:
        networks: the method's networks and their optimisers.
        average: the averaged network that samples are made with.
        averaging: what moves it.
        regulators: regularisers that remember earlier steps.
        step: steps finished.
        factor: what the learning rate is multiplied by after rollbacks.
        rollbacks: how often a non-finite loss led back to an earlier state.
        history: one JSON-able row a stretch of training, oldest first.
        best: the facts of the best checkpoint so far, None before the first.
        best_weights: the average's weights at that checkpoint.
    """

    networks: Trained
    average: nn.Module
    averaging: Average
    regulators: Regulators = field(default_factory=Regulators)
    step: int = 0
    factor: float = 1.0
    rollbacks: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Any] | None = None
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def begin(cls, networks: Trained, regulators: Regulators) -> State[Trained]:
        """Return the state before the first step."""
        average = averaged(networks.sampled)
        return cls(networks, average, Average(average, networks.sampled), regulators)

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor of the state by name; copies, in the parameters' own layout."""
        parts = {
            **_named("average", self.average.state_dict()),
            **_named("best", self.best_weights),
        }
        for name, network in self.networks.trained.items():
            parts |= _named(name, network.module.state_dict())
            parts |= _moments(f"{name}_adam", network.module, network.optimiser)
        return {name: tensor.detach().clone() for name, tensor in parts.items()}

    def facts(self) -> dict[str, Any]:
        """Return everything else, as JSON values; a copy."""
        return deepcopy(
            {
                "step": self.step,
                "factor": self.factor,
                "rollbacks": self.rollbacks,
                "history": self.history,
                "best": self.best,
                "regulators": self.regulators.state_dict(),
            }
        )

    def restore(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Put back what :meth:`tensors` and :meth:`facts` returned."""
        for name, network in self.networks.trained.items():
            network.module.load_state_dict(_below(name, tensors))
            _put_moments(_below(f"{name}_adam", tensors), network.module, network.optimiser)
        self.average.load_state_dict(_below("average", tensors))
        self.best_weights = {name: tensor.clone() for name, tensor in _below("best", tensors).items()}
        values = deepcopy(dict(facts))
        self.step, self.factor, self.rollbacks = values["step"], values["factor"], values["rollbacks"]
        self.history, self.best = values["history"], values["best"]
        self.regulators.load_state_dict(values["regulators"])

    def keep_best(self, facts: dict[str, Any]) -> None:
        """Make the average's present weights the best so far."""
        self.best = facts
        self.best_weights = {
            name: tensor.detach().clone() for name, tensor in self.average.state_dict().items()
        }

    def finite(self) -> bool:
        """Return whether every weight of every network is finite."""
        weights = [weight for network in self.networks.trained.values() for weight in network.parameters]
        norms = torch._foreach_norm([weight.detach() for weight in weights], 1)
        return bool(torch.isfinite(torch.stack(list(norms))).all())

    def set_learning_rate(self, rate: float) -> None:
        """Set every optimiser's step size."""
        for network in self.networks.trained.values():
            for group in network.optimiser.param_groups:
                group["lr"] = rate


def _named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}/"
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def _moments(prefix: str, module: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"{prefix}/{name}/{key}": value
        for name, weight in module.named_parameters()
        for key, value in optimiser.state.get(weight, {}).items()
    }


def _put_moments(moments: Mapping[str, Tensor], module: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    optimiser.state.clear()
    for name, weight in module.named_parameters():
        found = _below(name, moments)
        for key, value in found.items():
            # In the weight's own layout: a fused update walks weight and moments side by side.
            like = torch.empty_like(weight) if value.shape == weight.shape else torch.empty_like(value)
            place = like.detach().to(device=weight.device, dtype=value.dtype)
            optimiser.state[weight][key] = place.copy_(value)
