"""The verdict on anyone's probabilities: what a run says of its own models, as one function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentor.core.errors import DataError
from augmentor.downstream.case_values import case_values
from augmentor.metrics.names import METRIC_WORDS
from augmentor.statistics.design import Design
from augmentor.statistics.paired_verdict import Names, Paired, PairedVerdict, conclude

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Predictions of two or three classifiers on the same test cases, and what is asked of them.

    Attributes:
        with_synthesis: probabilities (S, N, K) of S trainings that differ in their seed; (N, K) for one.
        without: the same at the same seeds, of the best classifier without synthesis.
        y: (N,) labels, 0 to K - 1.
        control: the same of the classifier that differs from the first in synthesis alone; the
            array given as ``without`` where that one is it; None where there is none.
        groups: (N,) which cases belong together, e.g. patients, or None.
        folds: (N,) or (S, N) the fold that each case was held out in, None for one test part.
        metric: balanced_accuracy, macro_auroc or accuracy.
        margin: what a difference must exceed to matter, in units of the metric.
        classes: K names, or None.
        confidence: of the intervals.
    """

    with_synthesis: NDArray[Any]
    without: NDArray[Any]
    y: NDArray[Any]
    control: NDArray[Any] | None = None
    groups: NDArray[Any] | Sequence[Any] | None = None
    folds: NDArray[Any] | None = None
    metric: str = "balanced_accuracy"
    margin: float = 0.01
    classes: Sequence[str] | None = None
    confidence: float = 0.95

    def verdict(self) -> PairedVerdict:
        """Compare and conclude; see :func:`verdict`."""
        y = np.asarray(self.y)
        new = _probabilities("prob_with", self.with_synthesis, y)
        old = _probabilities("prob_without", self.without, y, new.shape)
        design = Design.of(y.astype(np.int64), self.groups)
        pair = self._paired(new, old, y, design)
        control = None
        if self.control is self.without:
            control = pair
        elif self.control is not None:
            control = self._paired(new, _probabilities("control", self.control, y, new.shape), y, design)
        if self.classes is not None and len(self.classes) != new.shape[-1]:
            raise DataError(f"classes must name the {new.shape[-1]} columns, got {len(self.classes)} names")
        rarest = int(design.present[min(range(design.present.size), key=lambda k: design.blocks[k][1].size)])
        names = Names(
            metric=METRIC_WORDS[self.metric],
            unit="case" if self.groups is None else "group",
            rarest=str(self.classes[rarest]) if self.classes is not None else "",
        )
        return conclude(pair, control, self.margin, names)

    def _paired(self, new: Floats, old: Floats, y: NDArray[Any], design: Design) -> Paired:
        one, other = case_values(self.metric, new, y), case_values(self.metric, old, y)
        return Paired.between(one, other, design, folds=self.folds, confidence=self.confidence)


def verdict(
    prob_with: NDArray[Any],
    prob_without: NDArray[Any],
    y: NDArray[Any],
    *,
    control: NDArray[Any] | None = None,
    groups: NDArray[Any] | Sequence[Any] | None = None,
    metric: str = "balanced_accuracy",
    margin: float = 0.01,
    classes: Sequence[str] | None = None,
) -> PairedVerdict:
    """Say whether synthesis helps, from predictions of anyone's models on the same test cases.

    The interval holds at few cases, and no word but "inconclusive" is said where the test cases cannot carry
    it: :mod:`augmentor.statistics.small_samples` derives it, docs/concepts/verdict.md has the rule in short.

    Example:
        >>> found = verdict(with_synthesis, without, y, control=without)  # they differ in synthesis alone
        >>> found.word, found.gain, found.low, found.high

    Args:
        prob_with: (S, N, K) probabilities of S trainings of the model with synthesis, or (N, K).
        prob_without: the same at the same seeds, of the best model without.
        y: (N,) labels, 0 to K - 1.
        control: the same of the model that differs from the first in synthesis alone; pass the array
            of ``prob_without`` itself where that model is it. Without a control no word but
            "inconclusive" is said of synthesis, and ``comparison`` has the word of the plain comparison.
        groups: (N,) which cases belong together (patients), or None.
        metric: balanced_accuracy, macro_auroc or accuracy.
        margin: what a difference must exceed to matter, in units of the metric (0.01 is a point).
        classes: K names for the sentence, or None.

    Raises:
        DataError: if shapes, probabilities or labels do not fit.
        ConfigError: if metric or margin is not allowed.
    """
    return Comparison(
        prob_with,
        prob_without,
        y,
        control=control,
        groups=groups,
        metric=metric,
        margin=margin,
        classes=classes,
    ).verdict()


def verdict_over_folds(
    prob_with: NDArray[Any],
    prob_without: NDArray[Any],
    y: NDArray[Any],
    folds: NDArray[Any],
    *,
    control: NDArray[Any] | None = None,
    groups: NDArray[Any] | Sequence[Any] | None = None,
    metric: str = "balanced_accuracy",
    margin: float = 0.01,
) -> PairedVerdict:
    """Say whether synthesis helps, from predictions of cases each tested once, by models of its fold.

    Arguments as in :func:`verdict`; ``folds`` (N,), or (S, N) where rows come from different partitions,
    names the fold in which each case was held out. The interval allows for what fits of one fold share.
    """
    return Comparison(
        prob_with, prob_without, y, control=control, groups=groups, folds=folds, metric=metric, margin=margin
    ).verdict()


def _probabilities(
    name: str, values: NDArray[Any], y: NDArray[Any], shape: tuple[int, ...] | None = None
) -> Floats:
    """Return probabilities as float64 (S, N, K), checked against the labels."""
    p = np.asarray(values, dtype=np.float64)
    p = p[None] if p.ndim == 2 else p
    if p.ndim != 3 or y.ndim != 1 or p.shape[1] != y.size or not p.size:
        raise DataError(f"{name} must be (S, N, K) with N = {y.size} labels, got {np.shape(values)}")
    if shape is not None and p.shape != shape:
        raise DataError(f"{name} must have the shape of prob_with, {shape}, got {p.shape}")
    if not np.isfinite(p).all() or p.min() < 0 or np.abs(p.sum(axis=-1) - 1).max() > 1e-4:
        raise DataError(f"{name} must hold probabilities: finite, not negative, each row with the sum 1")
    if not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() >= p.shape[-1]:
        raise DataError(f"labels must be integers from 0 to {p.shape[-1] - 1}, got {np.unique(y)[:8]}")
    return p
