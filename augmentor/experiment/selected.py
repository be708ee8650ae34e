"""Which of the synthetic rows that passed the filters are worth training on: the far apart, or the useful.

Both look through networks cross-fitted on two halves of the training part; neither validation nor test
rows are read. Of every class the better half is taken.

diverse        Greedy k-centre (Sener and Savarese 2018, algorithm 1): starting from the real training rows of
               the class, the row farthest from all that are there is taken, again and again.
influential    A step of gradient descent on a row changes the loss of held-out rows by minus the product of
               the two gradients (TracIn, Pruthi 2020, equation 1). The rows whose step lowers the loss of the
               half that a network has not seen, every class counted alike, the most are taken: by the
               cosine of the two gradients, as outliers have the longest (RelatIF, Barshan 2020,
               section 3). Gradients are those of the last layer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from augmentor.core.samples import IntArray, Samples
from augmentor.core.seeds import derive_seed
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.draw import passing
from augmentor.modalities.base import Codec
from augmentor.modalities.table import modality_of
from augmentor.nets.classifier import SmallResNet
from augmentor.quality.cross_fit import assign_folds, fit_folds
from augmentor.training.classifier import embed, predict

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

FOLDS = 2
UPDATES = 400
SHORTEST = 1e-12
"""Gradients shorter than this count as none."""
RIDGE = 1e-3
"""Weight of the squared calibration: where every row is right the best one lies at infinity."""
TAKEN = 0.5
"""Share of a class's passing rows that is taken; never fewer than one."""


class HalfNetworks:
    """Two networks, each fitted on one half of the training part.

    Args:
        train: the training part.
        codec: encodes samples.
        seed: of halves and networks.
        processes: how many processes; None for one per core.

    Raises:
        DataError: if a class cannot be divided into halves.
    """

    def __init__(self, train: Samples, codec: Codec, *, seed: int, processes: int | None) -> None:
        self.train, self.codec = train, codec
        self.fold = assign_folds(train, FOLDS, derive_seed(seed, "halves"))
        self.networks: list[SmallResNet] = fit_folds(
            codec.encode(train.x), train.y, self.fold,
            n_classes=train.n_classes, updates=UPDATES,
            seed=derive_seed(seed, "eyes"),  # the name that these networks had at first
            processes=processes, device="cpu",
        )  # fmt: skip

    def features(self, samples: Samples, network: SmallResNet) -> Floats:
        """Return what the network's last layer sees of ``samples``: (N, D)."""
        return embed(network, torch.from_numpy(self.codec.encode(samples.x))).astype(np.float64)

    def log_probabilities(self, samples: Samples, network: SmallResNet) -> Floats:
        """Return the logarithms of the predicted probabilities (N, K)."""
        found = predict(network, torch.from_numpy(self.codec.encode(samples.x)))
        return np.log(np.maximum(found, np.finfo(np.float64).tiny))


def select(
    train: Samples,
    synthetic: SyntheticSet,
    kinds: Collection[str],
    *,
    seed: int,
    processes: int | None,
) -> dict[str, Mask]:
    """Return for each of ``kinds`` the mask (M,) of the synthetic rows that are taken.

    Args:
        train: the training part.
        synthetic: the candidates with their marks.
        kinds: keys of :data:`SELECTIONS`; none fit no network.
        seed: of everything random.
        processes: how many processes; None for one per core.

    Raises:
        DataError: if a class of the training part cannot be divided into halves.
    """
    if not kinds:
        return {}
    passed = np.flatnonzero(passing(synthetic))
    samples = synthetic.samples.take(passed)
    halves = HalfNetworks(train, modality_of(train).fit_codec(train), seed=seed, processes=processes)
    masks = {}
    for kind in sorted(kinds):
        masks[kind] = np.zeros(len(synthetic), np.bool_)
        masks[kind][passed[SELECTIONS[kind](halves, samples)]] = True
    return masks


