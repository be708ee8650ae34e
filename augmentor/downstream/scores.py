"""What a classifier's probabilities are worth on one part: one row a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from augmentor.core.errors import DataError
from augmentor.metrics.auroc import auroc, estimable
from augmentor.metrics.calibration import brier, expected_calibration_error

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

# The functional form, because "class" is a keyword.
Row = TypedDict(
    "Row",
    {
        "metric": str,
        "setting": NotRequired[Mapping[str, str]],
        "class": str | None,
        "value": float,
        "greater_is_better": bool | None,
    },
)


def score(
    probabilities: NDArray[Any],
    y: NDArray[Any],
    classes: Sequence[str],
    *,
    confusion: bool = True,
    decided: NDArray[Any] | None = None,
) -> list[Row]:
    """Score one classifier on one part.

    Rules where a textbook leaves a choice:

    * the prediction is the most probable class, by ``decided`` where it is given, the first of them where
      several tie;
    * a class with no case in ``y`` has no row, and the macro means run over the classes that
      have cases (an AUROC also needs a case outside the class);
    * a class that is present but never predicted has precision 0: leaving it out would flatter
      a classifier that gives up a class;
    * ``brier`` is the sum over classes (0 to 2), ``ece`` uses 15 equal-width bins.

    Args:
        probabilities: (N, K), rows sum to one.
        y: (N,) integers, indices into ``classes``.
        classes: K names.
        decided: (N, K) what classes are chosen by, see :mod:`augmentor.downstream.decision`; None for the
            probabilities themselves. Areas and calibration are those of the probabilities.
        confusion: add the counts of the confusion matrix as metric ``confusion``, with ``class`` the true
            class and the predicted one in ``setting``.

    Returns:
        Rows with metric, setting (of ``confusion`` only), class (None where overall), value and
        greater_is_better, ready for ``Results.from_rows`` once dataset, arm, seed and split are added.

    Raises:
        DataError: if shapes or values do not fit.
    """
    p, y = checked(probabilities, y, len(classes))
    predicted = p.argmax(axis=1) if decided is None else decided.argmax(axis=1)
    table = confusion_matrix(y, predicted, len(classes))
    hits = table.diagonal().astype(np.float64)
    present = [int(k) for k in np.flatnonzero(table.sum(axis=1))]
    recall = hits[present] / table.sum(axis=1)[present]
    precision = hits[present] / np.maximum(table.sum(axis=0)[present], 1)
    f1 = 2 * hits[present] / (table.sum(axis=1) + table.sum(axis=0))[present]
    areas = {int(k): float(auroc(p[:, k], y == k)) for k in estimable(y, len(classes))}

    rows = [
        _row("balanced_accuracy", recall.mean()),
        _row("accuracy", hits.sum() / y.size),
        _row("macro_f1", f1.mean()),
        _row("ece", expected_calibration_error(p, y), better=False),
        _row("brier", brier(p, y), better=False),
    ]
    if areas:
        rows.append(_row("macro_auroc", np.mean(list(areas.values()))))
    for place, k in enumerate(present):
        rows.append(_row("recall", recall[place], classes[k]))
        rows.append(_row("precision", precision[place], classes[k]))
        rows.append(_row("f1", f1[place], classes[k]))
        if k in areas:
            rows.append(_row("auroc", areas[k], classes[k]))
    if confusion:
        rows += [
            {**_row("confusion", table[i, j], classes[i], better=None), "setting": {"predicted": classes[j]}}
            for i in present
            for j in range(len(classes))
        ]
    return rows


def confusion_matrix(y: Labels, predicted: Labels, n_classes: int) -> NDArray[np.int64]:
    """Count true class (row) against predicted class (column): (K, K)."""
    counts = np.bincount(y * n_classes + predicted, minlength=n_classes * n_classes)
    return counts.reshape(n_classes, n_classes).astype(np.int64)


def checked(probabilities: NDArray[Any], y: NDArray[Any], n_classes: int) -> tuple[Floats, Labels]:
    """Return both as float64 and int64.

    Raises:
        DataError: if they are empty, of other shapes, not probabilities, or labels are out of range.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    y = np.asarray(y)
    if p.ndim != 2 or y.shape != p.shape[:1] or p.shape[1] != n_classes or not y.size:
        raise DataError(
            f"scores need probabilities (N, {n_classes}) and labels (N,) with N > 0, "
            f"got {p.shape} and {y.shape}"
        )
    if not np.isfinite(p).all() or p.min() < 0 or np.abs(p.sum(axis=1) - 1).max() > 1e-4:
        raise DataError("probabilities must be finite, not negative, and each row must sum to 1")
    if not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() >= n_classes:
        raise DataError(f"labels must be integers from 0 to {n_classes - 1}, got {np.unique(y)[:8]}")
    return p, y.astype(np.int64)


def _row(metric: str, value: Any, name: str | None = None, better: bool | None = True) -> Row:  # noqa: ANN401 - any numpy number
    return {"metric": metric, "class": name, "value": float(value), "greater_is_better": better}
