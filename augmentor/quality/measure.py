"""How good the synthetic samples are, each number beside the same number for real against real.

Everything is measured against the held-out part of the training data, never against test data.

Comparing like with like: a metric of nearest neighbours depends on how many rows there are and on
whether a network has seen them. So in the feature space of each cross-fitted network the
training rows that this network never saw stand for "real", and equally many synthetic rows, drawn
several times, stand beside them; both meet the same held-out rows. The numbers are means over
networks and draws, and an overall number is the mean over the classes in which both can be estimated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.facts.quality import FeatureNetwork, MeasureFacts, MissingNumber
from augmentor.core.results import Results
from augmentor.core.samples import FloatArray, IntArray, Samples
from augmentor.core.seeds import generator
from augmentor.core.synthetic import SyntheticSet
from augmentor.metrics.alpha_precision import alpha_precision
from augmentor.metrics.diversity import diversity_ratio, within_distance, within_ms_ssim
from augmentor.metrics.estimate import Estimate, NotEstimable, is_number, mean_of
from augmentor.metrics.fidelity import NEIGHBOURS, coverage_with_pool, neighbourhood
from augmentor.metrics.frechet import frechet_distance
from augmentor.metrics.kid import mmd2
from augmentor.quality.copies import copy_rows, shown_copies
from augmentor.quality.features import FeatureSpace, TaskSpace, feature_space
from augmentor.quality.judge import TaskJudge

BETTER: Mapping[str, bool | None] = {
    "label_fidelity": True,
    "precision": True,
    "density": True,
    "recall": True,
    "coverage": True,
    "alpha_precision": True,
    "beta_recall": True,
    "kid": False,
    "frechet": False,
    "within_class_distance": None,
    "within_class_ms_ssim": None,
    "diversity": None,
}
"""What is measured by class; None where the real value is the aim and not more or less."""
DISTANCES = ("kid", "frechet")
"""Their names contain the feature space (``kid_task``); overall also with ``images=540`` as setting."""
DRAWS = 10
MANY_ROWS = 300
"""From this many rows of a class on, three draws are as good as ten."""
MAX_ROWS = 2000
"""Rows of a class beyond this are left out of pairwise distances."""

Numbers = dict[str, Estimate]
Pair = dict[str, Numbers]
"""Numbers by metric, for the folds "synthetic" and "real"."""


@dataclass
class _Report:
    """Collects rows, and reasons where there is no number."""

    dataset: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    missing: list[MissingNumber] = field(default_factory=list)

    def add(
        self, split: str, metric: str, value: Estimate, name: str | None = None, images: int | None = None
    ) -> None:
        """Add one number, or the reason why there is none; ``images`` goes to the column ``setting``."""
        if is_number(value):
            kind = metric.partition("_")[0]
            better = BETTER[kind if kind in DISTANCES else metric]
            self.rows.append(
                {"dataset": self.dataset, "split": split, "metric": metric, "class": name, "value": value}
                | {"greater_is_better": better, "setting": None if images is None else {"images": images}}
            )
        elif images is None:
            self.missing.append(MissingNumber(split=split, metric=metric, class_=name, reason=str(value)))


def measure(
    train: Samples,
    held_out: Samples,
    synthetic: SyntheticSet,
    judge: TaskJudge,
    *,
    dataset: str,
    seed: int,
    features: str = "task",
) -> tuple[Results, MeasureFacts]:
    """Measure fidelity, diversity and copies of ``synthetic``.

    Fidelity and diversity are those of the kept rows; label fidelity is given for all rows too
    (split ``generated``), because the kept ones were chosen by the classifiers that measure it.
    Copies are counted over all rows, because a filter that removes copies must not hide that the
    generator makes them; the split ``kept`` counts them after the filters.

    Args:
        train: the training part, on which ``judge`` was fitted.
        held_out: the validation part. Not the test part.
        synthetic: candidates with their marks.
        judge: fitted on ``train``, and shown ``held_out`` as it was fitted.
        dataset: its name, for the table.
        seed: of the draws; the same seed gives the same numbers.
        features: the space of the comparison, see :class:`augmentor.experiment.spec.EvaluationSpec`.
            Label fidelity, within-class numbers and copies do not depend on it.

    Returns:
        The rows (metrics by class and overall, splits ``synthetic`` and ``real``), and the facts that
        go with them.

    Raises:
        DataError: if ``judge`` was fitted on other samples, or a network cannot take them.
        ConfigError: if ``features`` names no network.
    """
    if judge.train.digest != train.digest:
        raise DataError("the judge was fitted on another training part than the one to compare to")
    report = _Report(dataset)
    kept = synthetic.kept_samples
    space = feature_space(features, judge)
    by_class = [_class_numbers(judge, space, kept, label, seed) for label in range(train.n_classes)]
    for name, (pair, _) in zip(train.classes, by_class, strict=True):
        for split, numbers in pair.items():
            for metric, value in numbers.items():
                report.add(split, metric, value, name)
    _add_generated(report, judge, synthetic)
    total = sum(rows for _, rows in by_class)
    for kind in BETTER:
        metric = f"{kind}_{space.name}" if kind in DISTANCES else kind
        for split, value in _overall([pair for pair, _ in by_class], metric).items():
            report.add(split, metric, value)
            if kind in DISTANCES:
                # The number depends on the number of rows, so it also stands with that number.
                report.add(split, metric, value, images=total)
    copies, missing, memorisation = copy_rows(judge, held_out, synthetic, dataset, seed)
    results = Results.from_rows([*report.rows, *copies])
    network = FeatureNetwork(file=Path(features).name, sha256=space.digest) if space.digest else None
    facts = MeasureFacts(
        copies_shown=tuple(shown_copies(judge, synthetic)),
        memorisation=memorisation,
        not_estimable=(*report.missing, *missing),
        quality_protocol=_protocol(space, train, [rows for _, rows in by_class]),
        feature_network=network,
        limits=(
            "Label fidelity of the kept samples is measured by the classifiers that filtered them; the value "
            "before the filter is the one that speaks of the generator.",
            f"Nearness to training {train.kind.plural} is copy detection. It is not a privacy guarantee: a "
            "set without near copies can still tell who was in the training data.",
        ),
    )
    return results, facts


def _add_generated(report: _Report, judge: TaskJudge, synthetic: SyntheticSet) -> None:
    """Add the label fidelity of all rows, kept or not."""
    samples = synthetic.samples
    right = judge.probabilities(samples).argmax(axis=1) == samples.y
    values: list[Estimate] = []
    for label, name in enumerate(samples.classes):
        if (rows := samples.y == label).any():
            values.append(float(right[rows].mean()))
            report.add("generated", "label_fidelity", values[-1], name)
    report.add("generated", "label_fidelity", mean_of(values, "class was generated, which"))


def _class_numbers(
    judge: TaskJudge, space: FeatureSpace, kept: Samples, label: int, seed: int
) -> tuple[Pair, int]:
    """Return the numbers of one class, and how many rows stood on each side of the comparison."""
    rng = generator(seed, "quality", label)
    rows = kept.take(_some(np.flatnonzero(kept.y == label), rng))
    held_out = judge.held_out.take(_some(np.flatnonzero(judge.held_out.y == label), rng))
    known = np.flatnonzero(judge.train.y == label)
    training = judge.train.take(known)
    spaces = _Spaces(judge, space, rows, held_out, training, judge.fold[known])
    pair: Pair = {"synthetic": {}, "real": {}}
    few = NotEstimable(f"the class has {len(rows)} kept, {len(held_out)} held-out samples")
    for split, part in (("synthetic", rows), ("real", held_out)):
        right: Estimate = few
        if len(part):
            right = float((judge.probabilities(part).argmax(axis=1) == label).mean())
        pair[split]["label_fidelity"] = right
        pair[split]["within_class_distance"] = within_distance(judge.pixels(part))
        images = judge.encode(part).numpy()
        pair[split]["within_class_ms_ssim"] = within_ms_ssim(images, data_range=2.0, seed=seed)
    pair["synthetic"]["diversity"] = judge.class_diversity(label, judge.pixels(rows), spaces.all_of(rows))
    pair["real"]["diversity"] = spaces.real_diversity()
    size, likeness = spaces.compare(rng)
    for split, numbers in likeness.items():
        pair[split] |= numbers
    return pair, size


@dataclass
class _Spaces:
    """One class in the feature spaces of all networks."""

    judge: TaskJudge
    space: FeatureSpace
    rows: Samples
    held_out: Samples
    training: Samples
    fold: IntArray

    def all_of(self, samples: Samples) -> FloatArray:
        return self.judge.features(samples)

    def real_diversity(self) -> Estimate:
        """Return the diversity ratio of training rows against held-out rows, the lower of two spaces."""
        judge = self.judge
        pixels = diversity_ratio(judge.pixels(self.held_out), judge.pixels(self.training))
        task = TaskSpace(judge)
        held_out, training = task.blocks(self.held_out), task.blocks(self.training)
        unseen = [diversity_ratio(held_out[k], training[k][self.fold == k]) for k in range(len(judge.models))]
        both = [value for value in (pixels, mean_of(unseen, "network")) if is_number(value)]
        return min(both) if both else pixels

    def compare(self, rng: np.random.Generator) -> tuple[int, Pair]:
        """Return the rows per side and the mean numbers over networks and draws."""
        unseen = [np.flatnonzero(self.fold == k) for k in range(len(self.judge.models))]
        size = min(len(self.rows), min(len(part) for part in unseen))
        collected: dict[str, list[Numbers]] = {"synthetic": [], "real": []}
        features = [self.space.blocks(part) for part in (self.held_out, self.training, self.rows)]
        for k, part in enumerate(unseen):
            held_out, training, made = (block[k] for block in features)
            pool = np.delete(training, part, axis=0)
            for split, source in (("synthetic", made), ("real", training[part])):
                draws = _draws(source, size, rng)
                collected[split] += [_likeness(held_out, pool, rows, self.space.name) for rows in draws]
        return size, {split: _means(numbers) for split, numbers in collected.items()}


def _likeness(held_out: FloatArray, pool: FloatArray, rows: FloatArray, space: str) -> Numbers:
    around = neighbourhood(held_out, rows)
    supports = alpha_precision(held_out, rows)
    coverage = around.coverage
    if len(held_out) <= NEIGHBOURS:
        coverage = coverage_with_pool(held_out, pool, rows)
    return {
        "precision": around.precision,
        "density": around.density,
        "recall": around.recall,
        "coverage": coverage,
        "alpha_precision": supports.alpha_precision,
        "beta_recall": supports.beta_recall,
        f"kid_{space}": mmd2(held_out, rows),
        f"frechet_{space}": frechet_distance(held_out, rows).value,
    }


def _draws(source: FloatArray, size: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Yield subsets of ``size`` rows: one where that is all of them, several else."""
    if not size or len(source) == size:
        yield source[:size]
        return
    for _ in range(DRAWS if size < MANY_ROWS else 3):
        yield source[rng.choice(len(source), size, replace=False)]


