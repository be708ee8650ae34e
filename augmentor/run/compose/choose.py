"""Which of a recipe's generators is trained in full: successive halving on the validation part.

Jamieson and Talwalkar 2016, algorithm 1: those left get twice as much as on the rung before, so that every
rung costs the same (here at most one whole training), and the better half of them goes on (here rounded up,
so that it ends with one after ceil(log2 n) rungs). The last one is the run's generator. The test part is not
among what a rung reads, so no choice can follow from it.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from augmentor.core.errors import ConfigError, DataError, TrainingFailed
from augmentor.core.files import write_json
from augmentor.core.persist import read_samples, read_synthetic
from augmentor.core.results import Results
from augmentor.core.samples import Samples
from augmentor.core.seeds import derive_seed
from augmentor.experiment.arms import name_of
from augmentor.experiment.spec import mixing_arm
from augmentor.run.candidates import rung_images, rungs_of, trial_share
from augmentor.run.forbidden_augmentations import synthesizer_without
from augmentor.run.recipe import Recipe
from augmentor.run.sampling import mark
from augmentor.run.steps import CHOICE_ROOMS, Steps
from augmentor.store.cache import StepOutput
from augmentor.store.seen_rows import SEEN_ROWS, record_seen_rows
from augmentor.synthesizers.families import FAMILIES
from augmentor.synthesizers.spec import SynthesizerSpec

RULE = "halving 1"
"""Names how the choice is made. This room's code is in no key, so another rule needs another name."""
SEEN = ("train", "validation")
OWN_FAULTS = (ConfigError, DataError, TrainingFailed)
"""What a candidate drops out for. A full disk, a leak or a bug is no fault of it and ends the run."""


@dataclass(frozen=True)
class Attempt:
    """One candidate on one rung.

    Attributes:
        rung: from 1; 0 for one that was refused before.
        candidate: its name.
        images: real images shown to its critic.
        scores: on the validation part, one a seed, in [0, 1]; empty where it failed.
        reason: why it failed, else empty.
    """

    rung: int
    candidate: str
    images: int
    scores: tuple[float, ...] = ()
    reason: str = ""

    @property
    def mean(self) -> float:
        """Mean score over the seeds."""
        return statistics.fmean(self.scores)

    @property
    def standard_error(self) -> float | None:
        """Of that mean, over the seeds of the classifier alone; None of fewer than two."""
        n = len(self.scores)
        return statistics.stdev(self.scores) / n**0.5 if n > 1 else None

    def row(self, outcome: str) -> dict[str, Any]:
        """Return it as JSON with what became of it."""
        return {
            "rung": self.rung,
            "candidate": self.candidate,
            "images": self.images,
            "mean": self.mean if self.scores else None,
            "standard_error": self.standard_error,
            "outcome": outcome,
            "reason": self.reason,
        }


@dataclass
class RungSteps(Steps):
    """The steps of one candidate on one rung: train, sample, then filter and score on the validation part."""

    @property
    def parts(self) -> dict[str, Samples]:
        """The training and the validation part; the test part stays closed."""
        folder = self.done["load"].folder
        return {name: read_samples(folder / name) for name in SEEN}

    def rung(self) -> StepOutput:
        """Score the candidate's filtered samples with the recipe's first mixing arm at its one share."""
        inputs = {
            "sample": self._key("sample"),
            "judge": self._key("judge"),
            "filters": self.recipe.filters.model_dump(mode="json"),
            **scoring_inputs(self),
        }
        return self._keep("rung", inputs, CHOICE_ROOMS, self._rung)

    def _rung(self, output: Path, work: Path) -> None:
        from augmentor.experiment.trial import try_shares

        parts = self.parts
        selection = mark(
            read_synthetic(self.done["sample"].folder / "candidates"),
            judge=self.load_judge(parts),
            plan=self.words("sample")["plan"],
            spec=self.recipe.filters,
        )
        (tried,) = try_shares(
            parts["train"],
            parts["validation"],
            selection.synthetic,
            self.evaluation_spec,
            seed=derive_seed(self.seed, "choose"),
            processes=self.recipe.execution.processes,
            mapper=self.engine.mapper,
            folder=work,
            progress=self.progress,
        )
        record_seen_rows(output, parts)
        write_json(output / "facts.json", {"scores": tried["scores"]})


