"""Fitting one model, and what it is afterwards: sampled, saved and loaded in one format for every method."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from augmentor.core import ranks
from augmentor.core.conditions import Conditions
from augmentor.core.errors import ConfigError, DataError
from augmentor.core.files import sha256_bytes, sha256_json, write_json
from augmentor.core.progress import Progress, Silent
from augmentor.core.samples import Samples
from augmentor.core.score import CheckpointScore, Judge
from augmentor.core.scratch import on_disk
from augmentor.core.seeds import derive_seed
from augmentor.nets.layout import memory_format
from augmentor.synthesizers.codec import DataForm
from augmentor.synthesizers.critic import KeptCritic
from augmentor.synthesizers.method_spec import MethodSpec
from augmentor.synthesizers.methods import METHODS
from augmentor.synthesizers.model import GenerativeModel
from augmentor.synthesizers.sampler import BoolArray, Sampler, torch_threads
from augmentor.synthesizers.starts import Starts
from augmentor.synthesizers.traverse import Traversals
from augmentor.training import loop
from augmentor.training.batches import Batches, EncodedRows
from augmentor.training.checkpoint import Checkpoints, read_tensors, write_tensors
from augmentor.training.networks import Networks
from augmentor.training.spec import TrainingSpec
from augmentor.training.state import State

FORMAT = 3
"""Version of the saved files."""

WEIGHTS = "generator.safetensors"
CONFIG = "synthesizer.json"


@dataclass(frozen=True)
class FitContext:
    """Where and how a fit works; nothing of it changes what is learnt, but for the last bits.

    Attributes:
        progress: hears images shown, losses, checkpoints and warnings.
        folder: where full states are kept for resuming; None keeps none.
        device: "cpu", "cuda" or "mps".
        threads: torch threads while training on a CPU; restored afterwards.
    """

    progress: Progress = field(default_factory=Silent)
    folder: Path | None = None
    device: str = "cpu"
    threads: int = 1


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
            "format": FORMAT,
            **({} if starts is None else starts.warning(WEIGHTS)),
            **self.config(),
            "training": self.training.model_dump(mode="json"),
            "chosen": self.chosen,
            "history": self.history,
            "sha256": sha256,
            "digest": self.digest,
        }
        write_json(folder / CONFIG, {**body, "checksum": sha256_json(body)})

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
        asked = model.starts_spec
        try:
            starts = None if asked is None else Starts.read(form.codec, asked, tensors, body["counts"])
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


def fit_model(
    spec: MethodSpec,
    training: TrainingSpec,
    train: Samples,
    seed: int,
    judge: Judge | None,
    context: FitContext,
) -> FittedModel:
    """Train the method of ``spec`` on ``train``; see :meth:`Synthesizer.fit`."""
    form, place, progress = DataForm.of(train), torch.device(context.device), context.progress
    asked = spec
    spec = METHODS[spec.method].model().sized(spec, form.shape, len(train))
    model = model_of(spec, training, form.shape, train.n_classes)
    starts = None
    if model.starts_spec is not None:
        starts = Starts.of(train, form.codec, model.starts_spec, seed)
    with torch_threads(context.threads):
        networks = model.networks(seed, place)
        _refuse_ranks(model, networks)
        state = State.begin(networks, model.regulators)
        store = Checkpoints(context.folder, _fingerprint(asked, training, train, seed, judge is not None))
        found = store.newest(progress.log)
        if found is not None:
            state.restore(*found)
            shown = min(training.images, state.step * training.batch)
            progress.log(f"resuming after {shown:,} images")
        fitted = FittedModel(spec, training, form, model.sampler(state.average, starts), model.takes)
        evaluate = None if judge is None else _evaluate(fitted, judge, training.judged, seed)
        batches = _batches(train, form, model, place)
        loop.train(state, loop.Training(training, model, batches, seed, evaluate, store, progress))
    if state.best is not None:
        state.average.load_state_dict(state.best_weights)
    last = {"images": min(training.images, state.step * training.batch), "step": state.step}
    facts = fitted.sampler.facts(train.classes, training.judged, _judged_seed(seed), progress)
    fitted.history, fitted.chosen = state.history, {**(state.best or last), **facts}
    fitted.critic = model.kept_critic(networks)
    return fitted


def _batches(
    train: Samples, form: DataForm, model: GenerativeModel[Any, Any], place: torch.device
) -> Batches:
    x, encode = form.codec.pack(train.x), form.codec.encode
    return Batches(
        EncodedRows(x, encode) if on_disk(x) else torch.from_numpy(encode(x)),
        torch.from_numpy(train.y),
        train.n_classes,
        model.rules,
        device=place,
        layout=memory_format(len(form.shape) - 1),
    )


def _refuse_ranks(model: GenerativeModel[Any, Any], networks: Networks) -> None:
    """Refuse to share a batch among processes where the method or its networks cannot.

    Raises:
        ConfigError: if several processes share the training and the method, or a normalisation over the
            batch, does not allow it.
    """
    processes = ranks.world_size()
    if processes == 1:
        return
    if not model.distributed:
        raise ConfigError(
            f"method {model.spec.method!r} cannot be trained by the {processes} processes of torchrun "
            "together; run without torchrun"
        )
    modules = (part for network in networks.trained.values() for part in network.module.modules())
    if any(isinstance(part, nn.BatchNorm1d) for part in modules):
        raise ConfigError(
            f"this family normalises over the batch, which {processes} processes would each do over "
            "their own rows; choose another family, or run without torchrun"
        )


def _evaluate(fitted: FittedModel, judge: Judge, judged: int, seed: int) -> loop.Evaluate:
    """Return what scores the averaged network: the judge, over as many samples of each class."""
    labels = np.arange(len(fitted.form.classes), dtype=np.int64).repeat(judged)

    def evaluate() -> CheckpointScore:
        return judge(fitted.sample(Conditions(labels), _judged_seed(seed)))

    return evaluate


def _judged_seed(seed: int) -> int:
    return derive_seed(seed, "judged samples")


def _fingerprint(spec: MethodSpec, training: TrainingSpec, train: Samples, seed: int, judged: bool) -> str:
    return sha256_json(
        {
            "format": FORMAT,
            "spec": spec.model_dump(mode="json"),
            "training": training.model_dump(mode="json"),
            "train": train.digest,
            "seed": seed,
            "judged": judged,
        }
    )


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


def read_config(path: Path) -> dict[str, Any]:
    """Return the settings beside a synthesizer's weights.

    Raises:
        DataError: if they are missing, truncated, altered or of another version.
    """
    try:
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        checksum = body.pop("checksum")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise DataError(f"cannot read the synthesizer's settings {path}: {error}; train it again") from error
    if checksum != sha256_json(body):
        raise DataError(
            f"the synthesizer's settings {path} are damaged or were altered: the checksum does not fit"
        )
    if body["format"] != FORMAT:
        raise DataError(f"{path} is of format {body['format']}, this version reads {FORMAT}; train it again")
    return body


def tensor_digest(tensor: Tensor) -> str:
    """Return the SHA-256 of a tensor's dtype, shape and values."""
    plain = tensor.detach().cpu().contiguous()
    return sha256_bytes(repr((plain.dtype, tuple(plain.shape))).encode(), plain.numpy().tobytes())
