"""The one training loop of every method; it knows steps, neither losses nor modality."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from augmentor.core import ranks
from augmentor.core.errors import TrainingFailed
from augmentor.core.progress import Progress
from augmentor.core.score import CheckpointScore
from augmentor.training.batches import BatchSource
from augmentor.training.checkpoint import Checkpoints
from augmentor.training.networks import Networks
from augmentor.training.schedule import Calendar, label_weight
from augmentor.training.spec import TrainingSpec
from augmentor.training.state import State
from augmentor.training.step import Losses, StepContext, Trainable

Trained = TypeVar("Trained", bound=Networks)

STAGE = "train"
"""Name of the stage in progress reports; its unit is images shown."""

PROGRESS_SECONDS = 0.2
"""Progress is reported at most this often; what is trained does not depend on it."""

LOW_DIVERSITY = 0.5
"""A class less varied than this share of the real samples is warned about."""

Evaluate = Callable[[], CheckpointScore]


@dataclass(frozen=True)
class Training(Generic[Trained]):
    """Everything fixed over one training.

    Attributes:
        spec: budget and optimiser.
        method: what is done at each step.
        batches: the data.
        seed: all randomness derives from it, the number of the step and the rollbacks so far.
        evaluate: judges the averaged network; None keeps the last average.
        store: where full states are saved.
        progress: receives images shown and losses.
    """

    spec: TrainingSpec
    method: Trainable[Trained]
    batches: BatchSource
    seed: int
    evaluate: Evaluate | None
    store: Checkpoints
    progress: Progress


class Sums:
    """Losses since the last row of history."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor | float] = {}
        self.counts: dict[str, int] = {}

    def add(self, losses: Losses) -> None:
        """Add one step; on a GPU without waiting for it."""
        for name, loss in losses.items():
            # A number that turns into a tensor on the loss's own device with the first addition.
            self.sums[name] = self.sums.get(name, 0.0) + loss
            self.counts[name] = self.counts.get(name, 0) + 1

    def means(self) -> dict[str, float]:
        """Return the mean losses; not finite if one of them was not."""
        return {name: float(total) / self.counts[name] for name, total in self.sums.items()}


def train(state: State[Trained], training: Training[Trained]) -> None:
    """Bring ``state`` to the end of the training.

    A state is saved only when all losses since the last one and all weights are finite; a
    non-finite loss goes back to it with half the learning rate, once.

    Raises:
        TrainingFailed: if losses stop being finite a second time.
    """
    spec, progress = training.spec, training.progress
    calendar = Calendar.of(spec, training.method.steps, training.method.checkpoints)
    progress.start(STAGE, spec.images)
    good = (state.tensors(), state.facts())
    sums, reported = Sums(), 0.0
    draws = torch.Generator()
    while state.step < calendar.last:
        losses = one_step(state, training, draws)
        sums.add(losses)
        if time.monotonic() - reported >= PROGRESS_SECONDS:
            reported = time.monotonic()
            _report(training, state, losses)
        if not calendar.row(state.step):
            continue
        means = ranks.all_reduce_mean(sums.means())
        sums = Sums()
        if not _all_finite(means) or (calendar.state(state.step) and not state.finite()):
            _roll_back(state, good, training, means)
            good = (state.tensors(), state.facts())
            continue
        state.history.append(_row(state, training, means))
        # The first process judges and keeps the best; the others wait for it in the next step.
        if training.evaluate is not None and state.step in calendar.judged and ranks.rank() == 0:
            _judge(state, training, training.evaluate)
        if calendar.state(state.step):
            good = (state.tensors(), state.facts())
            training.store.save(state.step, *good)
    progress.finish(STAGE)


def one_step(state: State[Trained], training: Training[Trained], draws: torch.Generator) -> Losses:
    """Move ``state`` on by one step; ``draws`` is seeded anew for it."""
    method, step = training.method, state.step
    draws.manual_seed(method.step_seed(training.seed, step, state.rollbacks))
    state.set_learning_rate(method.learning_rate(step, state.factor))
    method.begin_step(state.networks, state.average, step)
    with ranks.global_batch(training.spec.batch):
        batch = method.draw(training.batches, step, draws)
        context = StepContext(step, label_weight(training.spec, step), draws)
        losses = method.step(state.networks, batch, context)
    state.step += 1
    state.averaging.update(method.average_decay(state.step))
    return losses


def _report(training: Training[Trained], state: State[Trained], losses: Losses) -> None:
    info = {name: float(loss) for name, loss in losses.items() if name != "penalty"}
    training.progress.update(STAGE, min(training.spec.images, state.step * training.spec.batch), info)


def _all_finite(means: dict[str, float]) -> bool:
    return bool(torch.isfinite(torch.tensor(list(means.values()), dtype=torch.float64)).all())


def _row(state: State[Trained], training: Training[Trained], means: dict[str, float]) -> dict[str, Any]:
    step, spec = state.step - 1, training.spec
    return {
        "images": min(spec.images, state.step * spec.batch),
        "step": state.step,
        **means,
        **training.method.readings(step),
        "learning_rate": training.method.learning_rate(step, state.factor),
    }


def _judge(state: State[Trained], training: Training[Trained], evaluate: Evaluate) -> None:
    """Score the average, write it into the last row, and keep the weights if they are the best."""
    score = evaluate()
    facts = {
        "label_fidelity": float(score.label_fidelity),
        "coverage": float(score.coverage),
        "diversity": {name: float(value) for name, value in score.diversity.items()},
        "merit": score.merit,
    }
    state.history[-1].update(facts)
    images = state.history[-1]["images"]
    low = {name: value for name, value in score.diversity.items() if value < LOW_DIVERSITY}
    training.progress.log(
        f"after {images:,} images: label fidelity {score.label_fidelity:.2f}, coverage {score.coverage:.2f}, "
        f"lowest diversity {score.lowest_diversity:.2f}"
    )
    if low:
        named = ", ".join(
            f"{name} {value:.2f}" for name, value in sorted(low.items(), key=lambda item: item[1])
        )
        training.progress.log(
            f"warning: low diversity after {images:,} images, as a share of the real samples': {named}"
        )
    # At equal merit the later one: it has seen more.
    if state.best is None or facts["merit"] >= state.best["merit"]:
        state.keep_best({"images": images, "step": state.step, **facts})


def _roll_back(
    state: State[Trained],
    good: tuple[dict[str, Tensor], dict[str, Any]],
    training: Training[Trained],
    means: dict[str, float],
) -> None:
    failed, rollbacks = state.step, state.rollbacks + 1
    names = [name for name, value in means.items() if not _all_finite({name: value})] or ["weights"]
    if rollbacks > 1:
        raise TrainingFailed(
            f"training stopped being finite ({', '.join(names)}) by step {failed:,} for the second time, "
            f"although the learning rate had been halved to {training.spec.rate * state.factor:g}; "
            "lower training.learning_rate, raise the weights in synthesizer.regularisers, or look for "
            "extreme values in the data"
        )
    state.restore(*good)
    state.rollbacks, state.factor = rollbacks, state.factor / 2
    state.history.append(
        {
            "images": state.step * training.spec.batch,
            "step": state.step,
            "rollback": f"not finite by step {failed}: {', '.join(names)}",
            "learning_rate_factor": state.factor,
        }
    )
    training.progress.log(
        f"losses stopped being finite by step {failed:,} ({', '.join(names)}); going on from step "
        f"{state.step:,} with half the learning rate"
    )
    training.store.save(state.step, state.tensors(), state.facts())
