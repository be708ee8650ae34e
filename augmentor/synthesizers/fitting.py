"""Fitting one model on the training part, whatever its method, in the one training loop."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from augmentor.core import ranks
from augmentor.core.conditions import Conditions
from augmentor.core.errors import ConfigError
from augmentor.core.files import sha256_json
from augmentor.core.progress import Progress, Silent
from augmentor.core.samples import Samples
from augmentor.core.score import CheckpointScore, Judge
from augmentor.core.scratch import on_disk
from augmentor.core.seeds import derive_seed
from augmentor.nets.layout import memory_format
from augmentor.synthesizers.codec import DataForm
from augmentor.synthesizers.fitted import FORMAT, FittedModel, model_of
from augmentor.synthesizers.method_spec import MethodSpec
from augmentor.synthesizers.methods import METHODS
from augmentor.synthesizers.model import GenerativeModel
from augmentor.synthesizers.sampler import torch_threads
from augmentor.synthesizers.starts import Starts
from augmentor.training import loop
from augmentor.training.batches import Batches, EncodedRows
from augmentor.training.checkpoint import Checkpoints
from augmentor.training.networks import Networks
from augmentor.training.spec import TrainingSpec
from augmentor.training.state import State


@dataclass(frozen=True)
class FitContext:
    """Where and how a fit works; nothing of it changes what is learnt, but for the last bits.

    Attributes:
        progress: receives images shown, losses, checkpoints and warnings.
        folder: where full states are kept for resuming; None keeps none.
        device: "cpu", "cuda" or "mps".
        threads: torch threads while training on a CPU; restored afterwards.
    """

    progress: Progress = field(default_factory=Silent)
    folder: Path | None = None
    device: str = "cpu"
    threads: int = 1


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
    unsized, spec = spec, METHODS[spec.method].model().sized(spec, form.shape, len(train))
    model = model_of(spec, training, form.shape, train.n_classes)
    starts = None
    if model.starts_spec is not None:
        starts = Starts.of(train, form.codec, model.starts_spec, seed)
    with torch_threads(context.threads):
        networks = model.networks(seed, place)
        _refuse_ranks(model, networks)
        state = State.begin(networks, model.regulators)
        store = Checkpoints(context.folder, _fingerprint(unsized, training, train, seed, judge is not None))
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
    kept = model.kept_critic(networks)
    fitted.critic = None if kept is None else replace(kept, images=last["images"])
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