def diverse(halves: HalfNetworks, samples: Samples) -> IntArray:
    """Return positions of the rows that :func:`k_centre` takes, in the features of both networks."""
    mine = np.concatenate([halves.features(samples, network) for network in halves.networks], axis=1)
    real = np.concatenate([halves.features(halves.train, network) for network in halves.networks], axis=1)
    found = []
    for label in np.unique(samples.y):
        rows = np.flatnonzero(samples.y == label)
        found.append(rows[k_centre(mine[rows], real[halves.train.y == label], taken(len(rows)))])
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def influential(halves: HalfNetworks, samples: Samples) -> IntArray:
    """Return positions of the rows of each class with the greatest :func:`influence`."""
    worth = np.zeros(len(samples))
    for half, network in enumerate(halves.networks):
        held = halves.train.take(np.flatnonzero(halves.fold == half))
        seen, mine = halves.log_probabilities(held, network), halves.log_probabilities(samples, network)
        # To a network too sure of itself, or too fond of a class, a wrong label looks useful: learning it
        # takes that away.
        slope, offsets = calibration(seen, held.y)
        worth += influence(
            halves.features(samples, network), surprise(slope * mine + offsets, samples.y),
            halves.features(held, network), surprise(slope * seen + offsets, held.y), held.y,
        )  # fmt: skip
    found = []
    for label in np.unique(samples.y):
        rows = np.flatnonzero(samples.y == label)
        order = np.argsort(-worth[rows], kind="stable")
        found.append(rows[order[: taken(len(rows))]])
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def k_centre(points: Floats, centres: Floats, number: int) -> IntArray:
    """Return positions of ``number`` of the ``points`` (N, D), each farthest from all before it.

    Args:
        points: what is chosen from.
        centres: (C, D) what is there already; with none the first point starts.
        number: at most N.
    """
    near = np.full(len(points), np.inf)
    for centre in centres:
        near = np.minimum(near, ((points - centre) ** 2).sum(axis=1))
    chosen = np.zeros(number, np.int64)
    for place in range(number):
        chosen[place] = int(np.argmax(near))
        near = np.minimum(near, ((points - points[chosen[place]]) ** 2).sum(axis=1))
        near[chosen[place]] = -1.0
    return chosen


def influence(features: Floats, surprise: Floats, held: Floats, held_surprise: Floats, y: IntArray) -> Floats:
    """Return how much a step of fixed length on each row lowers the held-out loss (N,).

    That is the product of the gradients over the length of the row's own.

    The gradient of the cross-entropy by a last layer with bias is the outer product of ``surprise`` and the
    features with a one.

    Args:
        features: (N, D) of the rows.
        surprise: (N, K) probabilities less one-hot labels.
        held: (M, D) features of held-out rows.
        held_surprise: (M, K) of held-out rows.
        y: (M,) labels of held-out rows; their classes count alike.
    """
    gradient = (_alike(y)[:, None] * held_surprise).T @ _with_one(held)
    rows = _with_one(features)
    # The length of an outer product is that of its two vectors multiplied.
    length = np.linalg.norm(surprise, axis=1) * np.linalg.norm(rows, axis=1)
    found: Floats = np.einsum("nk,kd,nd->n", surprise, gradient, rows) / np.maximum(length, SHORTEST)
    return found


def surprise(logits: Floats, y: IntArray) -> Floats:
    """Return softmax(logits) less the one-hot labels: the cross-entropy's gradient by the logits (N, K)."""
    found: Floats = softmax(logits, axis=1)
    found[np.arange(len(y)), y] -= 1.0
    return found


def calibration(logits: Floats, y: IntArray) -> tuple[float, Floats]:
    """Return slope and offsets (K,) that bring ``logits`` (N, K) to the least cross-entropy.

    Temperature and bias together (Guo 2017, section 4.2); the classes of ``y`` (N,) count alike.
    """
    weight, rows = _alike(y), np.arange(len(y))

    def loss(values: Floats) -> float:
        calibrated = np.exp(values[0]) * logits + values[1:]
        return float(RIDGE * values @ values - weight @ log_softmax(calibrated, axis=1)[rows, y])

    best = minimize(loss, np.zeros(logits.shape[1] + 1)).x
    return float(np.exp(best[0])), best[1:]


def taken(rows: int) -> int:
    """Return how many of so many passing rows of a class are taken."""
    return max(1, round(TAKEN * rows))


def _alike(y: IntArray) -> Floats:
    """Return weights (N,) that add to one, every class alike."""
    counts = np.bincount(y)
    return np.asarray(1.0 / (counts[y] * np.count_nonzero(counts)))


def _with_one(features: Floats) -> Floats:
    return np.concatenate([features, np.ones((len(features), 1))], axis=1)


SELECTIONS: Final[dict[str, Callable[[HalfNetworks, Samples], IntArray]]] = {
    "diverse": diverse,
    "influential": influential,
}
"""Name, as in :attr:`augmentor.experiment.arms.Rows.synthetic`, to a function of halves and passing rows."""
