"""The arms of the package with a quick classifier, for benchmarks of hundreds of whole trials.

Batches come from the package's own :func:`augmentor.experiment.draw.pick`, the choice and the verdict
from :func:`augmentor.experiment.decide.decide`. Only the classifier is another: a softmax regression
by Adam, all seeds of an arm at once. Its "classical" arm adds a little noise to the features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from augmentor.core.seeds import derive_seed, generator
from augmentor.downstream.case_values import case_values
from augmentor.downstream.remedies import MIXES, class_weights
from augmentor.experiment.arms import PRESETS, AnyArm, Arm, arms_of, is_mixing, settled
from augmentor.experiment.draw import Drawing, KnownRows, pick, rows_of
from augmentor.experiment.spec import DEFAULT_ARMS
from augmentor.statistics.evidence import Evidence

ADDED = "with_synthetic"
SHARES = (0.25, 0.5, 0.75)
UNLEARNT = 0.3
"""Spread of the first weights of arms on the critic's network: large enough to be seen in the last ones."""
UPDATES, BATCH, RATE, JITTER, VERSIONS = 80, 64, 0.08, 0.1, 8

Labelled = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Study:
    """Standardised rows of one trial: (N, F) features and (N,) labels of every part."""

    real: Labelled
    synthetic: Labelled
    validation: Labelled
    test: Labelled
    n_classes: int
    base: int
    known: dict[tuple[Arm, float, tuple[int, ...]], np.ndarray] = field(default_factory=dict)

    def weights(self, arm: Arm, share: float, seeds: Sequence[int]) -> np.ndarray:
        """Return the weights (S, F + 1, K) of the arm's classifiers at these seeds."""
        key = arm, share, tuple(seeds)
        if key not in self.known:
            batches = [self._batches(arm, share, derive_seed(self.base, "classifier", s)) for s in seeds]
            self.known[key] = train(batches)
        return self.known[key]

    def _batches(self, arm: Arm, share: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return all batches (U, B, F + 1), label weights (U, B, K) and the first weights (F + 1, K)."""
        everything = np.ones(len(self.synthetic[1]), dtype=np.bool_)
        labels = self.real[1], self.synthetic[1]
        marks = {"kept": everything, "passing": everything}
        rows = rows_of(arm, KnownRows(*labels, marks, self.n_classes), seed=seed)
        # All batches in one draw, then shuffled: a draw a step would take longer than the step.
        got = pick(arm, rows, Drawing(1, BATCH * UPDATES, seed, share), step=0)
        rng = generator(seed, "fit")
        start = rng.normal(0, 0.01, (self.real[0].shape[1] + 1, self.n_classes)).astype(np.float32)
        if arm.start != "random":
            # A critic that has learnt nothing: one start for all seeds, where its control has one for each.
            drawn = generator(self.base if arm.start == "critic" else seed, "critic")
            start = drawn.normal(0, UNLEARNT, start.shape).astype(np.float32)
        order = rng.permutation(len(got.y))
        x = self.pool[
            (got.place * VERSIONS).astype(int)[order], (got.row + len(labels[0]) * got.synthetic)[order]
        ]
        x = x.reshape(UPDATES, BATCH, -1)
        y = np.eye(self.n_classes, dtype=np.float32)[got.y[order].reshape(UPDATES, BATCH)]
        if arm.mix != "none":
            # Features in a row, as of a series: what cutmix cuts is a stretch of them.
            blended = [
                MIXES[arm.mix](*map(torch.from_numpy, pair), generator(seed, "mix", step))
                for step, pair in enumerate(zip(x[:, :, None], y, strict=True))
            ]
            x, y = (np.stack([pair[part].numpy() for pair in blended]) for part in (0, 1))
            x = x[:, :, 0]
        if arm.loss == "class_weighted":
            counts = torch.from_numpy(np.bincount(labels[0], minlength=self.n_classes)).double()
            y = y * class_weights(counts).numpy().astype(np.float32)
        return x, y, start

    @cached_property
    def pool(self) -> np.ndarray:
        """All versions (V, N + M, F + 1) of all rows, the untouched one first, as the package keeps them."""
        x = with_one(np.concatenate([self.real[0], self.synthetic[0]]))
        noise = generator(self.base, "pool").standard_normal((VERSIONS, *x.shape), dtype=np.float32)
        noise[0] = 0.0
        noise[..., 0] = 0.0
        return x + JITTER * noise


def train(batches: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the weights (S, F + 1, K) of softmax regressions, one for each entry of ``batches``."""
    weights = np.stack([start for _, _, start in batches])
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(UPDATES):
        x, y = (np.stack([batch[part][step] for batch in batches]) for part in (0, 1))
        # The gradient of a cross-entropy whose label weights need not add to one.
        wrong = softmax(x @ weights) * y.sum(axis=-1, keepdims=True) - y
        slope = x.transpose(0, 2, 1) @ wrong / BATCH
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope**2
        corrected = first / (1 - 0.9 ** (step + 1))
        spread = np.sqrt(second / (1 - 0.99 ** (step + 1))) + 1e-8
        weights = weights - RATE * (1 - step / UPDATES) * corrected / spread
    return weights


def probabilities(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return (S, N, K) of classifiers (S, F + 1, K) on rows (N, F)."""
    return softmax((with_one(x) @ weights).astype(np.float64))


def with_one(x: np.ndarray) -> np.ndarray:
    return np.hstack([np.ones((len(x), 1)), x]).astype(np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def evidence(
    found: Mapping[str, np.ndarray], y: np.ndarray, metric: str, groups: np.ndarray | None = None
) -> Evidence:
    """Return what probabilities (S, N, K) by arm are worth on cases with the labels ``y`` (N,)."""
    return Evidence(
        {name: case_values(metric, p, y) for name, p in found.items()},
        y,
        tuple(str(k) for k in range(next(iter(found.values())).shape[-1])),
        groups=groups,
        by_stratum={"recall": {name: (p.argmax(-1) == y).astype(float) for name, p in found.items()}},
    )


@dataclass(frozen=True)
class Predicted:
    """Probabilities (S, N, K) by arm for both parts, and the share each arm was trained at."""

    validation: dict[str, np.ndarray]
    test: dict[str, np.ndarray]
    share: dict[str, float]
    arms: dict[str, Arm]


def predict(
    study: Study,
    seeds: Sequence[int],
    metric: str = "balanced_accuracy",
    *,
    arms: Sequence[AnyArm] = DEFAULT_ARMS,
    shares: Sequence[float] = SHARES,
) -> Predicted:
    """Train the arms; those that mix choose their share on the validation part, as in the package."""
    named = arms_of(arms)
    plain = {name: arm for name, arm in named.items() if isinstance(arm, Arm) and not arm.by_share}
    found = {name: study.weights(arm, 0.0, seeds) for name, arm in plain.items()}
    x, y = study.validation
    bases = {name: probabilities(found[name], x) for name, arm in plain.items() if arm.is_real_alone}
    means = evidence(bases, y, metric).means
    mixing = {name: arm for name, arm in named.items() if isinstance(arm, Arm) and is_mixing(arm)}
    if ADDED in named:
        mixing[ADDED] = settled(PRESETS[ADDED], plain[max(means, key=means.__getitem__)])
    chosen = {}
    for name, arm in mixing.items():
        tried = {share: study.weights(arm, share, seeds) for share in shares}
        scored = {str(share): probabilities(w, x) for share, w in tried.items()}
        means = evidence(scored, y, metric).means
        chosen[name] = float(max(means, key=means.__getitem__))
        found[name] = tried[chosen[name]]
    every = {**plain, **mixing}
    order = sorted(found, key=lambda name: not every[name].by_share)  # as in the package, they win ties
    return Predicted(
        {name: probabilities(found[name], x) for name in order},
        {name: probabilities(found[name], study.test[0]) for name in order},
        {name: chosen.get(name, 0.0) for name in order},
        {name: every[name] for name in order},
    )
