"""The judge: scores a generator's samples during its training and before they are used.

The judge uses the training part and a held-out part of the training data, never test data. It
consists of classifiers cross-fitted on real training folds (:mod:`augmentor.quality.cross_fit`).

Feature space: every fold's network gives the features before its last layer, standardised by
their mean and deviation on the training rows that the network was not trained on; the F blocks are
concatenated and divided by the root of their width. A squared distance is then the mean over folds
and features of squared differences, of the order of 2 between two random images, for any F and width.
No network was trained on held-out or synthetic rows, so they are comparable to each other. A training
row is new to one network of F; against held-out rows its distances are a little too large, which
is why scores of a checkpoint refer to held-out rows wherever there are enough of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.files import atomic_file, sha256_bytes, write_json
from augmentor.core.progress import Progress, Silent
from augmentor.core.samples import FloatArray, IntArray, Samples
from augmentor.core.score import CheckpointScore
from augmentor.metrics.diversity import diversity_ratio
from augmentor.metrics.estimate import Estimate, NotEstimable, is_number
from augmentor.metrics.fidelity import NEIGHBOURS, coverage_with_pool
from augmentor.modalities.base import Codec, Modality
from augmentor.modalities.table import load_codec, modality_of
from augmentor.nets.classifier import SmallResNet
from augmentor.quality.cross_fit import assign_folds, fit_folds, load_network, network_weights
from augmentor.training.classifier import embed, one_thread, predict

UPDATES = 400
MIN_HELD_OUT = 5
"""Below this many held-out rows of a class, training rows of the class join its reference."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Real rows of one class that samples are compared to.

    Attributes:
        held_out: features (n, D) of the held-out rows.
        training: features (m, D) of the training rows.
        pixels: encoded pixels (n or n + m, P) of the rows that diversity is compared to.
        features: features of the same rows.
    """

    held_out: FloatArray
    training: FloatArray
    pixels: FloatArray
    features: FloatArray


@dataclass(frozen=True, eq=False)
class TaskJudge:
    """A judge of synthetic samples; call it with samples to get a :class:`CheckpointScore`.

    Attributes:
        models: the cross-fitted networks.
        centres: mean (F, W) of each network's features on the training rows it was not trained on.
        scales: their standard deviation (F, W), above 0.
        codec: fitted on the training part.
        fold: (N,) for each training row the network that was not trained on it.
        train: the training part.
        held_out: the held-out part of the training data.
    """

    models: tuple[SmallResNet, ...]
    centres: FloatArray
    scales: FloatArray
    codec: Codec
    fold: IntArray
    train: Samples
    held_out: Samples

    @classmethod
    def fit(
        cls,
        train: Samples,
        *,
        held_out: Samples,
        seed: int,
        updates: int = UPDATES,
        folds: int = 3,
        processes: int | None = None,
        device: str = "cpu",
        progress: Progress | None = None,
    ) -> TaskJudge:
        """Cross-fit the classifiers.

        Args:
            train: the training part, every class with at least two rows (of two groups).
            held_out: the validation part, of the same classes and shape; not trained on. Rows that
                are also training rows are left out.
            seed: decides folds, initial weights and batches.
            updates: optimiser steps of each network, 64 rows each.
            folds: networks; fewer where the smallest class has fewer rows.
            processes: processes of one thread each; None for one per core. No effect on the result.
            device: where to train.
            progress: the listener.

        Raises:
            DataError: if a class cannot be divided, or the parts do not fit together.
            ConfigError: if ``folds`` is below two.
        """
        _check(train, held_out, folds)
        held_out = _without_training_rows(held_out, train)
        listener = progress or Silent()
        # With more folds than a class has rows, some fold would hold none of them.
        smallest = min((n for n in train.counts.values() if n), default=0)
        folds = max(2, min(folds, smallest))
        codec = modality_of(train).fit_codec(train)
        x = codec.encode(train.x)
        fold = assign_folds(train, folds, seed)
        listener.start("judge", folds)
        models = fit_folds(
            x,
            train.y,
            fold,
            n_classes=train.n_classes,
            updates=updates,
            seed=seed,
            processes=processes if device == "cpu" else 1,
            device=device,
        )
        listener.finish("judge")
        centres, scales = _standard(models, torch.from_numpy(x), fold)
        return cls(tuple(models), centres, scales, codec, fold, train, held_out)

    def __call__(self, samples: Samples) -> CheckpointScore:
        """Return label fidelity, coverage and diversity of ``samples``; same samples, same score.

        ``diversity`` holds the lower of the ratio in pixels and the ratio in features: noise
        raises the first alone, and samples between two classes the second alone. A class without
        enough samples or references is left out of the averages.
        """
        x = self.encode(samples)
        right = self._probabilities(x).argmax(axis=1) == samples.y
        features, pixels = self._features(x), self._values(x)
        fidelity, coverage, diversity = [], [], {}
        for label, name in enumerate(self.train.classes):
            rows = samples.y == label
            if not rows.any():
                continue
            fidelity.append(float(right[rows].mean()))
            coverage.append(self.class_coverage(label, features[rows]))
            ratio = self.class_diversity(label, pixels[rows], features[rows])
            if is_number(ratio):
                diversity[name] = ratio
        covered = [value for value in coverage if is_number(value)]
        return CheckpointScore(
            label_fidelity=float(np.mean(fidelity)) if fidelity else 0.0,
            coverage=float(np.mean(covered)) if covered else 0.0,
            diversity=diversity,
        )

    def class_coverage(self, label: int, features: FloatArray) -> Estimate:
        """Return the coverage (Naeem 2020, equation 6) of the held-out rows of a class.

        With too few held-out rows for k neighbours, training rows of the class give the scale,
        see :func:`~augmentor.metrics.fidelity.coverage_with_pool`.

        Args:
            label: the class.
            features: (M, D) features of synthetic rows of that class.

        Returns:
            The coverage in [0, 1], or why there is no number.
        """
        reference = self.references[label]
        few = len(reference.held_out) <= NEIGHBOURS
        pool = reference.training if few else reference.training[:0]
        return coverage_with_pool(reference.held_out, pool, features)

    def class_diversity(self, label: int, pixels: FloatArray, features: FloatArray) -> Estimate:
        """Return the lower of the diversity ratios of a class in pixels and in features.

        Args:
            label: the class.
            pixels: (M, P) values of synthetic rows of that class, see :meth:`pixels`.
            features: (M, D) of the same rows.

        Returns:
            The ratio, 1 for samples as varied as real ones, or why there is no number.
        """
        reference = self.references[label]
        ratios = [diversity_ratio(reference.pixels, pixels), diversity_ratio(reference.features, features)]
        numbers = [ratio for ratio in ratios if is_number(ratio)]
        return min(numbers) if numbers else NotEstimable(str(ratios[0]).partition("because ")[2])

    def encode(self, samples: Samples) -> Tensor:
        """Return ``samples`` as float32 in [-1, 1] (N, C, *S).

        Raises:
            DataError: if they differ from the training part in classes, kind or shape.
        """
        if samples.classes != self.train.classes or samples.kind != self.train.kind:
            raise DataError(
                f"the judge knows {self.train.kind.plural} of the classes {list(self.train.classes)}, got "
                f"{samples.kind.plural} of {list(samples.classes)}"
            )
        return torch.from_numpy(self.codec.encode(samples.x))

    @property
    def modality(self) -> Modality:
        """The modality of the samples."""
        return modality_of(self.train)

    def pixels(self, samples: Samples) -> FloatArray:
        """Return the encoded values (N, P) of ``samples`` that diversity is measured on."""
        return self._values(self.encode(samples))

    def _values(self, x: Tensor) -> FloatArray:
        return self.modality.values(x.numpy()).astype(np.float64)

    def probabilities(self, samples: Samples) -> FloatArray:
        """Return class probabilities (N, K) of ``samples``, the networks' mean; of unseen rows only."""
        return self._probabilities(self.encode(samples))

    def features(self, samples: Samples) -> FloatArray:
        """Return the standardised features (N, D) of ``samples``, those of all networks side by side."""
        return self._features(self.encode(samples))

    @cached_property
    def out_of_fold(self) -> FloatArray:
        """Class probabilities (N, K) of training rows, each from the network not trained on it."""
        x = self.encode(self.train)
        result = np.zeros((len(self.train), self.train.n_classes))
        with one_thread():
            for number, model in enumerate(self.models):
                unseen = self.fold == number
                result[unseen] = predict(model, x[torch.from_numpy(unseen)])
        return result

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """The real rows of every class, in label order."""
        held_out, training = self.features(self.held_out), self.features(self.train)
        held_pixels, train_pixels = self.pixels(self.held_out), self.pixels(self.train)
        result = []
        for label in range(self.train.n_classes):
            held, known = self.held_out.y == label, self.train.y == label
            join = known & (held.sum() < MIN_HELD_OUT)
            result.append(
                Reference(
                    held_out=held_out[held],
                    training=training[known],
                    pixels=np.concatenate([held_pixels[held], train_pixels[join]]),
                    features=np.concatenate([held_out[held], training[join]]),
                )
            )
        return tuple(result)

    def _probabilities(self, x: Tensor) -> FloatArray:
        with one_thread():
            probabilities = np.stack([predict(model, x) for model in self.models])
        return np.asarray(probabilities.mean(axis=0), dtype=np.float64)

    def _features(self, x: Tensor) -> FloatArray:
        with one_thread():
            blocks = [
                (embed(model, x) - centre) / scale
                for model, centre, scale in zip(self.models, self.centres, self.scales, strict=True)
            ]
        return np.asarray(np.concatenate(blocks, axis=1) / np.sqrt(self.centres.size), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write weights and settings, but no image, into the existing ``folder``."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "centres": self.centres,
            "scales": self.scales,
            "fold": self.fold,
        }
        for number, model in enumerate(self.models):
            arrays |= {f"fold{number}.{name}": value for name, value in network_weights(model).items()}
        with atomic_file(folder / "judge.safetensors") as temporary:
            save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, temporary)
        write_json(
            folder / "judge.json",
            {
                "codec": self.codec.to_json(),
                "folds": len(self.models),
                "train": self.train.digest,
                "held_out": self.held_out.digest,
            },
        )

    @classmethod
    def load(cls, folder: Path, *, train: Samples, held_out: Samples, device: str = "cpu") -> TaskJudge:
        """Return the judge that :meth:`save` wrote, with the real samples it was fitted with.

        Args:
            folder: that holds its files.
            train: the training part.
            held_out: the held-out part, as in :meth:`fit`.
            device: "cpu", "cuda" or "mps".

        Raises:
            DataError: if the files are missing or damaged, or were made with other samples.
        """
        try:
            head = json.loads((folder / "judge.json").read_text(encoding="utf-8"))
            arrays = load_file(folder / "judge.safetensors")
            codec = load_codec(head["codec"])
            models = []
            for number in range(int(head["folds"])):
                prefix = f"fold{number}."
                state = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
                models.append(load_network(state, codec.shape, train.n_classes, device))
            made_with = (head["train"], head["held_out"])
            parts = arrays["centres"], arrays["scales"], arrays["fold"]
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise DataError(f"cannot read the judge in {folder}: {error}") from error
        held_out = _without_training_rows(held_out, train)
        if made_with != (train.digest, held_out.digest):
            raise DataError(f"the judge in {folder} was fitted on other samples; fit it again")
        return cls(tuple(models), parts[0], parts[1], codec, parts[2], train, held_out)

    @cached_property
    def digest(self) -> str:
        """SHA-256 that names the fitted state."""
        arrays = [value for model in self.models for value in network_weights(model).values()]
        return sha256_bytes(*(np.ascontiguousarray(value).tobytes() for value in arrays))


def _check(train: Samples, held_out: Samples, folds: int) -> None:
    if folds < 2:
        raise ConfigError(f"cross-fitting needs at least two folds, got {folds}")
    if held_out.classes != train.classes or held_out.row_form != train.row_form:
        raise DataError(
            f"training and held-out samples must share classes and form, got {list(train.classes)} "
            f"{train.row_form} and {list(held_out.classes)} {held_out.row_form}"
        )


def _without_training_rows(held_out: Samples, train: Samples) -> Samples:
    """Leave out held-out rows that are also training rows: they would reward copying."""
    return held_out.take(~np.isin(held_out.row_digests, train.row_digests))


def _standard(models: Sequence[SmallResNet], x: Tensor, fold: IntArray) -> tuple[FloatArray, FloatArray]:
    with one_thread():
        unseen = [embed(model, x[torch.from_numpy(fold == k)]) for k, model in enumerate(models)]
    centres = np.stack([rows.mean(axis=0, dtype=np.float64) for rows in unseen])
    # A feature that is always zero stays zero instead of being divided by zero.
    scales = np.stack([np.maximum(rows.std(axis=0, dtype=np.float64), 1e-3) for rows in unseen])
    return centres, scales
