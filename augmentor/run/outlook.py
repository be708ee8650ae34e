"""What a run can show and what it will cost, said before anything is trained.

What it can show follows from the numbers of test cases (:mod:`augmentor.statistics.planning`). What it costs
is an estimate: a few steps of the generator and of the classifier are trained on random numbers of the
samples' shape on this machine, and their times are multiplied by the steps that the recipe asks for:

    seconds = folds * (generator steps * t_g + (judge folds * judge updates + fits * updates) * t_m /
    processes)

with candidates counted rung by rung, every share tried and every arm at every seed. The measurements of the
samples, filters and files are not in it; nor are faster or slower hours of a machine that others use too.
"""

from __future__ import annotations

import math
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from augmentor.core.errors import AugmentorError
from augmentor.core.samples import Samples
from augmentor.data.folds import folds_of, independent_cases
from augmentor.data.inspection import Inspection
from augmentor.experiment.arms import Derived, is_mixing, pattern_of
from augmentor.experiment.spec import EvaluationSpec
from augmentor.experiment.starts import LABELLED, UNLABELLED, updates_worth
from augmentor.run.budget import BUDGETS
from augmentor.run.candidates import rung_images, rungs_of
from augmentor.run.recipe import Recipe
from augmentor.statistics.planning import power_sentence

if TYPE_CHECKING:
    from torch import Tensor

    from augmentor.core.samples import IntArray
    from augmentor.downstream.model_spec import ModelSpec

WORTH_ASKING = 20_000
"""Updates of classifiers and steps of generators below which a run is too short to be worth a probe."""
FEW, MORE = 2, 16
"""Steps of the two probes; the time of a step is that of the difference, free of what comes once."""
LONG = 5.0
"""Seconds after which one probe is enough: its steps alone tell enough then."""


@dataclass(frozen=True)
class Pace:
    """What one machine was measured to take at the size of some samples.

    Attributes:
        generator: seconds of a step of the generator and its critic, one batch.
        models: seconds of an update of each model that the question is asked of, on one thread.
        processes: how many fits run side by side.
        peak: bytes of the largest process so far.
    """

    generator: float
    models: tuple[float, ...]
    processes: int
    peak: int


@dataclass(frozen=True)
class Work:
    """What a recipe asks for.

    Attributes:
        steps: of generators.
        updates: of each model; those of the judge and of the comparison of candidates count for the first.
    """

    steps: int
    updates: tuple[int, ...]

    @classmethod
    def of(cls, recipe: Recipe, classes: int, folds: int = 1) -> Work:
        """Count; where a choice decides how much there is, the most.

        Args:
            recipe: what is run.
            classes: number of classes.
            folds: how often everything is done.
        """
        training, spec = recipe.training, recipe.evaluation
        steps = math.ceil(training.images / training.batch)
        first, *further = (fits(spec, classes) * model.updates for model in spec.models)
        first += updates_beforehand(spec, training.images)
        if recipe.chooses:
            left = rungs = rungs_of(len(recipe.generators))
            candidates = len(recipe.generators)
            for _ in range(rungs):
                shown = rung_images(training, recipe.synthesizer, left, classes)
                steps += candidates * math.ceil(shown / training.batch)
                first += candidates * min(spec.mixing.share_seeds, spec.seeds) * spec.model.updates
                candidates, left = math.ceil(candidates / 2), left - 1
        first += recipe.judge.folds * recipe.judge.updates
        return cls(steps * folds, tuple(folds * updates for updates in (first, *further)))

    def seconds(self, pace: Pace) -> float:
        """Return the estimate at a machine's pace."""
        models = sum(n * each for n, each in zip(self.updates, pace.models, strict=True))
        return self.steps * pace.generator + models / pace.processes


def fits(spec: EvaluationSpec, classes: int) -> int:
    """Return how many classifiers an evaluation trains at most.

    Args:
        spec: arms, seeds and shares.
        classes: number of classes, of which each may be left out once.
    """
    arms = spec.named_arms.values()
    several = len(spec.mixing.shares) - 1
    trials = min(spec.mixing.share_seeds, spec.seeds)
    found = spec.seeds * len(arms) + trials * several * sum(map(is_mixing, arms))
    thinned = sum(isinstance(arm, Derived) and arm.base == "best_mixing" for arm in arms)
    settings = sum(len(arm.settings) for arm in arms if isinstance(arm, Derived))
    return found + trials * (classes * thinned + settings + len(spec.mixing.label_minimums))


def updates_beforehand(spec: EvaluationSpec, images: int) -> int:
    """Return the updates of the controls of a start from the critic, each trained once for all seeds.

    Args:
        spec: the arms.
        images: that generator and critic are shown.
    """
    starts = {pattern_of(arm).start for arm in spec.arms} & {LABELLED, UNLABELLED}
    return len(starts) * updates_worth(images)


def power(
    tested: Mapping[str, int], every: Mapping[str, int] | None, spec: EvaluationSpec, folds: int = 1
) -> str | None:
    """Return the sentence on what the run can show, None where the test part has one class only.

    Args:
        tested: test cases by class.
        every: all cases by class; None where the data have a test part of their own.
        spec: says how many seeds there are.
        folds: how many folds the study has; 1 without.
    """
    there = [name for name, n in tested.items() if n]
    if len(there) < 2:
        return None
    all_of = None if every is None else [every[name] for name in there]
    given = [tested[name] for name in there]
    if folds == 1:
        return power_sentence(given, all_of, seeds=spec.seeds)
    return power_sentence(given, all_of, seeds=spec.seeds, folds=folds, divided=True)


