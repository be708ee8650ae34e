"""A fitted model: sampled, saved and loaded in one format for every method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from augmentor.core.conditions import Conditions
from augmentor.core.errors import ConfigError, DataError
from augmentor.core.files import read_sealed_json, sha256_bytes, sha256_json, write_sealed_json
from augmentor.core.samples import Samples
from augmentor.synthesizers.codec import DataForm
from augmentor.synthesizers.critic import KeptCritic
from augmentor.synthesizers.method_spec import MethodSpec
from augmentor.synthesizers.methods import METHODS
from augmentor.synthesizers.model import GenerativeModel
from augmentor.synthesizers.sampler import BoolArray, Sampler
from augmentor.synthesizers.starts import Starts
from augmentor.synthesizers.traverse import Traversals
from augmentor.training.checkpoint import read_tensors, write_tensors
from augmentor.training.spec import TrainingSpec

FORMAT = 3
"""Version of the saved files."""

WEIGHTS = "generator.safetensors"
CONFIG = "synthesizer.json"


class Fitted(Protocol):
    """What a fit leaves: one model, or one for each class."""

    history: list[dict[str, Any]]
    chosen: dict[str, Any]
    critic: KeptCritic | None

    def sample(self, conditions: Conditions, seed: int) -> Samples:
        """Return one sample for each condition."""

    def traverse(self, seed: int) -> Traversals | None:
        """Return samples along each code, None without codes."""

    def save(self, folder: Path) -> None:
        """Write it into ``folder``."""

    @property
    def digest(self) -> str:
        """SHA-256 of all that turns conditions into samples."""


@dataclass(eq=False)
class FittedModel:
    """One fitted model.

    Attributes:
        spec: the method's fields, sizes resolved.
        training: its budget.
        form: from the networks' range to samples.
        sampler: from conditions to rows in that range.
        takes: parts of conditions that the method takes.
        history: see :class:`augmentor.synthesizers.synthesizer.Synthesizer`.
        chosen: the same.
        critic: the same.
    """

    spec: MethodSpec
    training: TrainingSpec
    form: DataForm
    sampler: Sampler
    takes: frozenset[str]
    history: list[dict[str, Any]] = field(default_factory=list)
    chosen: dict[str, Any] = field(default_factory=dict)
    critic: KeptCritic | None = None

    def sample(self, conditions: Conditions, seed: int, wanted: BoolArray | None = None) -> Samples:
        """Return one sample for each condition; rows that are not ``wanted`` (N,) may be left blank.

        Raises:
            ConfigError: if a label is out of range, or the method does not take such conditions.
        """
        check_conditions(conditions, self.form.classes, self.takes, self.spec.method)
        rows = self.sampler.rows(conditions, seed, wanted)
        return self.form.decode(rows, conditions.labels, row_ids(seed, len(conditions)))

    def traverse(self, seed: int) -> Traversals | None:
        """Return samples along each code, None without codes."""
        found = self.sampler.along_codes(self.form.classes, seed)
        if found is None:
            return None
        rows, path = found
        return Traversals(self.form.decode(rows, path.labels.numpy(), row_ids(seed, len(rows))), path.rows)

    def config(self) -> dict[str, Any]:
        """Return all but the weights as JSON values."""
        return {
            "spec": self.spec.model_dump(mode="json"),
            **self.form.to_json(),
            **self.sampler.to_json(),
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the weights and of all that turns conditions into samples."""
        weights = {name: tensor_digest(tensor) for name, tensor in self.sampler.tensors().items()}
        return sha256_json({**self.config(), "weights": weights})

    def save(self, folder: Path) -> None:
        """Write weights and settings into ``folder``.

        Raises:
            StorageError: if the folder cannot be written.
        """
        starts = self.sampler.starts
        sha256 = write_tensors(folder / WEIGHTS, self.sampler.tensors())
        body = {
            **({} if starts is None else starts.warning(WEIGHTS)),
            **self.config(),
            "training": self.training.model_dump(mode="json"),
            "chosen": self.chosen,
            "history": self.history,
            "sha256": sha256,
            "digest": self.digest,
        }
        write_config(folder, body)

    @classmethod
    def load(
        cls,
        folder: Path,
        body: Mapping[str, Any],
        spec: MethodSpec,
        training: TrainingSpec,
        device: str,
    ) -> FittedModel:
        """Return what :meth:`save` wrote.

        Args:
            folder: that holds the weights.
            body: the settings beside them.
            spec: the method's fields in it.
            training: the budget in it.
            device: where the networks go.

        Raises:
            DataError: if the weights are missing, truncated, altered, or do not fit their settings.
        """
        form, tensors = DataForm.from_json(body), read_tensors(folder / WEIGHTS, body["sha256"])
        model = model_of(spec, training, form.shape, len(form.classes))
        chosen_by = model.starts_spec
        try:
            starts = (
                None if chosen_by is None else Starts.read(form.codec, chosen_by, tensors, body["counts"])
            )
            held = () if starts is None else starts.tensors()
            network = model.networks(0, torch.device(device)).sampled
            network.load_state_dict({name: value for name, value in tensors.items() if name not in held})
        except (KeyError, RuntimeError) as error:
            raise DataError(f"the weights in {folder} do not fit their settings: {error}") from error
        network.eval().requires_grad_(False)
        sampler = model.sampler(network, starts)
        return cls(spec, training, form, sampler, model.takes, body["history"], body["chosen"])


