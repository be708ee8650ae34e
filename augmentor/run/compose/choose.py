"""Which of a recipe's generators is trained in full: successive halving on the validation part.

Jamieson and Talwalkar 2016, algorithm 1: those left get twice as much as on the rung before, so that every
rung costs the same (here at most one whole training), and the better half of them goes on (here rounded up,
so that it ends with one after ceil(log2 n) rungs). The last one is the run's generator. The test part is not
among what a rung reads, so no choice can follow from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from augmentor.core.errors import ConfigError, DataError, TrainingFailed
from augmentor.core.facts.samples import LoadFacts
from augmentor.core.facts.training import ChooseFacts, TrialFacts
from augmentor.core.files import write_json
from augmentor.core.results import Results
from augmentor.experiment.arms import name_of
from augmentor.experiment.spec import mixing_arm
from augmentor.run.candidates import rung_images, rungs_of, trial_share
from augmentor.run.completed import RESULTS
from augmentor.run.compose.halving import Tried, halve
from augmentor.run.context import RunContext
from augmentor.run.recipe import Recipe
from augmentor.run.step import EXPERIMENT_CODE, Step, run_steps
from augmentor.run.steps.sample import SAMPLE
from augmentor.run.steps.scoring import RUNG, SCORED_ON, scoring_inputs
from augmentor.run.steps.train import TRAIN
from augmentor.store.seen_rows import SEEN_ROWS
from augmentor.synthesizers.method_spec import MethodSpec

CANDIDATE_STEPS: tuple[Step[Any], ...] = (TRAIN, SAMPLE, RUNG)
"""What is done for each candidate on each rung, after the run's own load and judge."""
SHARED = ("load", "judge")
OWN_FAULTS = (ConfigError, DataError, TrainingFailed)
"""What a candidate drops out for. A full disk, a leak or a bug is no fault of it and ends the run."""


def reads(context: RunContext) -> dict[str, Any]:
    """Return what the choice depends on besides data and judge.

    The choice has a key of its own, not only its rungs: a candidate that failed left no finished step, and a
    second run would train it to its failure once more.
    """
    recipe = context.recipe
    return {
        "generators": {name: context.permitted(one) for name, one in recipe.generators.items()},
        "training": recipe.training,
        "device": context.device,
        "threads": recipe.execution.threads,
        "balance": recipe.balance,
        "filters": recipe.filters,
        **scoring_inputs(context),
    }


@dataclass
class Contest:
    """What tries the candidates of one run, and what they left.

    Attributes:
        context: of the run, with load and judge done.
        able: the candidates that can be tried, by name.
        members: the contexts of every attempt so far, failed ones included.
    """

    context: RunContext
    able: dict[str, MethodSpec]
    members: list[RunContext] = field(default_factory=list)

    def attempt(self, name: str, rung: int) -> Tried:
        """Run one candidate up to its validation scores; its own fault becomes its result."""
        context, rungs = self.context, rungs_of(len(self.able))
        classes = len(context.completed.facts("load", LoadFacts).classes)
        images = rung_images(context.recipe.training, self.able[name], rungs - rung + 1, classes)
        where = f"choose: rung {rung} of {rungs}: {name}"
        context.progress.log(f"{where}: {images:,} images")
        member = context.with_recipe(rung_recipe(context.recipe, self.able[name], images), SHARED)
        self.members.append(member)
        try:
            run_steps(CANDIDATE_STEPS, member)
        except OWN_FAULTS as error:
            reason = " ".join(str(error).split())
            context.progress.log(f"{where}: drops out: {reason}")
            return Tried(rung, name, images, reason=reason)
        (scored,) = member.completed.facts(RUNG.name, TrialFacts).tried
        found = Tried(rung, name, images, scored.scores)
        context.progress.log(f"{where}: {found.mean:.4f} on the validation part")
        return found


