"""Classifiers cross-fitted on the real training part, which the judge uses.

Each of F networks is trained on all folds but one, so that for every training row there is a network
that was not trained on it, and no network has seen held-out or synthetic rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from augmentor.core.errors import DataError
from augmentor.core.parallel import run_parallel
from augmentor.core.samples import IntArray, Samples
from augmentor.core.seeds import derive_seed, generator
from augmentor.nets.classifier import SmallResNet
from augmentor.training.classifier import fit_classifier, one_thread

BATCH = 64
NOISE = 0.05
"""Standard deviation of the noise added to training batches, in units of the codec's [-1, 1]."""


@dataclass(frozen=True)
class FoldJob:
    """The input of the process that fits one fold: encoded rows (N, C, *S) float32 with labels (N,)."""

    x: npt.NDArray[np.float32]
    y: IntArray
    n_classes: int
    updates: int
    seed: int
    device: str


def assign_folds(train: Samples, folds: int, seed: int) -> IntArray:
    """Return the fold (N,) of every training row: classes spread evenly, groups never divided.

    Groups (single rows where there are none) are assigned in random order, the largest first, each
    to the fold with the fewest rows of the group's classes.

    Raises:
        DataError: if a class has all its rows in one fold, so that one network would not be trained on it.
    """
    keys = train.ids if train.group is None else train.group
    _, code = np.unique(keys, return_inverse=True)
    members = np.zeros((code.max() + 1, train.n_classes), dtype=np.int64)
    np.add.at(members, (code, train.y), 1)
    order = generator(seed, "folds").permutation(len(members))
    order = order[np.argsort(-members[order].sum(axis=1), kind="stable")]
    load = np.zeros((folds, train.n_classes), dtype=np.int64)
    fold_of = np.zeros(len(members), dtype=np.int64)
    for group in order:
        weight = members[group]
        # Ties are broken by the total, so that folds stay equally large.
        cost = (load * weight).sum(axis=1) + load.sum(axis=1) / (1 + load.sum())
        fold_of[group] = int(np.argmin(cost))
        load[fold_of[group]] += weight
    for label, name in enumerate(train.classes):
        total = load[:, label].sum()
        if total and load[:, label].max() == total:
            raise DataError(
                f"the class {name!r} has {total} training rows in one group, so they cannot be divided "
                "for cross-fitting; it needs at least two rows of different groups"
            )
    return fold_of[code]


def fit_folds(
    x: npt.NDArray[np.float32],
    y: IntArray,
    fold: IntArray,
    *,
    n_classes: int,
    updates: int,
    seed: int,
    processes: int | None,
    device: str,
) -> list[SmallResNet]:
    """Return one network for each fold, fitted on the rows (N, C, *S) of the other folds."""
    jobs = [
        FoldJob(x[fold != k], y[fold != k], n_classes, updates, derive_seed(seed, "fold", int(k)), device)
        for k in range(int(fold.max()) + 1)
    ]
    states = run_parallel(_fit_fold, jobs, processes=processes)
    return [load_network(state, x.shape[1:], n_classes, device) for state in states]


def load_network(
    state: Mapping[str, npt.NDArray[np.float32]], shape: tuple[int, ...], n_classes: int, device: str
) -> SmallResNet:
    """Return the network with the weights in ``state``."""
    model = SmallResNet(tuple(shape), n_classes)
    model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()})
    return model.to(device).eval()


def network_weights(model: SmallResNet) -> dict[str, npt.NDArray[np.float32]]:
    """Return the weights as arrays, which are sent between processes without shared memory."""
    return {name: value.detach().cpu().contiguous().numpy() for name, value in model.state_dict().items()}


def _fit_fold(job: FoldJob) -> dict[str, npt.NDArray[np.float32]]:
    x, y = torch.from_numpy(job.x), torch.from_numpy(job.y)
    counts = torch.bincount(y, minlength=job.n_classes)
    present = torch.nonzero(counts).flatten()
    table = torch.zeros(job.n_classes, int(counts.max()), dtype=torch.int64)
    for label in present:
        table[label, : counts[label]] = torch.nonzero(y == label).flatten()

    def draw(step: int) -> tuple[Tensor, Tensor]:
        """Class-balanced, shifted and with noise, so that a class of eight images is not memorised."""
        random = torch.Generator().manual_seed(derive_seed(job.seed, "batch", step))
        label = present[torch.randint(len(present), (BATCH,), generator=random)]
        rows = table[label, (torch.rand(BATCH, generator=random) * counts[label]).long()]
        return augment(x[rows], random), y[rows]

    with one_thread():
        model = fit_classifier(
            draw,
            shape=tuple(job.x.shape[1:]),
            n_classes=job.n_classes,
            updates=job.updates,
            seed=job.seed,
            device=job.device,
        )
    return network_weights(model)


def augment(x: Tensor, random: torch.Generator) -> Tensor:
    """Return ``x`` (B, C, *S) shifted by up to a fourteenth of each side, scaled and with noise.

    No mirroring or rotation: where left and right matter, they change the class.
    """
    for axis in range(2, x.ndim):
        side = x.shape[axis]
        reach = max(1, round(side / 14)) if side > 3 else 0
        shift = torch.randint(-reach, reach + 1, (len(x), 1), generator=random)
        index = (torch.arange(side)[None] + shift).clamp_(0, side - 1)
        view = [len(x)] + [1] * (x.ndim - 1)
        view[axis] = side
        x = x.gather(axis, index.view(view).expand_as(x))
    each = [len(x)] + [1] * (x.ndim - 1)
    contrast = 1 + 0.1 * (2 * torch.rand(each, generator=random) - 1)
    brightness = 0.1 * (2 * torch.rand(each, generator=random) - 1)
    return x * contrast + brightness + NOISE * torch.randn(x.shape, generator=random)
