"""What is left of a training beside its generator: the critic, or the encoder, for classifiers to start from.

It has seen the training part and nothing else. It distinguishes training samples from others better than a
generator does, so whoever shares it shares as much as with a classifier trained on them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from augmentor.core.errors import DataError
from augmentor.core.files import sha256_bytes, sha256_json, write_json
from augmentor.nets.classifier import Classifier
from augmentor.nets.critic_classifier import CriticClassifier, Role
from augmentor.nets.spec import NetworkSpec
from augmentor.training.checkpoint import read_tensors, write_tensors

WEIGHTS = "critic.safetensors"
CONFIG = "critic.json"


@dataclass(frozen=True, eq=False)
class KeptCritic:
    """A critic, or an encoder, as a training left it.

    Attributes:
        spec: the networks' declaration, sizes resolved.
        shape: (C, *spatial) of one sample.
        n_classes: number of classes K.
        role: "critic" or "encoder".
        weights: its ``state_dict``; empty for random ones.
        images: images that it was shown in its training.
    """

    spec: NetworkSpec
    shape: tuple[int, ...]
    n_classes: int
    role: Role
    weights: Mapping[str, Tensor]
    images: int = 0

    @classmethod
    def of(
        cls, network: nn.Module, spec: NetworkSpec, shape: tuple[int, ...], n_classes: int, *, role: Role
    ) -> KeptCritic:
        """Return what is kept of ``network``, which ``spec`` (sizes resolved) declares."""
        weights = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
        return cls(spec, shape, n_classes, role, weights)

    def save(self, folder: Path) -> None:
        """Write weights (safetensors) and settings (JSON with the weights' SHA-256) into ``folder``.

        Raises:
            StorageError: if the folder cannot be written.
        """
        folder.mkdir(exist_ok=True)
        sha256 = write_tensors(folder / WEIGHTS, self.weights)
        write_json(folder / CONFIG, {**self._declared, "sha256": sha256})

    @property
    def _declared(self) -> dict[str, Any]:
        return {
            "spec": self.spec.model_dump(mode="json"),
            "shape": list(self.shape),
            "n_classes": self.n_classes,
            "role": self.role,
            "images": self.images,
        }

    @classmethod
    def load(cls, folder: Path) -> KeptCritic:
        """Return what :meth:`save` wrote.

        Raises:
            DataError: if the files are missing, truncated or altered.
        """
        try:
            body = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            spec, shape = NetworkSpec(**body["spec"]), tuple(body["shape"])
            weights = read_tensors(folder / WEIGHTS, body["sha256"])
            return cls(spec, shape, body["n_classes"], body["role"], weights, body["images"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"cannot read the critic kept in {folder}: {error}; train it again") from error

    @property
    def digest(self) -> str:
        """SHA-256 of the weights and of the network's declaration."""
        named = sorted(self.weights.items())
        values = sha256_bytes(*(tensor.contiguous().numpy().tobytes() for _, tensor in named))
        shapes = [(name, str(tensor.dtype), list(tensor.shape)) for name, tensor in named]
        return sha256_json({**self._declared, "weights": [shapes, values]})

    def classifier(self) -> CriticClassifier:
        """Return a classifier on this network, with its weights, or with random ones where it has none."""
        return CriticClassifier(
            self.spec,
            self.shape,
            self.n_classes,
            role=self.role,
            weights=dict(self.weights) or None,
        )

    def without_weights(self) -> KeptCritic:
        """Return the network alone."""
        return replace(self, weights={}, images=0)

    def with_trunk(self, classifier: CriticClassifier) -> KeptCritic:
        """Return a critic with the trunk of a classifier on its network."""
        alone, weights = classifier.as_critic()
        return replace(self, spec=alone, weights=weights, images=0)


def load_classifier(folder: Path | str, *, trained: bool = True) -> Classifier:
    """Return a classifier on the critic kept in ``folder``, to be trained further.

    A ``torch.nn.Module`` from samples (B, C, *spatial) in [-1, 1], the range that the generator was trained
    in, to logits (B, K). Its last layer is random, drawn from torch's global stream.

    Args:
        folder: ``generator/critic`` of a run.
        trained: whether it starts from the critic's weights, or from random ones on the same network.

    Raises:
        DataError: if the files are missing, truncated or altered.
    """
    critic = KeptCritic.load(Path(folder))
    return (critic if trained else critic.without_weights()).classifier()
