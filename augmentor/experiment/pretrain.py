"""What a classifier starts from where it is not the generator's critic: the controls of that start.

A critic has been trained for longer than any classifier before a classifier starts from it, so what it lends
may be no more than that time. Its controls get the same network, the same real training rows and the same
computing time, once and shared by all seeds as the critic is: trained on the labels ("untrained_critic", the
network that the generator's game has not touched), or without them ("self_supervised", views of a row to be
told from views of other rows; Chen 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from augmentor.core.seeds import derive_seed, generator
from augmentor.downstream.remedies import MIXES
from augmentor.experiment.arms import Arm
from augmentor.experiment.draw import Drawing, pick, rows_of
from augmentor.experiment.fit import CRITIC, REAL, Shared, load_shared
from augmentor.experiment.starts import BATCH, LABELLED, updates_worth
from augmentor.nets.classifier import Classifier
from augmentor.nets.critic_classifier import CriticClassifier
from augmentor.objectives.contrastive import nt_xent
from augmentor.synthesizers.critic import KeptCritic
from augmentor.training.classifier import fit_network, one_thread

PROJECTION = 64
"""Width of what views are compared in."""
SUPERVISED = Arm(mix="cutmix")
"""How the labelled start draws: the strongest of the usual arms."""


@dataclass(frozen=True)
class PretrainJob:
    """All that decides a start.

    Attributes:
        shared: folder of :func:`augmentor.experiment.fit.write_shared`, named by ``content``.
        content: SHA-256 of everything in it.
        start: "untrained_critic" or "self_supervised"; also the folder in ``shared`` that it is written to.
        policy: whose versions of the rows are drawn.
        seed: of weights and batches.
    """

    shared: Path
    content: str
    start: str
    policy: str
    seed: int


def run_pretrain(job: PretrainJob) -> None:
    """Train the critic's network and write it beside the critic, to start from as from the critic.

    Where the critic itself has been shown no image, the weights stay random, drawn anew in each fit.
    """
    critic = KeptCritic.load(job.shared / CRITIC)
    updates = updates_worth(critic.images)
    if not updates:
        critic.without_weights().save(job.shared / job.start)
        return
    with one_thread():
        shared = load_shared(job.shared, job.content)
        train = _with_labels if job.start == LABELLED else _without_labels
        critic.with_trunk(train(job, shared, critic, updates)).save(job.shared / job.start)


def _network(critic: KeptCritic) -> CriticClassifier:
    return critic.without_weights().classifier()


def _with_labels(job: PretrainJob, shared: Shared, critic: KeptCritic, updates: int) -> CriticClassifier:
    arm = SUPERVISED.model_copy(update={"augmentation": job.policy})
    rows = rows_of(arm, shared.known, seed=job.seed)
    drawing = Drawing(updates, BATCH, job.seed)

    def draw(step: int) -> tuple[Tensor, Tensor]:
        picked = pick(arm, rows, drawing, step)
        labels = functional.one_hot(torch.from_numpy(picked.y), critic.n_classes).float()
        return MIXES[arm.mix](shared.batch(picked, arm), labels, generator(job.seed, "mix", step))

    return fit_network(lambda: _network(critic), draw, updates=updates, seed=job.seed)


def _without_labels(job: PretrainJob, shared: Shared, critic: KeptCritic, updates: int) -> CriticClassifier:
    pool, total = shared.pool(REAL, job.policy), len(shared.known.real_y)

    def draw(step: int) -> tuple[Tensor, Tensor]:
        rng = generator(job.seed, "views", step)
        row = np.tile(rng.permutation(total)[: BATCH // 2], 2)
        views = pool.take(row, rng.random(len(row)))
        return torch.from_numpy(shared.codec.encode(views)), torch.from_numpy(row)

    projected = fit_network(
        lambda: _Projected(_network(critic)), draw, updates=updates, seed=job.seed, loss=nt_xent
    )
    return projected.network


class _Projected(Classifier):
    """A classifier's features through two layers (Chen 2020, section 2.1), which are thrown away later."""

    def __init__(self, network: CriticClassifier) -> None:
        super().__init__(network.shape, network.n_classes)
        self.network = network
        width = network.head.in_features
        self.project = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, PROJECTION))

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.project(self.network.features(x))
        return projected


def pretrain_job(shared: Path, content: str, start: str, policy: str, seed: int) -> PretrainJob:
    """Return the job of a start; ``seed`` is that of everything random in the experiment."""
    return PretrainJob(shared, content, start, policy, derive_seed(seed, "start", start))
