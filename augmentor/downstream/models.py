"""The classifiers that a recipe can choose, and how each of them can be trained (free of torch).

Networks see the batches of an arm one by one. The others, of scikit-learn, want a table: they get the
rows of as many of the same batches as make a table of :func:`table_rows` rows, laid out flat in the
codec's [-1, 1]. Every arm's table has the same number of rows, drawn by the rules of its batches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from augmentor.core.seeds import derive_seed
from augmentor.downstream.base import ModelKind, Training

MOST_ROWS = 8192
MOST_VALUES = 2**26
"""A table has at most so many rows, and (with float32 a quarter of a gigabyte) so many values."""
TREES = 200
ITERATIONS = 300
ROUNDS = 100


MODELS: Final[dict[str, ModelKind]] = {
    "small_resnet": ModelKind("a small residual network"),
    "resnet18": ModelKind("ResNet-18"),
    "densenet121": ModelKind("DenseNet-121", least_side=29),
    "mlp": ModelKind("a perceptron with two hidden layers on the values laid out flat"),
    "logistic_regression": ModelKind("logistic regression on the values laid out flat", table=True),
    "random_forest": ModelKind(f"a random forest of {TREES} trees on the values laid out flat", table=True),
    "gradient_boosting": ModelKind(
        f"{ROUNDS} rounds of gradient boosting on the values laid out flat", table=True
    ),
}


def why_not(model: str, training: Training) -> str:
    """Return why a classifier cannot be trained so, "" where it can."""
    if training.head != "trained" and model != "small_resnet":
        return "its features are those of small_resnet"
    if training.start != "random" and model != "small_resnet":
        return "it has a network of its own, which is compared with small_resnet"
    if not MODELS[model].table:
        return ""
    if training.mix != "none":
        return f"{training.mix} trains on mixed labels, and {model} takes one class per row"
    if training.loss not in ("cross_entropy", "class_weighted"):
        return f"{model} does not support custom losses, and the arm trains with {training.loss}"
    if training.rows_change:
        return f"it changes its rows during the training, and {model} sees one table"
    return ""


def table_rows(updates: int, batch: int, values: int) -> int:
    """Return the rows of a table: those of all updates, within the limits, and whole batches.

    Args:
        updates: of the recipe.
        batch: rows of a batch.
        values: values of one sample.
    """
    most = min(MOST_ROWS, max(batch, MOST_VALUES // max(1, values)))
    return min(updates, max(1, most // batch)) * batch


def fit_table(
    model: str,
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64] | None,
    *,
    n_classes: int,
    seed: int,
) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]:
    """Fit a classifier of scikit-learn on one thread.

    Args:
        model: a name whose kind has ``table``.
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
        fitted = _fitted(ESTIMATORS[model](state), x, y, weight)

    def predict(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        found = np.zeros((len(rows), n_classes))
        if len(rows):
            with threadpool_limits(1):
                found[:, fitted.classes_] = fitted.predict_proba(rows)
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
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    if len(np.unique(y)) < 2:
        return _OneClass(y[:1])
    with warnings.catch_warnings():
        # A fixed number of iterations is the budget, the same for every arm.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, y, sample_weight=weight)


@dataclass(frozen=True, eq=False)
class _OneClass:
    """Says the only class it has seen."""

    classes_: npt.NDArray[np.int64]

    def predict_proba(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return np.ones((len(rows), 1))


def _logistic_regression(state: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=ITERATIONS, random_state=state)


def _random_forest(state: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(TREES, random_state=state, n_jobs=1)


def _gradient_boosting(state: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=ROUNDS, early_stopping=False, random_state=state)


ESTIMATORS: Final[Mapping[str, Callable[[int], Any]]] = {
    "logistic_regression": _logistic_regression,
    "random_forest": _random_forest,
    "gradient_boosting": _gradient_boosting,
}
"""Name to a function of a 32-bit seed, giving the estimator (Cox 1958; Breiman 2001; Friedman 2001)."""