def choose(context: RunContext, output: Path, _: Path) -> ChooseFacts:
    """Compare the recipe's generators rung by rung; write the scores.

    Every rung is kept by the cache as it ends, so a killed run goes on where it stood.

    Raises:
        DataError: if the validation part is empty.
        ConfigError: if no candidate came to a score, with their reasons.
    """
    data, recipe = context.completed.facts("load", LoadFacts), context.recipe
    if not len(context.completed.parts["validation"]):
        raise DataError(
            "the validation part is empty, and candidates are compared on it; give the data a validation "
            "part (split.validation), or set candidates to []"
        )
    able, refused = suited(recipe.generators, data.shape)
    contest, count = Contest(context, able), len(recipe.generators)
    chosen, tried, rows = halve(tuple(able), contest.attempt, refused)
    context.progress.log(f"choose: {chosen}, of {count} generators")
    write_seen_rows(output, contest.members)
    arm = name_of(mixing_arm(context.evaluation))
    scores = score_rows(tried, data.dataset, arm, recipe.evaluation.primary_metric)
    Results.from_rows(scores).write(output / RESULTS)
    return ChooseFacts(
        chosen=chosen,
        arm=arm,
        share=trial_share(recipe.evaluation),
        images=recipe.training.images,
        sentence=sentence(chosen, count, tried),
        tried=tuple(rows),
    )


def suited(
    generators: dict[str, MethodSpec], shape: tuple[int, ...]
) -> tuple[dict[str, MethodSpec], list[Tried]]:
    """Return the generators that are meant for samples of ``shape`` (C, *spatial), and the others refused.

    Those are told apart before the rungs are counted, so that the rest has their time.
    """
    able, refused = {}, []
    for name, spec in generators.items():
        reason = spec.unsuited(shape)
        if reason is None:
            able[name] = spec
        else:
            refused.append(Tried(0, name, 0, reason=reason))
    return able, refused


def rung_recipe(recipe: Recipe, spec: MethodSpec, images: int) -> Recipe:
    """Return the recipe of one candidate on one rung.

    A rung trains anew instead of going on with the rung before: learning rate, labels, growth and average
    follow the share of the whole training, so a training cut short is not a short training.
    """
    evaluation = recipe.evaluation
    shares = (trial_share(evaluation),)
    mixing = evaluation.mixing.model_copy(update={"shares": shares, "label_minimums": ()})
    return recipe.model_copy(
        update={
            "candidates": (),
            "synthesizer": spec,
            "training": recipe.training.model_copy(update={"images": images}),
            "evaluation": evaluation.model_copy(update={"mixing": mixing}),
        }
    )


def score_rows(tried: Iterable[Tried], dataset: str, arm: str, metric: str) -> list[dict[str, Any]]:
    """Return a results row for every score; rungs with equally many images are one training and one row."""
    once = {(one.candidate, one.images): one for one in tried}
    return [
        {
            "dataset": dataset,
            "arm": arm,
            "setting": {"candidate": one.candidate, "images": one.images},
            "seed": seed,
            "split": "validation",
            "metric": metric,
            "value": score,
            "greater_is_better": True,
        }
        for one in once.values()
        for seed, score in enumerate(one.scores)
    ]


def write_seen_rows(output: Path, members: Iterable[RunContext]) -> None:
    """Write which rows any step of any candidate was given; publishing looks for test cases in it."""
    seen: dict[str, dict[str, None]] = {name: {} for name in SCORED_ON}
    for member in members:
        for given in member.completed.seen_rows.values():
            for part, digests in given.items():
                seen.setdefault(part, {}).update(dict.fromkeys(digests))
    write_json(output / SEEN_ROWS, {part: list(digests) for part, digests in seen.items()})


def sentence(chosen: str, count: int, tried: Sequence[Tried]) -> str:
    """Return the sentence for a reader of the report."""
    scored = len({one.candidate for one in tried if one.scores})
    if scored < 2:
        return f"Of the recipe's {count} generators {chosen} alone could be tried, so nothing was compared."
    return (
        f"The recipe names {count} generators. {scored} of them were compared on the validation part alone, "
        f"by successive halving (Jamieson and Talwalkar 2016), and {chosen} was then trained with the "
        "whole budget. Its scores here are the best of several and flatter it; the test part had no say."
    )


CHOOSE = Step(
    "choose",
    "Choose the generator",
    ChooseFacts,
    choose,
    reads,
    after=SHARED,
    code=(*EXPERIMENT_CODE, "run.candidates", "run.compose.halving", "run.sampling", "run.steps"),
)
