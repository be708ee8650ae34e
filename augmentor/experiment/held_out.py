"""The validation part: what every choice is made on, the decision rule of an arm first of all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.samples import Samples
from augmentor.downstream.base import Scored
from augmentor.downstream.decision import (
    FEWEST,
    STEPS,
    DecisionRule,
    best_strength,
    fixed_strength,
    hits_at,
    log_frequencies,
)
from augmentor.experiment.arms import Arm
from augmentor.experiment.evidence_of import evidence_of
from augmentor.experiment.fit import FitJob, read_fit
from augmentor.experiment.spec import EvaluationSpec
from augmentor.quality.cross_fit import assign_folds

FOLDS = 5
"""Parts of the validation part: a case is scored by a rule that was fitted on the other four."""
SEED = 0
"""Of the folds: they are the same for all arms, and whenever the same part is divided."""


class HeldOut:
    """The validation part and how it is scored.

    Args:
        spec: names the question, the primary metric, and whether decision rules are fitted.
        train: the training part, whose class frequencies a rule shifts.
        samples: the validation part.
    """

    def __init__(self, spec: EvaluationSpec, train: Samples, samples: Samples) -> None:
        self.spec, self.samples = spec, samples
        self.logs = log_frequencies(np.bincount(train.y, minlength=train.n_classes))
        level = bool(np.ptp(self.logs) < 1e-9)
        self.has_rules = spec.downstream.metrics[spec.primary_metric].decided and not level
        """Whether there is anything to decide: a metric of chosen classes, which are not equally frequent."""

    @cached_property
    def fewest(self) -> int:
        """Cases, or groups of them, of the rarest class that the validation part has."""
        units = self.samples.ids if self.samples.group is None else self.samples.group
        y = self.samples.y
        return min(len(np.unique(units[y == label])) for label in np.unique(y))

    @property
    def may_choose(self) -> bool:
        """Whether there are enough cases to choose between arms."""
        return self.fewest >= self.spec.fewest_to_choose

    @cached_property
    def folds(self) -> npt.NDArray[np.int64] | None:
        """The fold (M,) of each case; None where rules are not fitted."""
        if self.spec.decision == "fixed" or not self.has_rules or self.fewest < FEWEST:
            return None
        try:
            return assign_folds(self.samples, FOLDS, SEED)
        except DataError:
            return None  # all cases of a class are in one fold's groups

    def rule(self, jobs: Sequence[FitJob]) -> DecisionRule | None:
        """Return the decision rule of the arm of some fits, by all of the validation part."""
        if not self.has_rules:
            return None
        arm = jobs[0].arm
        if self.folds is None:
            return self._rule(self._fixed(arm), fitted=False)
        hits, strengths = self._hits(arm, stacked(jobs, "validation"))
        metric, y = self.spec.primary_metric, self.samples.y
        return self._rule(best_strength(hits, y, metric, strengths, self._fixed(arm)), fitted=True)

    def scored(self, jobs: Sequence[FitJob]) -> Scored:
        """Return predictions of the validation part, each decided by a rule that has not seen the case."""
        p = stacked(jobs, "validation")
        if not self.has_rules:
            return Scored(p, self.samples)
        arm, y, metric = jobs[0].arm, self.samples.y, self.spec.primary_metric
        if self.folds is None:
            return Scored(p, self.samples, self._rule(self._fixed(arm), fitted=False).applied(p))
        hits, strengths = self._hits(arm, p)
        decided = np.empty_like(p)
        for fold in range(FOLDS):
            here, rest = self.folds == fold, self.folds != fold
            strength = best_strength(hits[:, rest], y[rest], metric, strengths, self._fixed(arm))
            decided[:, here] = self._rule(strength, fitted=True).applied(p[:, here])
        return Scored(p, self.samples, decided)

    def scores(self, jobs: Sequence[FitJob]) -> list[float]:
        """Return the primary metric of each fit."""
        one = self.scored(jobs)
        singles = [
            Scored(one.predictions[[i]], one.samples, None if one.decided is None else one.decided[[i]])
            for i in range(len(jobs))
        ]
        return [evidence_of(self.spec, {"": single}).means[""] for single in singles]

    def _fixed(self, arm: Arm) -> float:
        return fixed_strength(self.spec.primary_metric, balanced=arm.weighs_classes_alike)

    def _hits(
        self, arm: Arm, p: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        strengths = self._fixed(arm) + STEPS
        return hits_at(p, self.samples.y, [-s * self.logs for s in strengths]), strengths

    def _rule(self, strength: float, *, fitted: bool) -> DecisionRule:
        offsets = tuple((-strength * self.logs + 0.0).tolist())
        return DecisionRule(round(strength, 2), "fitted" if fitted else "fixed", offsets)


def stacked(jobs: Sequence[FitJob], part: str) -> npt.NDArray[np.float64]:
    """Return the predictions (S, N, ...) that the fits wrote for a part.

    Raises:
        DataError: if a file is gone.
    """
    found = []
    for job in jobs:
        predictions = read_fit(job, part)
        if predictions is None:
            raise DataError(f"the fit {job.target} is gone; nothing else may write there: run again")
        found.append(predictions)
    return np.stack(found)
