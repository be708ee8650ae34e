"""Fitting a classifier as an arm asks: on batches, or on a table of the rows of the same batches."""

from __future__ import annotations

from functools import partial
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from augmentor.core.seeds import generator
from augmentor.downstream.base import Batches, ModelSpec, Predictor, Training
from augmentor.downstream.heads import retrain_head
from augmentor.downstream.models import MODELS, fit_table, table_rows
from augmentor.downstream.remedies import LOSSES, MIXES, class_weights
from augmentor.nets.classifier import Classifier, SmallResNet
from augmentor.nets.standard_classifiers import NETWORKS
from augmentor.synthesizers.critic import KeptCritic
from augmentor.training.classifier import fit_network, predict


def fit_classifier(
    spec: ModelSpec, training: Training, batches: Batches, *, seed: int, critic: Path | None
) -> Predictor:
    """Train the classifier of ``spec``; arguments as in :meth:`augmentor.downstream.base.Downstream.fit`."""
    counts = torch.from_numpy(batches.counts).double()
    if MODELS[spec.name].table:
        return _on_table(spec, training, batches, counts, seed)
    mix = MIXES.get(training.mix)

    def draw(step: int) -> tuple[Tensor, Tensor]:
        x, y = batches.draw(step)
        if mix is None:
            return x, y
        weights = torch.nn.functional.one_hot(y, len(counts)).to(x.dtype)
        return mix(x, weights, generator(seed, "mix", step))

    def network() -> Classifier:
        if training.start == "random":
            return NETWORKS[spec.name](batches.shape, len(counts), spec.channels)
        assert critic is not None  # left out of the arms where there is none
        return KeptCritic.load(critic).classifier()

    model = fit_network(
        network,
        draw,
        updates=spec.updates,
        seed=seed,
        learning_rate=spec.learning_rate,
        loss=LOSSES[training.loss](counts),
    )
    if training.head != "trained":
        assert isinstance(model, SmallResNet)  # the recipe refuses such an arm with another network
        retrain_head(model, draw, batches.counts, training.head, seed=seed)
    return partial(predict, model)


def _on_table(spec: ModelSpec, training: Training, batches: Batches, counts: Tensor, seed: int) -> Predictor:
    steps = table_rows(spec.updates, spec.batch, prod(batches.shape)) // spec.batch
    drawn = [batches.draw(step) for step in range(steps)]
    x = np.concatenate([rows.flatten(1).numpy() for rows, _ in drawn])
    y = np.concatenate([labels.numpy() for _, labels in drawn])
    weight = class_weights(counts).numpy()[y] if training.loss == "class_weighted" else None
    fitted = fit_table(spec.name, x, y, weight, n_classes=len(counts), seed=seed)
    return lambda samples: fitted(samples.flatten(1).numpy())
