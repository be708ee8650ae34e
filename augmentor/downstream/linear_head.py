"""A linear head on frozen features, whose strength is chosen by cross-validation on the rows it learns from.

Logistic regression with a ridge penalty on standardised features. The strength is that of
:data:`STRENGTHS` with the smallest cross-validated log loss; folds keep all versions of a row together, or
the weakest penalty would always win: an augmented copy of a training row is hardly held out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

STRENGTHS: Final = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""C of scikit-learn's logistic regression: the smaller, the stronger the penalty."""
WITHOUT_CHOICE = 1e-2
"""The strength where a class has too few rows to be held out."""
FOLDS = 3
ITERATIONS = 200
MOST_ROWS = 2048
"""Rows that features are made of, at most: encoders are large, and features are few."""


@dataclass(frozen=True, eq=False)
class LinearHead:
    """A fitted head.

    Attributes:
        strength: that was chosen.
        predict: features (N, D) to probabilities (N, K).
    """

    strength: float
    predict: Callable[[npt.NDArray[Any]], Floats]


def fit_linear_head(
    x: npt.NDArray[Any], y: Labels, rows: Labels, weight: Floats | None, *, n_classes: int, seed: int
) -> LinearHead:
    """Fit the head.

    Args:
        x: (T, D) features.
        y: (T,) labels.
        rows: (T,) which row of the data each is a version of.
        weight: (T,) weights, or None for equal ones.
        n_classes: number of classes K; one without a row gets the probability 0.
        seed: of the folds.
    """
    from threadpoolctl import threadpool_limits

    middle, spread = x.mean(axis=0), x.std(axis=0)
    # What does not vary tells nothing, and would be blown up.
    spread = np.where(spread > 1e-6 * max(1e-12, float(spread.max(initial=0))), spread, np.inf)

    def scaled(features: npt.NDArray[Any]) -> Floats:
        found: Floats = (features.astype(np.float64) - middle) / spread
        return found

    present = np.unique(y)
    if len(present) < 2:
        only = np.eye(n_classes)[present[0]]
        return LinearHead(WITHOUT_CHOICE, lambda features: np.tile(only, (len(features), 1)))
    z = scaled(x)
    with threadpool_limits(1):
        strength = _chosen(z, y, rows, weight, seed)
        fitted = _logistic(strength, z, y, weight)

    def predict(features: npt.NDArray[Any]) -> Floats:
        found = np.zeros((len(features), n_classes))
        if len(features):
            with threadpool_limits(1):
                found[:, fitted.classes_] = fitted.predict_proba(scaled(features))
        return found

    return LinearHead(strength, predict)


def _chosen(z: Floats, y: Labels, rows: Labels, weight: Floats | None, seed: int) -> float:
    """Return the strength with the smallest cross-validated log loss, the strongest penalty of equals."""
    from sklearn.model_selection import StratifiedGroupKFold

    sources = [len(np.unique(rows[y == label])) for label in np.unique(y)]
    if min(sources) < 2:
        return WITHOUT_CHOICE
    folds = StratifiedGroupKFold(min(FOLDS, *sources), shuffle=True, random_state=seed % 2**32)
    losses = np.zeros(len(STRENGTHS))
    for fitted_on, held in folds.split(z, y, rows):
        for place, strength in enumerate(STRENGTHS):
            part = None if weight is None else weight[fitted_on]
            model = _logistic(strength, z[fitted_on], y[fitted_on], part)
            losses[place] += _log_loss(model, z[held], y[held], None if weight is None else weight[held])
    return STRENGTHS[int(losses.argmin())]


def _log_loss(model: Any, z: Floats, y: Labels, weight: Floats | None) -> float:  # noqa: ANN401 - scikit-learn has no types
    p = np.full((len(z), int(max(y.max(), model.classes_.max())) + 1), 0.0)
    p[:, model.classes_] = model.predict_proba(z)
    lost = -np.log(np.maximum(p[np.arange(len(y)), y], 1e-12))
    return float(lost.sum() if weight is None else (lost * weight).sum())


def _logistic(strength: float, z: Floats, y: Labels, weight: Floats | None) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near the optimum is enough
        return LogisticRegression(C=strength, max_iter=ITERATIONS).fit(z, y, sample_weight=weight)
