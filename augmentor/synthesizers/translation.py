"""Translation from richer classes as a synthesizer (Kim, Jeong and Shin 2020, M2m, equation 1, algorithm 1).

A sample of class k starts as a real training sample of a richer class and descends the loss of a classifier
until that takes it for k. The rare class borrows the variety of the richer ones: pose, background, noise.

What differs from the paper: both classifiers are fitted beforehand (there, the penalised one is the
classifier in training); a sample stops moving where it is accepted; a rejected one is replaced by another
start, never by a copy of a real one; the changes are smooth, see :mod:`augmentor.objectives.translation`.

Which samples they start from, what becomes of the richest class, and that the synthesizer HOLDS TRAINING
SAMPLES: see :mod:`augmentor.synthesizers.starts`. The richest class's own samples are moved only while the
guide does not take them for their class.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from augmentor.core import ranks
from augmentor.core.errors import ConfigError, DataError
from augmentor.core.files import sha256_json, write_json
from augmentor.core.progress import Progress, Silent
from augmentor.core.samples import IntArray, Samples
from augmentor.core.score import Judge
from augmentor.core.scratch import on_disk
from augmentor.core.seeds import derive_seed
from augmentor.core.spec import parse
from augmentor.modalities.base import Codec
from augmentor.modalities.table import load_codec, modality_of
from augmentor.nets.classifier import SmallResNet, memory_format
from augmentor.synthesizers.critic import KeptCritic
from augmentor.synthesizers.gan import CONFIG, FORMAT, WEIGHTS, read_config, tensor_digest
from augmentor.synthesizers.sampler import torch_threads
from augmentor.synthesizers.spec import FAMILIES, SynthesizerSpec, TrainingSpec
from augmentor.synthesizers.starts import Starts
from augmentor.synthesizers.translator import Translator
from augmentor.training import loop
from augmentor.training.batches import Batches, EncodedRows
from augmentor.training.checkpoint import Checkpoints, read_tensors, write_tensors
from augmentor.training.classifier import fit_classifier
from augmentor.training.loop import LOW_DIVERSITY, STAGE

KIND = "translation"
NETWORKS = ("guide", "other")
DEFERRED = 0.8
"""Share of a classifier's updates on classes as ``training.class_power`` draws them; the rest sees all alike
(deferred re-sampling, Cao 2019, section 3.3)."""
ROWS = 20
"""Rows of history each classifier leaves."""


class TranslationSynthesizer:
    """Major-to-minor translation with the :class:`augmentor.core.synthetic.Synthesizer` protocol.

    Args:
        spec: the declaration; ``width`` is the classifiers' first stage.
        training: its budget, shared evenly by the two classifiers; batch, learning rate and class power.

    Attributes:
        history: one JSON-able row a stretch of training: images, step, network, classifier_loss; the last
            also has label_fidelity, coverage, merit and diversity {class: ratio} if there is a judge.
        chosen: images and step of the end, ``training_samples_held``, the share of ``accepted``
            translations {class: share}, and the judge's scores.
        critic: None: there is none.
    """

    def __init__(self, spec: SynthesizerSpec, training: TrainingSpec) -> None:
        self.spec, self.training = spec, training.tuned(FAMILIES[spec.family].training)
        self.history: list[dict[str, Any]] = []
        self.chosen: dict[str, Any] = {}
        self.critic: KeptCritic | None = None
        self._fitted: Translator | None = None

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
        """Train both classifiers on ``train``, which is the training part and nothing else.

        Arguments are those of :meth:`GanSynthesizer.fit`; the same call with the same folder after an
        interruption takes up the classifiers that were finished. The judge scores the end.

        Raises:
            DataError: if a class has no sample.
            ConfigError: if there is one class only, the shape has no classifier, or ``folder`` holds
                another training.
            TrainingFailed: if a loss stops being finite.
        """
        if ranks.world_size() > 1:
            raise ConfigError(
                f"family 'translation' trains two small classifiers, which {ranks.world_size()} processes "
                "cannot share; run without torchrun"
            )
        progress = progress or Silent()
        codec = modality_of(train).fit_codec(train)
        store = Checkpoints(folder, self._fingerprint(train, seed, judge is not None))
        progress.start(STAGE, self.training.images)
        with torch_threads(threads):
            networks = self._classifiers(train, codec, seed, store, progress, device)
        self._fitted = Translator(
            spec=self.spec,
            codec=codec,
            classes=train.classes,
            value_range=train.value_range,
            guide=networks["guide"],
            other=networks["other"],
            starts=Starts.of(train, codec, self.spec.translation, seed),
            device=torch.device(device),
        )
        self._judge(judge, seed, progress)
        progress.finish(STAGE)

    def sample(self, labels: IntArray, *, seed: int) -> Samples:
        """Return one sample for each label (N,), in the units of the training data.

        Sample i depends on ``seed``, i and label i alone, not on how many are asked.

        Raises:
            ConfigError: if the synthesizer is not fitted, or a label is out of range.
        """
        return self._ready().sample(labels, seed)

    def traverse(self, *, seed: int) -> None:
        """Return None: a translation has no codes."""

    def save(self, folder: Path) -> None:
        """Write classifiers AND TRAINING SAMPLES (safetensors) and settings (JSON) into ``folder``.

        Raises:
            ConfigError: if the synthesizer is not fitted.
            StorageError: if the folder cannot be written.
        """
        fitted = self._ready()
        body = {
            "format": FORMAT,
            "kind": KIND,
            **fitted.starts.warning(WEIGHTS),
            **fitted.config(),
            "training": self.training.model_dump(mode="json"),
            "chosen": self.chosen,
            "history": self.history,
            "sha256": write_tensors(folder / WEIGHTS, _tensors(fitted)),
            "digest": self.digest,
        }
        write_json(folder / CONFIG, {**body, "checksum": sha256_json(body)})

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> TranslationSynthesizer:
        """Return the synthesizer that :meth:`save` wrote.

        Raises:
            DataError: if the files are missing, truncated, altered or of another version.
        """
        body = read_config(folder / CONFIG)
        where = str(folder / CONFIG)
        spec = parse(SynthesizerSpec, body["spec"], where)
        loaded = cls(spec, parse(TrainingSpec, body["training"], where))
        loaded.history, loaded.chosen = body["history"], body["chosen"]
        tensors = read_tensors(folder / WEIGHTS, body["sha256"])
        shape, classes = tuple(body["shape"]), tuple(body["classes"])
        try:
            guide, other = (_network(spec, shape, len(classes), tensors, name, device) for name in NETWORKS)
            starts = Starts.read(spec.translation, tensors, body["counts"])
        except (KeyError, RuntimeError) as error:
            raise DataError(f"the weights in {folder} do not fit their settings: {error}") from error
        bounds = body["value_range"]
        loaded._fitted = Translator(
            spec=spec,
            codec=load_codec(body["codec"]),
            classes=classes,
            value_range=None if bounds is None else (float(bounds[0]), float(bounds[1])),
            guide=guide,
            other=other,
            starts=starts,
            device=torch.device(device),
        )
        return loaded

    @property
    def digest(self) -> str:
        """SHA-256 of classifiers, training samples and settings."""
        fitted = self._ready()
        tensors = {name: tensor_digest(tensor) for name, tensor in _tensors(fitted).items()}
        return sha256_json({**fitted.config(), "weights": tensors})

    def _ready(self) -> Translator:
        if self._fitted is None:
            raise ConfigError(
                "the synthesizer is not fitted yet; call fit(train, seed=...) or load(folder) first"
            )
        return self._fitted

    def _classifiers(
        self,
        train: Samples,
        codec: Codec,
        seed: int,
        store: Checkpoints,
        progress: Progress,
        device: str,
    ) -> dict[str, SmallResNet]:
        """Return both classifiers, those finished before an interruption as they were."""
        tensors: dict[str, Tensor] = {}
        self.history = []
        found = store.newest(progress.log)
        if found is not None:
            tensors, self.history = found[0], found[1]["history"]
            progress.log(f"resuming after {self.history[-1]['images']:,} images")
        for number, name in enumerate(NETWORKS):
            if any(key.startswith(f"{name}/") for key in tensors):
                continue
            network = self._classifier(name, number, train, codec, seed, progress, device)
            tensors |= {f"{name}/{key}": value for key, value in network.state_dict().items()}
            store.save(number, tensors, {"history": self.history})
        return {
            name: _network(self.spec, codec.shape, train.n_classes, tensors, name, device)
            for name in NETWORKS
        }

    def _classifier(
        self,
        name: str,
        number: int,
        train: Samples,
        codec: Codec,
        seed: int,
        progress: Progress,
        device: str,
    ) -> SmallResNet:
        training, own = self.training, derive_seed(seed, "classifier", number)
        updates = max(1, training.steps // len(NETWORKS))
        natural, alike = (_batches(train, codec, training, power) for power in (training.class_power, 0.0))
        losses: list[Tensor] = []
        told = [0.0]

        def draw(step: int) -> tuple[Tensor, Tensor]:
            draws = torch.Generator().manual_seed(derive_seed(own, "step", step))
            batch = (natural if step < DEFERRED * updates else alike).draw(draws)
            level = self.spec.translation.noise * torch.rand(len(batch.real), generator=draws)
            noise = torch.randn(batch.real.shape, generator=draws)
            return batch.real + level.view(-1, *[1] * (noise.ndim - 1)) * noise, batch.labels

        def loss(logits: Tensor, labels: Tensor) -> Tensor:
            value = cross_entropy(logits, labels)
            losses.append(value.detach())
            done = number * updates + len(losses)
            images = min(training.images, done * training.batch)
            if time.monotonic() - told[0] >= loop.PROGRESS_SECONDS:
                told[0] = time.monotonic()
                progress.update(STAGE, images, {"classifier_loss": float(losses[-1])})
            if len(losses) % max(1, updates // ROWS) == 0 or len(losses) == updates:
                stretch = torch.stack(losses[-max(1, updates // ROWS) :]).mean()
                row = {"images": images, "step": done, "network": name, "classifier_loss": float(stretch)}
                self.history.append(row)
            return value

        return fit_classifier(
            draw,
            shape=codec.shape,
            n_classes=train.n_classes,
            updates=updates,
            seed=own,
            channels=_channels(self.spec),
            learning_rate=training.rate,
            loss=loss,
            device=device,
        )

    def _judge(self, judge: Judge | None, seed: int, progress: Progress) -> None:
        """Count accepted translations, and have the end judged."""
        fitted = self._ready()
        labels = np.arange(len(fitted.classes)).repeat(self.training.judged)
        draw = derive_seed(seed, "judged samples")
        made = fitted.translate(labels, draw)
        sure = made.confidence >= self.spec.translation.gamma
        accepted = {name: float(sure[labels == label].mean()) for label, name in enumerate(fitted.classes)}
        told = ", ".join(f"{name} {share:.0%}" for name, share in accepted.items())
        progress.log(f"accepted translations, of {self.training.judged} each: {told}")
        last = self.history[-1]
        self.chosen = {
            "images": last["images"],
            "step": last["step"],
            "accepted": accepted,
            "training_samples_held": len(fitted.starts.x),
        }
        if judge is None:
            return
        score = judge(fitted.sample(labels, draw))
        scores = {
            "label_fidelity": float(score.label_fidelity),
            "coverage": float(score.coverage),
            "diversity": {name: float(value) for name, value in score.diversity.items()},
            "merit": score.merit,
        }
        last.update(scores)
        self.chosen |= scores
        low = {name: value for name, value in score.diversity.items() if value < LOW_DIVERSITY}
        if low:
            named = ", ".join(f"{name} {value:.2f}" for name, value in low.items())
            progress.log(f"warning: low diversity, as a share of the real samples': {named}")

    def _fingerprint(self, train: Samples, seed: int, judged: bool) -> str:
        return sha256_json(
            {
                "format": FORMAT,
                "kind": KIND,
                "spec": self.spec.model_dump(mode="json"),
                "training": self.training.model_dump(mode="json"),
                "train": train.digest,
                "seed": seed,
                "judged": judged,
            }
        )


def _batches(train: Samples, codec: Codec, training: TrainingSpec, power: float) -> Batches:
    x = codec.pack(train.x)
    return Batches(
        EncodedRows(x, codec.encode) if on_disk(x) else torch.from_numpy(codec.encode(x)),
        torch.from_numpy(train.y),
        n_classes=train.n_classes,
        batch=training.batch,
        power=power,
        latent=1,
        device=torch.device("cpu"),
        layout=memory_format(len(codec.shape) - 1),
    )


def _channels(spec: SynthesizerSpec) -> int | None:
    return None if spec.width == "auto" else spec.width


def _network(
    spec: SynthesizerSpec,
    shape: tuple[int, ...],
    n_classes: int,
    tensors: dict[str, Tensor],
    name: str,
    device: str,
) -> SmallResNet:
    """Return one of the classifiers with its saved weights, frozen."""
    with torch.random.fork_rng(devices=[]):
        network = SmallResNet(shape, n_classes, _channels(spec))
    start = f"{name}/"
    network.load_state_dict(
        {key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)}
    )
    layout = memory_format(len(shape) - 1)
    placed: nn.Module = network.to(device=device, memory_format=layout)  # type: ignore[call-overload]  # torch omits this pair
    placed.eval().requires_grad_(False)
    return network


def _tensors(fitted: Translator) -> dict[str, Tensor]:
    """Return all that is saved: the classifiers' weights and the training samples."""
    return {
        **{
            f"{name}/{key}": value
            for name in NETWORKS
            for key, value in getattr(fitted, name).state_dict().items()
        },
        **fitted.starts.tensors(),
    }
