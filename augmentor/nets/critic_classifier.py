"""A classifier with the architecture of a critic or an encoder, initialised with its weights or at random.

A critic has seen every training sample thousands of times, under more augmentations than any classifier;
Radford 2015 (section 5.1) classifies by the features of a critic. Here the critic's trunk gets one linear
layer, and all of it is trained like any classifier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from augmentor.nets.architectures import adversarial_networks, autoencoder_networks
from augmentor.nets.classifier import Classifier
from augmentor.nets.conditional import Critic, Encoder, Generator
from augmentor.nets.spec import NetworkSpec

Role = Literal["critic", "encoder"]

ROLES: Mapping[Role, Callable[[NetworkSpec, tuple[int, ...], int], tuple[Generator, Critic | Encoder]]] = {
    "critic": adversarial_networks,
    "encoder": autoencoder_networks,
}
"""What makes the network of each role, after a generator that is not needed here."""


class CriticClassifier(Classifier):
    """The trunk of a critic or an encoder, and one linear layer.

    Two things are left out, as a test sample has neither: the label's plane, which is zero, as it was while
    the critic's labels faded in; and the minibatch statistic, as a prediction must not depend on the other
    rows of its batch. Spectral normalisation is removed.

    Args:
        spec: the critic's declaration; ``width`` must be a number by now.
        shape: (C, *spatial) of one sample.
        n_classes: number of classes K.
        role: "critic" or "encoder": what the network was trained as.
        weights: the critic's ``state_dict``; None for random ones, drawn from torch's global stream.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        shape: tuple[int, ...],
        n_classes: int,
        *,
        role: Role,
        weights: dict[str, Tensor] | None,
    ) -> None:
        super().__init__(shape, n_classes)
        alone = spec.model_copy(update={"minibatch_group": 0, "spectral_norm": False})
        self.spec, self.role = alone, role
        network = ROLES[role](alone, shape, n_classes)[1]
        self.planes = 0 if network.plane is None else 1
        self.trunk = network.trunk
        features = network.trunk.features
        assert isinstance(features, int)
        self.head = nn.Linear(features, n_classes)
        if weights is not None:
            made = ROLES[role](spec, shape, n_classes)[1]
            made.load_state_dict(weights)
            _load_trunk(self.trunk, _without_spectral_norm(made))

    def as_critic(self) -> tuple[NetworkSpec, dict[str, Tensor]]:
        """Return the declaration and the ``state_dict`` of a critic with this trunk and untrained heads."""
        network = ROLES[self.role](self.spec, self.shape, self.n_classes)[1]
        network.trunk.load_state_dict(self.trunk.state_dict())
        return self.spec, dict(network.state_dict())

    def features(self, x: Tensor) -> Tensor:
        """Return the trunk's features (B, F) of ``x`` (B, C, *spatial) in [-1, 1]."""
        if self.planes:
            x = torch.cat([x, torch.zeros_like(x[:, :1])], 1)
        found: Tensor = self.trunk(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (B, K) of ``x`` (B, C, *spatial) in [-1, 1]."""
        logits: Tensor = self.head(self.features(x))
        return logits


def _without_spectral_norm(network: Critic | Encoder) -> dict[str, Tensor]:
    """Return the weights of the trunk, those under a spectral norm divided by it."""
    network.eval()
    for layer in list(network.trunk.modules()):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
    return dict(network.trunk.state_dict())


def _load_trunk(trunk: nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy ``weights`` into ``trunk``, without those of the minibatch statistic.

    Its channel comes last into the dense layer at the top, so that layer's first columns are those of the
    sample itself. (Where the learning rate is equalised, the constant of that layer grows by less than one
    in a hundred with the column that is gone.)
    """
    found = {}
    for name, value in trunk.state_dict().items():
        given = weights[name]
        found[name] = given[:, : value.shape[1]] if given.ndim == 2 else given
    trunk.load_state_dict(found)