def scoring_inputs(steps: Steps) -> dict[str, Any]:
    """Return what the scores of a candidate depend on, its samples aside: part of a step's key."""
    spec = steps.evaluation_spec
    return {
        "model": spec.model.model_dump(mode="json"),
        "augmentation": spec.augmentation.model_dump(mode="json"),
        "mixing": spec.mixing.model_dump(mode="json"),
        "primary_metric": spec.primary_metric,
        "arm": mixing_arm(spec.arms).model_dump(mode="json"),
        "share": trial_share(spec),
        "seed": steps.seed,
    }


def inputs_of(steps: Steps) -> dict[str, Any]:
    """Return what the choice depends on: the ``inputs`` of its key.

    The choice has a key of its own, not only its rungs: a candidate that failed left no finished step, and a
    second run would train it to its failure once more.
    """
    recipe = steps.recipe
    return {
        "judge": steps.done["judge"].key,
        "generators": {name: one.model_dump(mode="json") for name, one in generators(steps).items()},
        "training": recipe.training.model_dump(mode="json"),
        "device": steps.device,
        "threads": recipe.execution.threads,
        "balance": recipe.balance,
        "filters": recipe.filters.model_dump(mode="json"),
        **scoring_inputs(steps),
        "rule": RULE,
    }


def generators(steps: Steps) -> dict[str, SynthesizerSpec]:
    """Return the recipe's generators by name, without the augmentations that the card avoids."""
    return {name: synthesizer_without(one, steps.avoid) for name, one in steps.recipe.generators.items()}


@dataclass
class Contest:
    """What tries the candidates of one run, and what they left.

    Attributes:
        steps: of the run, with load and judge done.
        able: the candidates that can be tried, by name.
        members: the steps of every attempt so far, failed ones included.
    """

    steps: Steps
    able: dict[str, SynthesizerSpec]
    members: list[RungSteps] = field(default_factory=list)

    def attempt(self, name: str, rung: int) -> Attempt:
        """Work one candidate up to its validation scores; its own fault becomes its result."""
        steps, rungs = self.steps, rungs_of(len(self.able))
        training, classes = steps.recipe.training, len(steps.words("load")["classes"])
        images = rung_images(training, self.able[name], rungs - rung + 1, classes)
        where = f"choose: rung {rung} of {rungs}: {name}"
        steps.progress.log(f"{where}: {images:,} images")
        one = RungSteps(
            rung_recipe(steps.recipe, self.able[name], images),
            steps.cache,
            steps.device,
            steps.progress,
            {step: steps.done[step] for step in ("load", "judge")},
            engine=steps.engine,
        )
        self.members.append(one)
        try:
            one.rung()
        except OWN_FAULTS as error:
            reason = " ".join(str(error).split())
            steps.progress.log(f"{where}: drops out: {reason}")
            return Attempt(rung, name, images, reason=reason)
        found = Attempt(rung, name, images, tuple(one.words("rung")["scores"]))
        steps.progress.log(f"{where}: {found.mean:.4f} on the validation part")
        return found


def work_choice(steps: Steps, output: Path) -> None:
    """Compare the recipe's generators rung by rung and write the choice into ``output``.

    Every rung is kept by the cache as it ends, so a killed run goes on where it stood.

    Raises:
        DataError: if the validation part is empty.
        ConfigError: if no candidate came to a score, with their reasons.
    """
    load, spec = steps.words("load"), steps.evaluation_spec
    if not len(read_samples(steps.done["load"].folder / "validation")):
        raise DataError(
            "the validation part is empty, and candidates are compared on it; give the data a validation "
            "part (split.validation), or set candidates to []"
        )
    able, refused = suited(steps.recipe.generators, tuple(load["shape"]))
    contest, count = Contest(steps, able), len(steps.recipe.generators)
    chosen, tried, rows = halve(tuple(able), contest.attempt, refused)
    steps.progress.log(f"choose: {chosen}, of {count} generators")
    record_all_seen_rows(output, contest.members)
    arm = name_of(mixing_arm(spec.arms))
    scores = score_rows(tried, load["dataset"], arm, spec.primary_metric)
    Results.from_rows(scores).write(output / "results.parquet")
    write_json(
        output / "facts.json",
        {
            "chosen": chosen,
            "arm": arm,
            "share": trial_share(spec),
            "images": steps.recipe.training.images,
            "sentence": told(chosen, count, tried),
            "tried": rows,
        },
    )


