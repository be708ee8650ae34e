"""The GAN as a synthesizer: fitted on samples, asked by labels, saved and loaded.

With objective "stargan" it also HOLDS TRAINING SAMPLES, see :mod:`augmentor.synthesizers.starts`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from augmentor.core import ranks
from augmentor.core.errors import ConfigError, DataError
from augmentor.core.files import sha256_bytes, sha256_json, write_json
from augmentor.core.progress import Progress, Silent
from augmentor.core.samples import IntArray, Samples
from augmentor.core.score import CheckpointScore, Judge
from augmentor.core.scratch import on_disk
from augmentor.core.seeds import derive_seed
from augmentor.core.spec import parse
from augmentor.modalities.table import load_codec, modality_of
from augmentor.nets.architectures import sized
from augmentor.nets.layers import memory_format
from augmentor.synthesizers.compose import initial_networks, objective_of, regulators_of
from augmentor.synthesizers.critic import KeptCritic
from augmentor.synthesizers.sampler import BoolArray, Sampler, torch_threads
from augmentor.synthesizers.spec import FAMILIES, SynthesizerSpec, TrainingSpec
from augmentor.synthesizers.starts import Starts
from augmentor.synthesizers.traverse import Traversals, traverse
from augmentor.training import loop
from augmentor.training.batches import Batches, EncodedRows
from augmentor.training.checkpoint import Checkpoints, read_tensors, write_tensors
from augmentor.training.state import State

FORMAT = 2
"""Version of the saved files."""

WEIGHTS = "generator.safetensors"
CONFIG = "synthesizer.json"


class GanSynthesizer:
    """A conditional GAN with the :class:`augmentor.core.synthetic.Synthesizer` protocol.

    Args:
        spec: the generator, composed from the five seams.
        training: its budget and optimiser; "auto" becomes what the family asks for.

    Attributes:
        history: one JSON-able row a stretch of training: images, step, critic_loss, generator_loss,
            penalty, label_strength, learning_rate; at judged checkpoints also label_fidelity,
            coverage, merit and diversity {class: ratio}; after a rollback its reason.
        chosen: images, step and scores of the checkpoint the weights are from; without a judge
            only images and step of the end; with objective "stargan" also ``training_samples_held``.
        critic: the other network at the end of training, for classifiers to start from; None where there
            is none, before the training and after :meth:`load`.
    """

    def __init__(self, spec: SynthesizerSpec, training: TrainingSpec) -> None:
        self.spec, self.training = spec, training.tuned(FAMILIES[spec.family].training)
        self.history: list[dict[str, Any]] = []
        self.chosen: dict[str, Any] = {}
        self.critic: KeptCritic | None = None
        self._fitted: Sampler | None = None

    def fit(
        self,
        train: Samples,
        *,
        seed: int,
        judge: Judge | None = None,
        progress: Progress | None = None,
        folder: Path | None = None,
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        """Train on ``train``, which is the training part and nothing else.

        The same call with the same folder after an interruption goes on from the last saved state.
        On a CPU with the same number of threads it ends with the same weights, bit for bit, as a
        training that was never interrupted; on a GPU the draws are the same, but kernels that add in
        no fixed order may differ in the last bits.

        Args:
            train: samples (N, C, *spatial) with at least one of each class.
            seed: all randomness derives from it.
            judge: scores samples of each checkpoint; the best checkpoint is kept. None keeps the last.
            progress: hears images shown, losses, checkpoints and warnings.
            folder: where full states are kept; None keeps none.
            device: "cpu", "cuda" or "mps".
            threads: torch threads while training on a CPU; restored afterwards.

        Raises:
            DataError: if a class has no sample.
            ConfigError: if the shape has no network, there is one class and the objective "stargan", or
                ``folder`` holds another training.
            TrainingFailed: if losses stop being finite twice.
        """
        progress = progress or Silent()
        codec = modality_of(train).fit_codec(train)
        place = torch.device(device)
        spec = sized(self.spec, codec.shape, len(train))
        starts = Starts.of(train, codec, spec.stargan, seed) if spec.objective == "stargan" else None
        with torch_threads(threads):
            generator, critic = initial_networks(spec, codec.shape, train.n_classes, seed, place)
            _refuse_batch_statistics(generator, critic)
            regulators = regulators_of(spec, self.training)
            state = State.begin(generator, critic, self.training, regulators)
            store = Checkpoints(folder, self._fingerprint(train, seed, judge is not None))
            found = store.newest(progress.log)
            if found is not None:
                state.restore(*found)
                progress.log(
                    f"resuming after {min(self.training.images, state.step * self.training.batch):,} images"
                )
            x = codec.pack(train.x)
            batches = Batches(
                EncodedRows(x, codec.encode) if on_disk(x) else torch.from_numpy(codec.encode(x)),
                torch.from_numpy(train.y),
                n_classes=train.n_classes,
                batch=self.training.batch,
                power=self.training.class_power,
                latent=spec.numbers(codec.shape),
                device=place,
                layout=memory_format(len(codec.shape) - 1),
                sources=starts is not None,
                others=spec.conditioning == "apart",
            )
            fitted = Sampler(
                spec, codec, train.classes, codec.shape, train.value_range, state.average, place, starts
            )
            evaluate = None if judge is None else _evaluate(fitted, judge, self.training.judged, seed)
            objective = objective_of(spec, self.training, codec.shape)
            loop.train(
                state, loop.Training(self.training, objective, batches, seed, evaluate, store, progress)
            )
        if state.best is not None:
            state.average.load_state_dict(state.best_weights)
        self.history = state.history
        self.chosen = state.best or {"images": self.training.images, "step": state.step}
        if starts is not None:
            self.chosen = {**self.chosen, "training_samples_held": len(starts.x)}
        if critic is not None and spec.leaves_critic:
            self.critic = KeptCritic.of(critic, spec, codec.shape, train.n_classes)
        self._fitted = fitted

    def sample(self, labels: IntArray, *, seed: int) -> Samples:
        """Return one sample for each label (N,), in the units of the training data.

        Sample i depends on ``seed``, i and label i alone, not on how many are asked.

        Raises:
            ConfigError: if the synthesizer is not fitted, or a label is out of range.
        """
        return self._ready().sample(labels, seed)

    def sample_where(self, wanted: BoolArray, *, seed: int) -> Samples:
        """Return N samples of the first class, of which only the ``wanted`` rows (N,) are made.

        Raises:
            ConfigError: if the synthesizer is not fitted.
        """
        return self._ready().sample(np.zeros(len(wanted), dtype=np.int64), seed, wanted=wanted)

    def traverse(self, *, seed: int) -> Traversals | None:
        """Return samples along each code of the generator, None where it has no codes.

        Raises:
            ConfigError: if the synthesizer is not fitted.
        """
        return traverse(self._ready(), seed)

    def save(self, folder: Path) -> None:
        """Write weights (safetensors) and settings (JSON with the weights' SHA-256) into ``folder``.

        With objective "stargan" training samples stand beside the weights, and the settings say so.

        Raises:
            ConfigError: if the synthesizer is not fitted.
            StorageError: if the folder cannot be written.
        """
        fitted = self._ready()
        sha256 = write_tensors(folder / WEIGHTS, fitted.tensors())
        body = {
            "format": FORMAT,
            "kind": "gan",
            **({} if fitted.starts is None else fitted.starts.warning(WEIGHTS)),
            **fitted.config(),
            "training": self.training.model_dump(mode="json"),
            "chosen": self.chosen,
            "history": self.history,
            "sha256": sha256,
            "digest": self.digest,
        }
        write_json(folder / CONFIG, {**body, "checksum": sha256_json(body)})

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> GanSynthesizer:
        """Return the synthesizer that :meth:`save` wrote.

        Raises:
            DataError: if the files are missing, truncated, altered or of another version.
        """
        body = read_config(folder / CONFIG)
        spec = parse(SynthesizerSpec, body["spec"], str(folder / CONFIG))
        loaded = cls(spec, parse(TrainingSpec, body["training"], str(folder / CONFIG)))
        loaded.history, loaded.chosen = body["history"], body["chosen"]
        tensors = read_tensors(folder / WEIGHTS, body["sha256"])
        shape, classes = tuple(body["shape"]), tuple(body["classes"])
        place = torch.device(device)
        generator, _ = initial_networks(spec, shape, len(classes), 0, place)
        starts = None
        try:
            if spec.objective == "stargan":
                starts = Starts.read(spec.stargan, tensors, body["counts"])
            held = () if starts is None else starts.tensors()
            generator.load_state_dict({name: value for name, value in tensors.items() if name not in held})
        except (KeyError, RuntimeError) as error:
            raise DataError(f"the weights in {folder} do not fit their settings: {error}") from error
        bounds = body["value_range"]
        value_range = None if bounds is None else (float(bounds[0]), float(bounds[1]))
        codec = load_codec(body["codec"])
        generator.eval().requires_grad_(False)
        loaded._fitted = Sampler(spec, codec, classes, shape, value_range, generator, place, starts)
        return loaded

    @property
    def digest(self) -> str:
        """SHA-256 of the weights and of all that turns latents, or training samples, into samples."""
        fitted = self._ready()
        weights = {name: tensor_digest(tensor) for name, tensor in fitted.tensors().items()}
        return sha256_json({**fitted.config(), "weights": weights})

    def _ready(self) -> Sampler:
        if self._fitted is None:
            raise ConfigError(
                "the synthesizer is not fitted yet; call fit(train, seed=...) or load(folder) first"
            )
        return self._fitted

    def _fingerprint(self, train: Samples, seed: int, judged: bool) -> str:
        return sha256_json(
            {
                "format": FORMAT,
                "spec": self.spec.model_dump(mode="json"),
                "training": self.training.model_dump(mode="json"),
                "train": train.digest,
                "seed": seed,
                "judged": judged,
            }
        )


def _refuse_batch_statistics(*networks: nn.Module | None) -> None:
    """Refuse networks whose rows see each other's mean, where several processes share a batch."""
    normed = any(
        isinstance(part, nn.BatchNorm1d) for network in networks if network for part in network.modules()
    )
    if normed and ranks.world_size() > 1:
        raise ConfigError(
            f"this family normalises over the batch, which {ranks.world_size()} processes would each do over "
            "their own rows; choose another family, or run without torchrun"
        )


def _evaluate(fitted: Sampler, judge: Judge, judged: int, seed: int) -> loop.Evaluate:
    """Return what scores the averaged generator: the judge, over as many samples of each class."""
    labels = torch.arange(len(fitted.classes)).repeat_interleave(judged).numpy()
    draw = derive_seed(seed, "judged samples")

    def evaluate(average: nn.Module) -> CheckpointScore:
        return judge(replace(fitted, generator=average).sample(labels, draw))

    return evaluate


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
