"""The one training loop of every family; it knows steps, not modality."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from augmentor.core import ranks
from augmentor.core.errors import TrainingFailed
from augmentor.core.progress import Progress
from augmentor.core.score import CheckpointScore
from augmentor.core.seeds import derive_seed
from augmentor.nets.conditional import Critic, Encoder, Generator
from augmentor.training.batches import Batches
from augmentor.training.checkpoint import Checkpoints
from augmentor.training.schedule import Calendar, ema_decay, growth, label_strength, learning_rate
from augmentor.training.spec import TrainingSpec
from augmentor.training.state import State
from augmentor.training.steps import Losses, Objective, train_step

STAGE = "train"
"""What the stage is called to the listener; its unit is images shown."""

PROGRESS_SECONDS = 0.2
"""The listener hears at most this often; what is trained does not depend on it."""

LOW_DIVERSITY = 0.5
"""A class less varied than this share of the real samples is warned about."""

Evaluate = Callable[[nn.Module], CheckpointScore]


@dataclass(frozen=True)
class Training:
    """Everything fixed over one training.

    Attributes:
        spec: budget and optimiser.
        objective: what the networks minimise.
        batches: the data.
        seed: all randomness derives from it, the number of the step and the rollbacks so far.
        evaluate: judges the averaged generator; None keeps the last average.
        store: where full states are saved.
        progress: told where the work stands.
    """

    spec: TrainingSpec
    objective: Objective
    batches: Batches
    seed: int
    evaluate: Evaluate | None
    store: Checkpoints
    progress: Progress


class Sums:
    """Losses since the last row of history."""

    def __init__(self) -> None:
        self.turns, self.penalties = 0, 0
        # Numbers that turn into tensors on the losses' own device with the first addition.
        self.critic: Tensor | float = 0.0
        self.judged = 0
        self.generator: Tensor | float = 0.0
        self.penalty: Tensor | float = 0.0

    def add(self, losses: Losses) -> None:
        """Add one step; on a GPU without waiting for it."""
        if losses.critic is not None:
            self.judged += 1
            self.critic = self.critic + losses.critic
        if losses.generator is not None:
            self.turns += 1
            self.generator = self.generator + losses.generator
        if losses.penalty is not None:
            self.penalties += 1
            self.penalty = self.penalty + losses.penalty

    def means(self) -> dict[str, float]:
        """Return the mean losses; not finite if one of them was not."""
        means = {"critic_loss": float(self.critic) / self.judged} if self.judged else {}
        if self.turns:
            means["generator_loss"] = float(self.generator) / self.turns
        if self.penalties:
            means["penalty"] = float(self.penalty) / self.penalties
        return means


def train(state: State, training: Training) -> None:
    """Bring ``state`` to the end of the training.

    A state is saved only when all losses since the last one and all weights are finite; a
    non-finite loss goes back to it with half the learning rate, once.

    Raises:
        TrainingFailed: if losses stop being finite a second time.
    """
    spec, progress = training.spec, training.progress
    calendar = Calendar.of(spec)
    progress.start(STAGE, spec.images)
    good = (state.tensors(), state.facts())
    sums, told = Sums(), 0.0
    draws = torch.Generator()
    while state.step < calendar.last:
        losses = _one_step(state, training, draws)
        sums.add(losses)
        if time.monotonic() - told >= PROGRESS_SECONDS:
            told = time.monotonic()
            _tell(training, state, losses)
        if not calendar.row(state.step):
            continue
        means = ranks.all_reduce_mean(sums.means())
        sums = Sums()
        if not _all_finite(means) or (calendar.state(state.step) and not state.finite()):
            _roll_back(state, good, training, means)
            good = (state.tensors(), state.facts())
            continue
        state.history.append(_row(state, spec, means))
        # The first process judges and keeps the best; the others wait for it in the next step.
        if training.evaluate is not None and state.step in calendar.judged and ranks.rank() == 0:
            _judge(state, training, training.evaluate)
        if calendar.state(state.step):
            good = (state.tensors(), state.facts())
            training.store.save(state.step, *good)
    progress.finish(STAGE)


def _one_step(state: State, training: Training, draws: torch.Generator) -> Losses:
    spec, step = training.spec, state.step
    draws.manual_seed(derive_seed(training.seed, "step", step, state.rollbacks))
    state.set_learning_rate(learning_rate(spec, step, state.factor))
    stages = state.players.generator.stages
    if stages > 1:
        position = growth(spec, step, stages)
        for network in (state.players.generator, state.players.critic, state.average):
            assert isinstance(network, Generator | Critic | Encoder)  # no other grows
            network.grow(position)
    with ranks.global_batch(spec.batch):
        losses = train_step(
            state.players,
            training.objective,
            training.batches.draw(draws),
            step=step,
            strength=label_strength(spec, step),
            draws=draws,
            regulators=state.regulators,
        )
    state.step += 1
    state.averaging.update(ema_decay(spec, state.step * spec.batch))
    return losses


def _tell(training: Training, state: State, losses: Losses) -> None:
    info = {} if losses.critic is None else {"critic_loss": float(losses.critic)}
    if losses.generator is not None:
        info["generator_loss"] = float(losses.generator)
    training.progress.update(STAGE, min(training.spec.images, state.step * training.spec.batch), info)


def _all_finite(means: dict[str, float]) -> bool:
    return bool(torch.isfinite(torch.tensor(list(means.values()), dtype=torch.float64)).all())


def _row(state: State, spec: TrainingSpec, means: dict[str, float]) -> dict[str, Any]:
    return {
        "images": min(spec.images, state.step * spec.batch),
        "step": state.step,
        **means,
        "label_strength": label_strength(spec, state.step - 1),
        "learning_rate": learning_rate(spec, state.step - 1, state.factor),
        **state.regulators.readings(),
    }


def _judge(state: State, training: Training, evaluate: Evaluate) -> None:
    """Score the average, write it into the last row, and keep the weights if they are the best."""
    score = evaluate(state.average)
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
    state: State, good: tuple[dict[str, Tensor], dict[str, Any]], training: Training, means: dict[str, float]
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
