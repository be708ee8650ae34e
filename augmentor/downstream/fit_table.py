"""Fitting an estimator of scikit-learn's kind on one table of rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.seeds import derive_seed


def fit_table(
    make: Callable[[int], Any],
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64] | None,
    *,
    n_classes: int,
    seed: int,
) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]:
    """Fit an estimator of scikit-learn's kind on one thread.

    Args:
        make: gives the estimator of a 32-bit seed.
        x: (T, P) rows.
        y: (T,) labels.
        weight: (T,) weights of the rows, or None for equal ones.
        n_classes: number of classes K; one without a row gets the probability 0.
        seed: of everything random.

    Returns:
        A function of (N, P) rows to probabilities (N, K).
    """
    from threadpoolctl import threadpool_limits

    state = derive_seed(seed, "table") % 2**32
    with threadpool_limits(1):
        fitted = _fitted(make(state), x, y, weight)

    def predict(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        found = np.zeros((len(rows), n_classes))
        if len(rows):
            with threadpool_limits(1):
                found[:, np.asarray(fitted.classes_, np.int64)] = fitted.predict_proba(rows)
            # Single-precision ones add to one only within single precision.
            found /= found.sum(axis=1, keepdims=True)
        return found

    return predict


def _fitted(
    model: Any,  # noqa: ANN401 - scikit-learn has no types
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64] | None,
) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.exceptions import ConvergenceWarning

    if len(np.unique(y)) < 2:
        return _OneClass(y[:1])
    weighted = {} if weight is None else {"sample_weight": weight}
    with warnings.catch_warnings():
        # A fixed number of iterations is the budget, the same for every arm.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, y, **weighted)


@dataclass(frozen=True, eq=False)
class _OneClass:
    """Says the only class it has seen."""

    classes_: npt.NDArray[np.int64]

    def predict_proba(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return np.ones((len(rows), 1))
