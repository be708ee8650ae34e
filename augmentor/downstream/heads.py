"""Synthesis in feature space: the last layer of a trained classifier, trained again with generated features.

A generated image must be right in every pixel; a generated feature vector only in what the classifier looks
at. The network below the last layer stays as the classical arm trained it. Two ways to make features:

covariance    Every class as a Gaussian of its own mean; the covariance of a class of few rows is drawn
              towards that of the rich ones (the idea of Yang, Liu and Xu 2021, section 3.2, with a shrinkage
              by counts in the place of their nearest base classes). Features are square-rooted first (their
              equation 3, Tukey's ladder at 1/2), which makes what a rectifier leaves more Gaussian.
generated     A conditional WGAN-GP over the features, whose samples the trained last layer must also take
              for their class (f-CLSWGAN, Xian 2018, equations 2, 4 and 5).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional

from augmentor.core.seeds import derive_seed, generator
from augmentor.downstream.base import Head
from augmentor.nets.classifier import SmallResNet
from augmentor.objectives.penalties import gradient_penalty
from augmentor.training.classifier import Draw, embed

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Sampler = Callable[[int], Floats]
"""Makes features (GENERATED, D) of a class."""

BATCHES = 48
"""Batches of the training whose features stand for the training part, each row in another version."""
GENERATED = 2048
"""Generated rows of all classes together."""
HIDDEN, LATENT, STEPS, CRITIC_STEPS, ROWS = 256, 32, 500, 3, 64
PENALTY, AGREEMENT, RATE = 10.0, 0.1, 1e-3
"""Weights of the gradient penalty (Gulrajani 2017) and of the classification loss; Adam's step size."""


@dataclass(frozen=True, eq=False)
class Features:
    """Features of training rows and what is known of their classes.

    Attributes:
        x: (N, D), non-negative.
        y: (N,) labels.
        counts: (K,) number of different training rows of each class.
        head: the trained last layer.
    """

    x: Floats
    y: Labels
    counts: Labels
    head: nn.Linear


def retrain_head(model: SmallResNet, draw: Draw, counts: Labels, how: Head, *, seed: int) -> None:
    """Train the last layer of ``model`` again, in place, on real and generated features half and half.

    Args:
        model: a fitted classifier.
        draw: its batches, as in :func:`augmentor.training.classifier.fit_network`.
        counts: (K,) training rows of each class.
        how: "covariance" or "generated".
        seed: of everything drawn.
    """
    batches = [draw(step) for step in range(BATCHES)]
    x = embed(model, torch.cat([images for images, _ in batches])).astype(np.float64)
    y = torch.cat([labels for _, labels in batches]).numpy()
    known = Features(x, y, counts, model.head)
    classes = np.unique(y)
    each = GENERATED // len(classes)
    sampler = HEADS[how](known, derive_seed(seed, how))
    made = [sampler(int(label)) for label in classes]
    rng = generator(seed, "head")
    real = np.concatenate([rng.choice(np.flatnonzero(y == label), each) for label in classes])
    rows = np.concatenate([x[real], *(found[:each] for found in made)])
    labels = np.concatenate([y[real], np.repeat(classes, each)])
    weight, bias = logistic(rows, labels, len(counts))
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(weight))
        model.head.bias.copy_(torch.from_numpy(bias))


def logistic(x: Floats, y: Labels, n_classes: int) -> tuple[Floats, Floats]:
    """Return weight (K, D) and bias (K,) of a ridge softmax regression.

    A class without rows is never predicted.
    """
    scale = x.std(axis=0) + 1e-6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near the optimum is enough
        fitted = LogisticRegression(C=1.0, max_iter=300).fit(x / scale, y)
    found, bias = fitted.coef_ / scale, fitted.intercept_
    if len(fitted.classes_) == 2:
        # scikit-learn keeps one row for two classes: half of it for each side is the same softmax.
        found, bias = np.concatenate([-found, found]) / 2, np.concatenate([-bias, bias]) / 2
    weight, shift = np.zeros((n_classes, x.shape[1])), np.full(n_classes, -1e4)
    weight[fitted.classes_], shift[fitted.classes_] = found, bias
    return weight, shift


