"""Everything a training needs to go on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from augmentor.nets.architectures import Maker
from augmentor.nets.conditional import Critic, Encoder
from augmentor.training.ema import Average, averaged
from augmentor.training.regulators import Regulators
from augmentor.training.spec import TrainingSpec
from augmentor.training.steps import Players


@dataclass
class State:
    """Networks, optimisers and counters of one training.

    Attributes:
        players: the two networks and their optimisers.
        average: the averaged generator.
        averaging: what moves it.
        regulators: regularisers with a memory of their own.
        step: steps finished.
        factor: what the learning rate is multiplied by after rollbacks.
        rollbacks: how often a non-finite loss led back to an earlier state.
        history: one JSON-able row a stretch of training, oldest first.
        best: the facts of the best checkpoint so far, None before the first.
        best_weights: the averaged generator's weights at that checkpoint.
    """

    players: Players
    average: Maker
    averaging: Average
    regulators: Regulators = field(default_factory=Regulators)
    step: int = 0
    factor: float = 1.0
    rollbacks: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Any] | None = None
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def begin(
        cls,
        generator: Maker,
        critic: Critic | Encoder | None,
        spec: TrainingSpec,
        regulators: Regulators | None = None,
    ) -> State:
        """Return the state before the first step."""
        average = averaged(generator)
        players = Players(
            generator,
            critic,
            _adam(generator, spec),
            None if critic is None else _adam(critic, spec),
            tuple(generator.parameters()),
        )
        return cls(players, average, Average(average, generator), regulators or Regulators())

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor of the state by name; copies, in the parameters' own layout."""
        parts = {
            **_named("average", self.average.state_dict()),
            **_named("best", self.best_weights),
        }
        for name, network, optimiser in self.players.trained:
            parts |= _named(name, network.state_dict())
            parts |= _moments(f"{name}_adam", network, optimiser)
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
        for name, network, optimiser in self.players.trained:
            network.load_state_dict(_below(name, tensors))
            _put_moments(_below(f"{name}_adam", tensors), network, optimiser)
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
        """Return whether every weight of both networks is finite."""
        weights = [weight for _, network, _ in self.players.trained for weight in network.parameters()]
        norms = torch._foreach_norm([weight.detach() for weight in weights], 1)
        return bool(torch.isfinite(torch.stack(list(norms))).all())

    def set_learning_rate(self, rate: float) -> None:
        """Set both optimisers' step size."""
        for _, _, optimiser in self.players.trained:
            for group in optimiser.param_groups:
                group["lr"] = rate


def _adam(module: nn.Module, spec: TrainingSpec) -> torch.optim.Adam:
    # Fused: one kernel for all weights instead of ten calls for each.
    device = next(module.parameters()).device.type
    return torch.optim.Adam(
        module.parameters(), lr=spec.rate, betas=spec.moments, fused=device in {"cpu", "cuda"}
    )


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
