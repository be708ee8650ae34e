"""The classifiers a recipe can choose, and which arms each of them can train (free of torch).

Networks see the batches of an arm one by one. The others, of scikit-learn, want a table: they get the
rows of as many of the same batches as make a table of :func:`table_rows` rows, laid out flat in the
codec's [-1, 1]. Every arm's table has the same number of rows, drawn by the rules of its batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import ConfigError
from augmentor.core.seeds import derive_seed
from augmentor.experiment.arms import AnyArm, Arm, name_of, pattern_of

ClassifierName = Literal[
    "auto",
    "small_resnet",
    "resnet18",
    "densenet121",
    "mlp",
    "logistic_regression",
    "random_forest",
    "gradient_boosting",
]

MOST_ROWS = 8192
MOST_VALUES = 2**26
"""A table has at most so many rows, and (with float32 a quarter of a gigabyte) so many values."""
TREES = 200
ITERATIONS = 300
ROUNDS = 100


@dataclass(frozen=True)
class ClassifierKind:
    """What a classifier is.

    Attributes:
        label: what a report says about it.
        table: whether it learns from a table instead of batch by batch.
        least_side: smallest side in pixels it takes.
    """

    label: str
    table: bool = False
    least_side: int = 1


CLASSIFIERS: Final[dict[str, ClassifierKind]] = {
    "small_resnet": ClassifierKind("a small residual network"),
    "resnet18": ClassifierKind("ResNet-18"),
    "densenet121": ClassifierKind("DenseNet-121", least_side=29),
    "mlp": ClassifierKind("a perceptron with two hidden layers on the values laid out flat"),
    "logistic_regression": ClassifierKind("logistic regression on the values laid out flat", table=True),
    "random_forest": ClassifierKind(
        f"a random forest of {TREES} trees on the values laid out flat", table=True
    ),
    "gradient_boosting": ClassifierKind(
        f"{ROUNDS} rounds of gradient boosting on the values laid out flat", table=True
    ),
}


def needs_table(classifier: str) -> bool:
    """Return whether the classifier learns from a table instead of batch by batch; "auto" may not."""
    return classifier in CLASSIFIERS and CLASSIFIERS[classifier].table


def refuse_arms(classifier: str, arms: Iterable[AnyArm]) -> None:
    """Refuse arms that the classifier cannot train; of "auto" it is not known yet.

    Raises:
        ValueError: naming the arm and why.
    """
    for arm in arms:
        name, pattern = name_of(arm), pattern_of(arm)
        why = why_not(classifier, arm)
        if why:
            able = "small_resnet"
            if pattern.head == "trained" and pattern.start == "random":
                able = ", ".join(key for key, kind in CLASSIFIERS.items() if not kind.table)
            raise ValueError(
                f"{classifier} cannot train the arm {name}: {why}; take {name} out of evaluation.arms, or "
                f"choose one of {able}"
            )


def trainable(classifier: str, arms: Iterable[AnyArm]) -> list[AnyArm]:
    """Return the arms that the classifier can train; all of them where there is no such classifier."""
    return [arm for arm in arms if not why_not(classifier, arm)]


def why_not(classifier: str, arm: AnyArm) -> str:
    """Return why the classifier cannot train the arm; nothing where it can, or where there is none such."""
    return _why_not(classifier, pattern_of(arm)) if classifier in CLASSIFIERS else ""


def _why_not(classifier: str, arm: Arm) -> str:
    if arm.head != "trained" and classifier != "small_resnet":
        return "its features are those of small_resnet"
    if arm.start != "random" and classifier != "small_resnet":
        return "it has a network of its own, which is compared with small_resnet"
    if not CLASSIFIERS[classifier].table:
        return ""
    if arm.mix != "none":
        return f"{arm.mix} trains on mixed labels, and {classifier} takes one class a row"
    if arm.loss not in ("cross_entropy", "class_weighted"):
        return f"{classifier} does not support custom losses, and the arm trains with {arm.loss}"
    if arm.rows.mixing == "first":
        return f"it changes its rows during the training, and {classifier} sees one table"
    return ""


def check_classifier(classifier: str, shape: tuple[int, ...]) -> None:
    """Refuse samples (C, *spatial) that are too small for the classifier; none is for "auto".

    Raises:
        ConfigError: with what to do.
    """
    least = CLASSIFIERS[classifier].least_side if classifier in CLASSIFIERS else 1
    if len(shape) > 1 and min(shape[1:]) < least:
        raise ConfigError(
            f"evaluation.model.classifier: {classifier} needs at least {least} cells a side, the samples "
            f"have the shape {tuple(shape)}; choose small_resnet or resnet18, or larger samples (image.size)"
        )


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
    classifier: str,
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64] | None,
    *,
    n_classes: int,
    seed: int,
) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]:
    """Fit a classifier of scikit-learn on one thread.

    Args:
        classifier: a name whose kind has ``table``.
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
        model = _fitted(ESTIMATORS[classifier](state), x, y, weight)

    def predict(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        found = np.zeros((len(rows), n_classes))
        if len(rows):
            with threadpool_limits(1):
                found[:, model.classes_] = model.predict_proba(rows)
            # Single-precision ones add to one only within single precision.
            found /= found.sum(axis=1, keepdims=True)
        return found

    return predict


def _fitted(
    model: Any,  # noqa: ANN401 - scikit-learn has no types
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64] | None,
) -> Any:  # noqa: ANN401
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


def _random_forest(state: int) -> Any:  # noqa: ANN401
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(TREES, random_state=state, n_jobs=1)


def _gradient_boosting(state: int) -> Any:  # noqa: ANN401
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=ROUNDS, early_stopping=False, random_state=state)


ESTIMATORS: Final[Mapping[str, Callable[[int], Any]]] = {
    "logistic_regression": _logistic_regression,
    "random_forest": _random_forest,
    "gradient_boosting": _gradient_boosting,
}
"""Name to a function of a 32-bit seed, giving the estimator (Cox 1958; Breiman 2001; Friedman 2001)."""