def cost(recipe: Recipe, pace: Pace, samples: Samples, folds: int = 1) -> str:
    """Return the sentence on time and memory.

    Memory: what the largest process had after the probe, and the training part three times as 32-bit numbers
    (read, encoded, in a batch's reach); the pool of augmented versions lies on disk.
    """
    work = Work.of(recipe, samples.n_classes, folds)
    bytes_of = pace.peak + 3 * 4 * len(samples) * math.prod(samples.shape)
    several = "one process" if pace.processes == 1 else f"the largest of {pace.processes} processes"
    return (
        f"about {_duration(work.seconds(pace))} and {bytes_of / 2**20:,.0f} MiB for {several} (an estimate, "
        "from a few steps timed on this machine, were it idle)"
    )


def probe(recipe: Recipe, samples: Samples, device: str = "cpu") -> Pace:
    """Time a few steps at the size of ``samples``, on random numbers; seconds of work.

    Raises:
        ConfigError: if the recipe's generator or model cannot take such samples.
    """
    from augmentor.downstream.base import Training
    from augmentor.modalities.table import modality_of
    from augmentor.synthesizers.build import build
    from augmentor.synthesizers.fitting import FitContext
    from augmentor.synthesizers.sampler import torch_threads

    modality = modality_of(samples)
    spec = recipe.evaluation.with_model_for(modality)
    shape = modality.fit_codec(samples).shape
    few = samples.take(np.concatenate([np.flatnonzero(samples.y == k)[:8] for k in np.unique(samples.y)]))

    def generator(steps: int) -> None:
        training = recipe.training.model_copy(update={"images": max(32, steps * recipe.training.batch)})
        made = build(recipe.synthesizer, training)
        made.fit(few, seed=0, context=FitContext(device=device, threads=recipe.execution.threads))

    def fit(model: ModelSpec, steps: int) -> None:
        batches = _Noise(shape, samples.n_classes, model.batch)
        asked = model.model_copy(update={"updates": steps})
        spec.downstream.fit(asked, Training(), batches, seed=0, critic=None)

    processes = recipe.execution.processes or os.cpu_count() or 1
    clock = time.process_time if device == "cpu" else time.perf_counter
    with torch_threads(1):
        updates = tuple(_each(partial(fit, model), time.process_time) for model in spec.models)
    return Pace(_each(generator, clock) / recipe.execution.threads, updates, processes, _peak())


def outlook(found: Inspection) -> list[str]:
    """Return what a run on inspected data can show and would cost at every budget, in lines of text."""
    if found.blockers or not found.parts:
        return []
    spec = EvaluationSpec()
    lines = [power(*_independent(found), spec) or ""]
    samples = max(found.loaded.parts.values(), key=len)
    recipes = {budget: Recipe(name="default", budget=budget) for budget in BUDGETS}
    try:
        pace = probe(recipes["standard"], samples)
    except AugmentorError as error:
        return [*filter(None, lines), f"what it costs could not be told: {error}"]
    for budget, recipe in recipes.items():
        folds = folds_of(found.loaded.parts, recipe.split)
        several = "" if folds == 1 else f", {folds} folds"
        lines.append(f"budget {budget}{several}: {cost(recipe, pace, samples, folds)}")
    return [line for line in lines if line]


def _independent(found: Inspection) -> tuple[dict[str, int], dict[str, int] | None]:
    """Return independent cases by class, of the test part and of all parts, None for an official test part.

    The test part that a run would take is known by its counts; it has its share of the independent cases.
    """
    if found.kind == "official":
        return independent_cases(found.loaded.parts["test"]), None
    several = [independent_cases(part) for part in found.loaded.parts.values()]
    units = {name: sum(part[name] for part in several) for name in found.loaded.classes}
    cases = {name: sum(part[name] for part in found.counts.values()) for name in units}
    tested = {
        name: min(n, max(1, round(units[name] * n / cases[name]))) if n else 0
        for name, n in found.parts["test"].items()
    }
    return tested, units


def tell(recipe: Recipe, samples: Samples, device: str, folds: int) -> str | None:
    """Return what a run of the recipe costs, None where it is too short to be worth a probe."""
    work = Work.of(recipe, samples.n_classes, folds)
    if work.steps + sum(work.updates) < WORTH_ASKING:
        return None
    return cost(recipe, probe(recipe, samples, device), samples, folds)


def _each(fit: Callable[[int], None], clock: Callable[[], float]) -> float:
    """Return the seconds of one step: the difference of two short fits.

    On a processor its own time is counted, so that what else runs on the machine does not matter.
    """
    spent = []
    for steps in (FEW, FEW, FEW + MORE):  # the first pays for what is made once
        begun = clock()
        fit(steps)
        spent.append(clock() - begun)
        if spent[0] > LONG:
            return spent[0] / FEW
    return max(spent[2] - spent[1], 1e-6) / MORE


def _peak() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # kilobytes elsewhere


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


@dataclass(frozen=True)
class _Noise:
    """Batches of random numbers."""

    shape: tuple[int, ...]
    classes: int
    batch: int

    @property
    def counts(self) -> IntArray:
        """The same number of rows of each class."""
        return np.full(self.classes, self.batch, dtype=np.int64)

    def draw(self, step: int) -> tuple[Tensor, Tensor]:
        """Return x (B, C, *spatial) and labels (B,)."""
        import torch

        made = torch.Generator().manual_seed(step)
        x = torch.rand((self.batch, *self.shape), generator=made) * 2 - 1
        return x, torch.arange(self.batch) % self.classes

    def rows(self, step: int) -> IntArray:
        """Return another row for each sample of each batch."""
        return np.arange(self.batch) + step * self.batch