def suited(
    generators: dict[str, SynthesizerSpec], shape: tuple[int, ...]
) -> tuple[dict[str, SynthesizerSpec], list[Attempt]]:
    """Return the generators that are meant for samples of ``shape`` (C, *spatial), and the others refused.

    Those are told apart before the rungs are counted, so that the rest has their time.
    """
    able, refused = {}, []
    for name, spec in generators.items():
        dimensions = FAMILIES[spec.family].dimensions
        if len(shape) - 1 in dimensions:
            able[name] = spec
        else:
            reason = (
                f"family {spec.family!r} is for samples of {' or '.join(map(str, dimensions))} spatial "
                f"dimensions, these are of shape {shape}"
            )
            refused.append(Attempt(0, name, 0, reason=reason))
    return able, refused


def halve(
    names: Sequence[str], attempt: Callable[[str, int], Attempt], refused: Sequence[Attempt] = ()
) -> tuple[str, list[Attempt], list[dict[str, Any]]]:
    """Return the best of ``names`` by successive halving, every attempt, and what became of each.

    Args:
        names: candidates in the order of the recipe, in which of equals the first goes on.
        attempt: tries a name on a rung, counted from 1; a failure is an attempt without scores.
        refused: candidates that cannot be tried.

    Raises:
        ConfigError: if no attempt came to a score.
    """
    left, reserve = list(names), list[Attempt]()
    tried, rows = list[Attempt](), [one.row("refused") for one in refused]
    rungs = rungs_of(len(names))
    for rung in range(1, rungs + 1):
        here = [attempt(name, rung) for name in left]
        tried += here
        ranked = sorted((one for one in here if one.scores), key=lambda one: -one.mean)  # stable
        best = {one.candidate for one in ranked[: -(-len(left) // 2)]}
        # Where all that went on fail later, the best of those dropped before is still a generator.
        reserve = [one for one in ranked if one.candidate not in best] + reserve
        left = [name for name in left if name in best] or [one.candidate for one in reserve[:1]]
        final = rung == rungs or len(left) < 2
        for one in here:
            went = "chosen" if final else "went on"
            rows.append(one.row("failed" if one.reason else went if one.candidate in best else "dropped"))
        if final:
            break
    if not left:
        reasons = "; ".join(f"{one.candidate}: {one.reason}" for one in [*refused, *tried] if one.reason)
        raise ConfigError(
            f"none of the recipe's {len(names) + len(refused)} generators could be tried ({reasons}); name "
            "others in candidates, or set candidates to [] and fix synthesizer"
        )
    return left[0], tried, rows


def rung_recipe(recipe: Recipe, spec: SynthesizerSpec, images: int) -> Recipe:
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
            "evaluation": evaluation.model_copy(update={"mixing": mixing, "outer_splits": 1}),
        }
    )


def score_rows(tried: Iterable[Attempt], dataset: str, arm: str, metric: str) -> list[dict[str, Any]]:
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


def record_all_seen_rows(output: Path, members: Iterable[RungSteps]) -> None:
    """Write down which rows any step of any candidate was handed; publishing looks for test cases in it."""
    seen: dict[str, dict[str, None]] = {name: {} for name in SEEN}
    for one in members:
        for handed in one.seen_rows.values():
            for part, digests in handed.items():
                seen.setdefault(part, {}).update(dict.fromkeys(digests))
    write_json(output / SEEN_ROWS, {part: list(digests) for part, digests in seen.items()})


def told(chosen: str, count: int, tried: Sequence[Attempt]) -> str:
    """Return the sentence for a reader of the report."""
    scored = len({one.candidate for one in tried if one.scores})
    if scored < 2:
        return f"Of the recipe's {count} generators {chosen} alone could be tried, so nothing was compared."
    return (
        f"The recipe names {count} generators. {scored} of them were compared on the validation part alone, "
        f"by successive halving (Jamieson and Talwalkar 2016), and {chosen} was then trained with the "
        "whole budget. Its scores here are the best of several and flatter it; the test part had no say."
    )