def model_of(
    spec: MethodSpec, training: TrainingSpec, shape: tuple[int, ...], n_classes: int
) -> GenerativeModel[Any, Any]:
    """Return the method of ``spec`` (sizes resolved), bound to rows of ``shape`` (C, *spatial).

    Raises:
        ConfigError: if the family is not meant for such rows, or the method has no networks for them.
    """
    reason = spec.unsuited(shape)
    if reason:
        raise ConfigError(f"{reason}; family 'dcgan' is the same for any number")
    return METHODS[spec.method].model()(spec, training, shape, n_classes)


def check_conditions(
    conditions: Conditions, classes: tuple[str, ...], takes: frozenset[str], method: str
) -> None:
    """Refuse labels that are out of range, and parts that the method does not take.

    Raises:
        ConfigError: saying what was given and what is taken.
    """
    labels = conditions.labels
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(classes):
        raise ConfigError(
            f"labels must lie in [0, {len(classes)}) for the classes {list(classes)}, got values from "
            f"{labels.min()} to {labels.max()}"
        )
    others = sorted(set(conditions.parts) - takes)
    if others:
        raise ConfigError(
            f"method {method!r} makes samples from {', '.join(sorted(takes))}, and takes no "
            f"{' and no '.join(others)}; leave that out of the conditions"
        )


def row_ids(seed: int, count: int) -> npt.NDArray[np.str_]:
    """Return the names of ``count`` samples drawn with ``seed``."""
    return np.array([f"gan-{seed:x}-{row:06d}" for row in range(count)], dtype=np.str_)


def write_config(folder: Path, body: Mapping[str, Any]) -> None:
    """Write a synthesizer's settings into ``folder``, where :func:`read_config` finds them.

    Raises:
        StorageError: if the folder cannot be written.
    """
    write_sealed_json(folder / CONFIG, {"format": FORMAT, **body})


def read_config(path: Path) -> dict[str, Any]:
    """Return the settings beside a synthesizer's weights.

    Raises:
        DataError: if they are missing, truncated, altered or of another version.
    """
    try:
        body = read_sealed_json(path, "the synthesizer's settings file")
    except DataError as error:
        raise DataError(f"{error}; restore it from a copy or train again") from error
    if body["format"] != FORMAT:
        raise DataError(f"{path} is of format {body['format']}, this version reads {FORMAT}; train it again")
    return body


def tensor_digest(tensor: Tensor) -> str:
    """Return the SHA-256 of a tensor's dtype, shape and values."""
    plain = tensor.detach().cpu().contiguous()
    return sha256_bytes(repr((plain.dtype, tuple(plain.shape))).encode(), plain.numpy().tobytes())
