"""Train the generator on the training part, going on from the last whole checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from augmentor.core.facts.training import TrainFacts
from augmentor.run.completed import CRITIC
from augmentor.run.context import RunContext
from augmentor.run.distributed import rank_count, release_ranks, start_training_on_ranks
from augmentor.run.step import GENERATOR_CODE, Step
from augmentor.store.seen_rows import record_seen_rows

if TYPE_CHECKING:
    from augmentor.synthesizers.synthesizer import Synthesizer


def reads(context: RunContext) -> dict[str, Any]:
    """Return what the generator depends on besides data and judge.

    The choice among several generators is not part of it: the same generator is the same training, chosen or
    named. The number of processes is: another order of additions changes the last bits.
    """
    return {
        "synthesizer": context.synthesizer,
        "training": context.recipe.training,
        "device": context.device,
        "threads": context.recipe.execution.threads,
        "processes": rank_count(),
    }


def train(context: RunContext, output: Path, work: Path) -> TrainFacts:
    """Write generator and critic."""
    with context.engine.device_slot(context.device):
        start_training_on_ranks(work)
        synthesizer = fit(context, work)
    synthesizer.save(output)
    if synthesizer.critic is not None:
        synthesizer.critic.save(output / CRITIC)
    record_seen_rows(output, {"train": context.completed.parts["train"]})
    return TrainFacts(history=tuple(synthesizer.history), chosen_checkpoint=synthesizer.chosen)


def fit(context: RunContext, work: Path) -> Synthesizer:
    """Return the trained synthesizer; checkpoints lie in ``work``. Every rank calls this."""
    from augmentor.synthesizers.build import build
    from augmentor.synthesizers.fitting import FitContext

    recipe = context.recipe
    synthesizer = build(context.synthesizer, recipe.training)
    synthesizer.fit(
        context.completed.parts["train"],
        seed=recipe.training.seed,
        judge=context.load_judge(),
        context=FitContext(context.progress, work, context.device, recipe.execution.threads),
    )
    return synthesizer


def release(_: RunContext) -> None:
    """Let the other ranks of ``torchrun`` end."""
    release_ranks()


TRAIN = Step(
    "train",
    "Train the generator",
    TrainFacts,
    train,
    reads,
    after=("load", "judge"),
    code=GENERATOR_CODE,
    then=release,
)
