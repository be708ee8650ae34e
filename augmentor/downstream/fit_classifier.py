"""Fitting a classifier as an arm asks: on batches, or on a table of the rows of the same batches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from augmentor.core.seeds import generator
from augmentor.downstream.base import Batches, Predictor, Training
from augmentor.downstream.fit_table import fit_table
from augmentor.downstream.heads import retrain_head
from augmentor.downstream.linear_head import MOST_ROWS, fit_linear_head
from augmentor.downstream.model_spec import ModelSpec
from augmentor.downstream.remedies import LOSSES, MIXES, class_weights
from augmentor.nets.classifier import Classifier, SmallResNet
from augmentor.nets.prepared import without_last_linear
from augmentor.synthesizers.critic import KeptCritic
from augmentor.training.classifier import fit_network, predict

NEW_WEIGHTS_RATE = 3e-3
PRETRAINED_RATE = 3e-4
"""Highest learning rates where the recipe names none."""


def fit_batches(
    build: Callable[[], Classifier],
    spec: ModelSpec,
    training: Training,
    batches: Batches,
    *,
    seed: int,
    critic: Path | None,
) -> Predictor:
    """Train a network batch by batch.

    Args:
        build: makes the model's own network, its new weights drawn from torch's global stream.
        spec: its budget.
        training: what the arm asks of it.
        batches: what it learns from.
        seed: of everything random.
        critic: folder of the generator's critic, where a training starts from it or takes its network.
    """
    counts = torch.from_numpy(batches.counts).double()
    mix = MIXES.get(training.mix)

    def draw(step: int) -> tuple[Tensor, Tensor]:
        x, y = batches.draw(step)
        if mix is None:
            return x, y
        weights = torch.nn.functional.one_hot(y, len(counts)).to(x.dtype)
        return mix(x, weights, generator(seed, "mix", step))

    def network() -> Classifier:
        if training.start == "random":
            return build()
        assert critic is not None  # left out of the arms where there is none
        return KeptCritic.load(critic).classifier()

    usual = NEW_WEIGHTS_RATE if spec.weights is None else PRETRAINED_RATE
    model = fit_network(
        network,
        draw,
        updates=spec.updates,
        seed=seed,
        learning_rate=spec.learning_rate or usual,
        loss=LOSSES[training.loss](counts),
    )
    if training.head != "trained":
        assert isinstance(model, SmallResNet)  # the recipe refuses such an arm with another network
        retrain_head(model, draw, batches.counts, training.head, seed=seed)
    return partial(predict, model, batch=model.at_once)


def fit_frozen(
    build: Callable[[], Classifier], spec: ModelSpec, training: Training, batches: Batches, *, seed: int
) -> Predictor:
    """Fit a linear head on what a network's last layer is given; arguments as of :func:`fit_batches`."""
    model = build()
    without_last_linear(model)
    return fit_on_features(partial(features_of, model.eval()), spec, training, batches, seed=seed)


def features_of(model: Classifier, x: Tensor) -> npt.NDArray[np.float32]:
    """Return what the network gives for samples (N, C, *spatial), laid out flat (N, D)."""
    with torch.inference_mode():
        found = [model(part).flatten(1) for part in x.split(model.at_once)]
    joined: npt.NDArray[np.float32] = torch.cat(found).float().numpy()
    return joined


def fit_on_features(
    encode: Callable[[Tensor], npt.NDArray[np.float32]],
    spec: ModelSpec,
    training: Training,
    batches: Batches,
    *,
    seed: int,
) -> Predictor:
    """Fit a linear head on frozen features of the rows of an arm's first batches.

    Args:
        encode: samples (N, C, *spatial), N above 0, to features (N, D).
        spec: its budget.
        training: what the arm asks of it.
        batches: what it learns from.
        seed: of everything random.
    """
    steps = max(1, min(spec.updates, MOST_ROWS // spec.batch))
    drawn = [batches.draw(step) for step in range(steps)]
    rows = np.concatenate([batches.rows(step) for step in range(steps)])
    y = np.concatenate([labels.numpy() for _, labels in drawn])
    # The same version of a row may be drawn often, and is encoded once.
    place: dict[bytes, int] = {}
    known: list[Tensor] = []
    order = np.empty(len(y), np.int64)
    for number, sample in enumerate(one for x, _ in drawn for one in x):
        key = sample.numpy().tobytes()
        if key not in place:
            place[key] = len(known)
            known.append(sample)
        order[number] = place[key]
    counts = torch.from_numpy(batches.counts).double()
    weight = class_weights(counts).numpy()[y] if training.loss == "class_weighted" else None
    features = encode(torch.stack(known))[order]
    head = fit_linear_head(features, y, rows, weight, n_classes=len(counts), seed=seed)

    def predict_from(samples: Tensor) -> npt.NDArray[np.float64]:
        return head.predict(encode(samples) if len(samples) else features[:0])

    return predict_from


def fit_on_table(
    make: Callable[[int], Any], training: Training, batches: Batches, *, steps: int, seed: int
) -> Predictor:
    """Fit an estimator on the rows of so many batches, laid out flat.

    Args:
        make: gives the estimator of a 32-bit seed.
        training: what the arm asks of it.
        batches: what it learns from.
        steps: number of batches.
        seed: of everything random.
    """
    counts = torch.from_numpy(batches.counts).double()
    drawn = [batches.draw(step) for step in range(steps)]
    x = np.concatenate([rows.flatten(1).numpy() for rows, _ in drawn])
    y = np.concatenate([labels.numpy() for _, labels in drawn])
    weight = class_weights(counts).numpy()[y] if training.loss == "class_weighted" else None
    fitted = fit_table(make, x, y, weight, n_classes=len(counts), seed=seed)
    return lambda samples: fitted(samples.flatten(1).numpy())
