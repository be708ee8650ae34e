"""How many versions of each row the augmented pool holds: as many as a fit draws of it.

A row of a rare class is drawn far more often than one of a common class (of 15 images in a balanced fit of
600 batches of 64 rows each is drawn 1,280 times). With the same few versions for every row its pictures would
come back again and again, and a model would learn them by heart; with as many versions as draws most draws
show a picture of their own, at the cost of drawing each picture once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]

LEAST = 8
"""A row that is hardly ever drawn has this many versions, the untouched one among them."""


@dataclass(frozen=True, eq=False)
class RowCounts:
    """What decides how often a fit draws a row.

    Attributes:
        real_y: (N,) labels of the real training rows.
        synthetic_y: (M,) labels of the synthetic rows.
        passing: (M,) whether the row passed the filters.
        n_classes: number of classes K.
    """

    real_y: Index
    synthetic_y: Index
    passing: npt.NDArray[np.bool_]
    n_classes: int


@dataclass(frozen=True, eq=False)
class Versions:
    """Versions of each row, the untouched one included.

    Attributes:
        real: (N,) of the real training rows.
        synthetic: (M,) of the synthetic rows.
        smote: (K,) of each row of SMOTE, by class; 0 where there is none.
        wanted: the largest number wanted of any row.
    """

    real: Index
    synthetic: Index
    smote: Index
    wanted: int

    @property
    def afforded(self) -> int:
        """The largest number that any row has; less than :attr:`wanted` where memory sets the limit."""
        return int(max((v.max() for v in (self.real, self.synthetic, self.smote) if v.size), default=1))

    @property
    def whole(self) -> bool:
        """Whether every row has as many as wanted."""
        return self.afforded >= self.wanted


def plan_versions(
    asked: int | None, rows: RowCounts, drawn: int, *, row_bytes: int, budget_bytes: int, smote: bool
) -> Versions:
    """Return the versions of each row.

    Without a number asked for it is the number of times that a fit draws the row, in the arm that draws it
    most often, and at least :data:`LEAST`: of a class with n of N rows, one of K classes, a real row is drawn
    ``drawn / (K n)`` times in a balanced and ``drawn / N`` times in a natural fit; a synthetic row at most as
    often as if it and its like were all that is drawn of the class. Where the versions would take more than
    the budget, the largest numbers are cut to one that fits, but not below 2.

    Args:
        asked: a number for every row, or None.
        rows: the rows there are.
        drawn: rows that a fit draws, updates times batch.
        row_bytes: of one packed row.
        budget_bytes: for all versions of one policy together.
        smote: whether rows of SMOTE level the classes in an arm.

    Example:
        >>> y, none = np.repeat([0, 1], [85, 15]), np.zeros(0, np.int64)
        >>> counts = RowCounts(y, none, none.astype(bool), 2)
        >>> found = plan_versions(None, counts, 38400, row_bytes=784, budget_bytes=10**9, smote=False)
        >>> int(found.real[0]), int(found.real[-1])
        (384, 1280)
    """
    classes = rows.n_classes
    real = np.bincount(rows.real_y, minlength=classes)
    present = max(1, int(np.count_nonzero(real)))
    passed = np.bincount(rows.synthetic_y[rows.passing], minlength=classes)
    made = np.bincount(rows.synthetic_y, minlength=classes)
    levelled = (real.max(initial=0) - real) * (real > 0) * smote
    each = drawn / present
    by_class = np.maximum(each / np.maximum(real, 1), drawn / max(1, real.sum()))
    wanted = [
        by_class[rows.real_y],
        np.where(
            rows.passing,
            (each / np.maximum(passed, 1))[rows.synthetic_y],
            (each / np.maximum(made, 1))[rows.synthetic_y],
        ),
        each / np.maximum(real + levelled, 1) * (levelled > 0),
    ]
    counts = [
        np.maximum(LEAST, np.ceil(draws).astype(np.int64)) if asked is None else np.full(draws.shape, asked)
        for draws in wanted
    ]
    weights = [np.ones(len(counts[0])), np.ones(len(counts[1])), levelled.astype(float)]
    flat, there = np.concatenate(counts), np.concatenate(weights)
    largest = int(flat[there > 0].max(initial=1))
    limit = max(min(2, largest), _affordable(flat, there, budget_bytes // max(1, row_bytes)))
    ours, made, between = (np.minimum(one, limit) for one in counts)
    return Versions(ours, made, between * (levelled > 0), largest)


def _affordable(counts: Index, rows: npt.NDArray[np.float64], places: int) -> int:
    """Return the largest limit at which ``rows`` times the limited ``counts`` take at most ``places``."""
    low, high = 0, int(counts.max(initial=1))
    while low < high:
        middle = (low + high + 1) // 2
        if float(np.minimum(counts, middle) @ rows) <= places:
            low = middle
        else:
            high = middle - 1
    return low