def transferred(known: Features, seed: int) -> Sampler:
    """Return a sampler of Gaussian features, whose covariance the rich classes lend.

    The class's own covariance has the weight n / (n + D), D the number of features: with fewer rows than
    features it is hardly known. The rest is the mean over the classes, weighted by their rows.

    Args:
        known: what was measured.
        seed: of the draws.
    """
    roots = np.sqrt(np.maximum(known.x, 0.0))
    classes = [int(label) for label in np.unique(known.y)]
    own = {label: np.cov(roots[known.y == label], rowvar=False) for label in classes}
    shared = np.average([own[label] for label in classes], axis=0, weights=known.counts[classes])

    def sample(label: int) -> Floats:
        trust = known.counts[label] / (known.counts[label] + roots.shape[1])
        values, vectors = np.linalg.eigh(trust * own[label] + (1 - trust) * shared)
        noise = generator(seed, "transferred", label).standard_normal((GENERATED, len(values)))
        drawn = roots[known.y == label].mean(axis=0) + noise * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
        squared: Floats = np.maximum(drawn, 0.0) ** 2
        return squared

    return sample


def generated(known: Features, seed: int) -> Sampler:
    """Return a sampler of features by a conditional WGAN-GP that is trained here, over all classes.

    Args:
        known: what was measured.
        seed: of weights and draws.
    """
    make = _train_maker(known, seed)

    def sample(label: int) -> Floats:
        noise = torch.from_numpy(generator(seed, "made", label).standard_normal((GENERATED, LATENT)))
        with torch.inference_mode():
            made = make(noise.float(), torch.full((GENERATED,), label))
        found: Floats = made.numpy().astype(np.float64)
        return found

    return sample


def _train_maker(known: Features, seed: int) -> Callable[[Tensor, Tensor], Tensor]:
    classes, width = len(known.counts), known.x.shape[1]
    x, y = torch.from_numpy(known.x).float(), torch.from_numpy(known.y)
    middle, spread = x.mean(0), x.std(0) + 1e-6
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "maker"))
        maker, critic = _perceptron(LATENT + classes, width), _perceptron(width + classes, 1)
    optimisers = [torch.optim.Adam(net.parameters(), lr=RATE, betas=(0.5, 0.9)) for net in (maker, critic)]
    draws = torch.Generator().manual_seed(derive_seed(seed, "draws"))

    def make(noise: Tensor, labels: Tensor) -> Tensor:
        made: Tensor = maker(torch.cat([noise, _one_hot(labels, classes)], 1))
        return functional.relu(made * spread + middle)

    for _ in range(STEPS):
        for _ in range(CRITIC_STEPS):
            rows = torch.randint(len(x), (ROWS,), generator=draws)
            real, labels = x[rows], y[rows]
            fake = make(torch.randn(ROWS, LATENT, generator=draws), labels).detach()

            def judge(rows: Tensor, labels: Tensor = labels) -> Tensor:
                logits: Tensor = critic(torch.cat([rows, _one_hot(labels, classes)], 1)).squeeze(1)
                return logits

            real, fake = (real - middle) / spread, (fake - middle) / spread
            loss = (judge(fake) - judge(real)).mean()
            loss = loss + PENALTY * gradient_penalty(judge, real, fake, generator=draws).mean()
            _step(optimisers[1], loss)
        labels = y[torch.randint(len(y), (ROWS,), generator=draws)]
        fake = make(torch.randn(ROWS, LATENT, generator=draws), labels)
        logits = functional.linear(fake, known.head.weight.detach(), known.head.bias.detach())
        score = critic(torch.cat([(fake - middle) / spread, _one_hot(labels, classes)], 1)).mean()
        _step(optimisers[0], AGREEMENT * functional.cross_entropy(logits, labels) - score)
    return make


def _perceptron(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, HIDDEN), nn.LeakyReLU(0.2), nn.Linear(HIDDEN, outputs))


def _one_hot(labels: Tensor, classes: int) -> Tensor:
    return functional.one_hot(labels, classes).float()


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


HEADS: Final[Mapping[str, Callable[[Features, int], Sampler]]] = {
    "covariance": transferred,
    "generated": generated,
}