def _means(draws: list[Numbers]) -> Numbers:
    result: Numbers = {}
    for metric in draws[0]:
        values = [numbers[metric] for numbers in draws]
        estimable = [value for value in values if is_number(value)]
        result[metric] = float(np.mean(estimable)) if estimable else values[0]
    return result


def _overall(pairs: list[Pair], metric: str) -> Numbers:
    """Return the means over the classes in which both folds have the number."""
    both = [pair for pair in pairs if all(is_number(pair[split][metric]) for split in ("synthetic", "real"))]
    return {
        split: mean_of([pair[split][metric] for pair in both], "class has both numbers, which")
        for split in ("synthetic", "real")
    }


def _some(rows: npt.NDArray[np.intp], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    return rows if len(rows) <= MAX_ROWS else np.sort(rng.choice(rows, MAX_ROWS, replace=False))


def _protocol(space: FeatureSpace, train: Samples, sizes: list[int]) -> str:
    rows = ", ".join(f"{name} {size}" for name, size in zip(train.classes, sizes, strict=True))
    return (
        f"{space.description} Precision, recall, density, coverage, alpha-precision, "
        f"beta-recall, kernel and Fréchet distance compare equally many rows per class ({rows}), synthetic "
        "or training rows of one fold, new to its network, with the held-out rows, and are means over "
        "networks and draws. The Fréchet distance is too large for so few rows and means something only "
        "beside its real-to-real value."
    )
