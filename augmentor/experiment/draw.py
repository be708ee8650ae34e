"""Which rows make the batch of a step: a pure function of (arm, rows, seed, step).

All arms draw from the same stream of random numbers, so that at one seed two arms see the same
real rows as far as their declarations allow: the comparison is paired down to the batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.seeds import generator
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.arms import Arm, name_of

Index = npt.NDArray[np.int64]

NO_ROWS: Index = np.zeros(0, dtype=np.int64)

FIRST_PART = 0.5
"""The part of the updates, from the first on, that an arm with the mixing "first" gives to synthetic rows."""
ANNEALED_BY = 0.75
"""With annealing the synthetic share falls linearly and is zero from this part of training on."""


@dataclass(frozen=True, eq=False)
class Picked:
    """The rows of one batch.

    Attributes:
        synthetic: (B,) whether the row is one of the synthetic rows (of those of SMOTE, for an arm
            that uses them); else a real training row.
        row: (B,) its position there.
        place: (B,) in [0, 1), its version's place among those that the pool has of the row; 0 is the
            untouched sample. Rows of a rare class have more versions than others, and a place means
            something for any number of them.
        y: (B,) its label.
    """

    synthetic: npt.NDArray[np.bool_]
    row: Index
    place: npt.NDArray[np.float64]
    y: Index


@dataclass(frozen=True, eq=False)
class RowsByClass:
    """The rows an arm may draw, class by class.

    Attributes:
        real: for each class the positions of its real rows.
        synthetic: for each class the positions of its synthetic rows that the arm uses (of real
            rows, where copies stand in for them; of rows of SMOTE, where the arm asks for those).
        copies: whether ``synthetic`` holds positions of real rows.
    """

    real: tuple[Index, ...]
    synthetic: tuple[Index, ...]
    copies: bool = False

    @property
    def drawn(self) -> Index:
        """The classes that have any row, in label order."""
        pairs = zip(self.real, self.synthetic, strict=True)
        return np.array([k for k, (a, b) in enumerate(pairs) if len(a) + len(b)], dtype=np.int64)


def passing(synthetic: SyntheticSet) -> npt.NDArray[np.bool_]:
    """Return the mask (N,) of rows that passed the filters: kept, or surplus to what was needed."""
    mask: npt.NDArray[np.bool_] = synthetic.kept | (synthetic.reason == "surplus")
    return mask


def marks_of(synthetic: SyntheticSet) -> dict[str, npt.NDArray[np.bool_]]:
    """Return the masks (N,) of the "kept" and of the "passing" rows."""
    return {"kept": synthetic.kept, "passing": passing(synthetic)}


@dataclass(frozen=True, eq=False)
class KnownRows:
    """The rows of an experiment, as all its fits share them.

    Attributes:
        real_y: (N,) labels of the real training rows.
        synthetic_y: (M,) labels of all synthetic rows.
        marks: for each value of :attr:`Rows.synthetic` but "none" and "all" the mask (M,) of its rows; those
            of :func:`marks_of`, and of :func:`augmentor.experiment.selected.select` where an arm asks for it.
        n_classes: number of classes K.
        repeated: positions of the real rows that random oversampling repeats.
        smote_y: labels of the rows of SMOTE.
    """

    real_y: Index
    synthetic_y: Index
    marks: Mapping[str, npt.NDArray[np.bool_]]
    n_classes: int
    repeated: Index = field(default_factory=lambda: NO_ROWS)
    smote_y: Index = field(default_factory=lambda: NO_ROWS)

    @property
    def counts(self) -> Index:
        """(K,) real training rows of each class."""
        return np.bincount(self.real_y, minlength=self.n_classes)


@dataclass(frozen=True)
class Drawing:
    """How a fit draws its batches.

    Attributes:
        updates: number of updates of the fit, which annealing is measured by.
        batch: number of rows B.
        seed: of the fit.
        share: synthetic share in [0, 1], for arms that mix at a share.
        anneal: whether the share falls to zero, see :data:`ANNEALED_BY`.
    """

    updates: int
    batch: int
    seed: int
    share: float = 0.0
    anneal: bool = False


def rows_of(arm: Arm, known: KnownRows, *, seed: int, without: Sequence[int] = ()) -> RowsByClass:
    """Return the rows that ``arm`` may draw.

    Args:
        arm: the declaration.
        known: the rows that there are.
        seed: decides which real row stands in for a synthetic one where the arm asks for copies.
        without: labels whose synthetic rows take no part.

    Raises:
        DataError: if nothing is left to draw.
    """
    real_y, synthetic_y, classes = known.real_y, known.synthetic_y, range(known.n_classes)
    everything = np.ones(len(synthetic_y), np.bool_)
    use = {"none": ~everything, "all": everything, **known.marks}[arm.rows.synthetic]
    real = [np.flatnonzero(real_y == k) for k in classes]
    made = [np.flatnonzero((synthetic_y == k) & use) for k in classes]
    for k in without:
        made[k] = made[k][:0]
    if arm.rows.copies:
        rng = generator(seed, "copies")
        made = [rng.choice(a, len(b)) if len(a) else a[:0] for a, b in zip(real, made, strict=True)]
    if arm.oversample == "random":
        made = [known.repeated[real_y[known.repeated] == k] for k in classes]
    if arm.oversample == "smote":
        made = [np.flatnonzero(known.smote_y == k) for k in classes]
    if not arm.rows.real:
        real = [a[:0] for a in real]
    rows = RowsByClass(tuple(real), tuple(made), arm.rows.copies or arm.oversample == "random")
    if not len(rows.drawn):
        raise DataError(f"there is no row to draw for the arm {name_of(arm)}")
    return rows


def pick(arm: Arm, rows: RowsByClass, drawing: Drawing, step: int) -> Picked:
    """Return the rows of the batch of ``step``.

    Where an arm is balanced, every class that has rows gets ``batch // K`` places and the places
    left over go to classes chosen at random, so that each class has the same expected number. Of
    the m places of a class, ``by_share`` arms fill ``floor(share m + u)`` with synthetic rows, u
    uniform on [0, 1): the expected share is exact, and no batch is off by a whole row. Arms with
    the mixing "first" do so with a share of 1 up to :data:`FIRST_PART` of the updates, and of 0 from then on.
    A class without synthetic rows keeps its real ones, and the other way round.

    Args:
        arm: the declaration.
        rows: from :func:`rows_of`.
        drawing: how the fit draws.
        step: number of the update, from 0.
    """
    batch, share = drawing.batch, drawing.share
    rng = generator(drawing.seed, "draw", step)
    classes = rows.drawn
    if arm.sampling == "balanced":
        each, left = divmod(batch, len(classes))
        counts = np.full(len(classes), each)
        counts[rng.permutation(len(classes))[:left]] += 1
    else:
        sizes = np.array([_size(arm, rows, k) for k in classes], np.float64)
        counts = rng.multinomial(batch, sizes / sizes.sum())
    if arm.rows.mixing == "first":
        share = 1.0 if step < FIRST_PART * drawing.updates else 0.0
    elif drawing.anneal:
        share *= max(0.0, 1.0 - step / (ANNEALED_BY * drawing.updates))
    positions = rng.random(batch)
    offsets = rng.random(len(classes))
    place = np.zeros(batch) if arm.augmentation == "none" else rng.random(batch)
    made = np.zeros(batch, np.bool_)
    row = np.zeros(batch, np.int64)
    start = 0
    for k, m, offset in zip(classes, counts, offsets, strict=True):
        a, b = rows.real[k], rows.synthetic[k]
        here = positions[start : start + m]
        shared = arm.by_share or arm.rows.mixing == "first"
        if not shared or not len(a) or not len(b):
            index = (here * (len(a) + len(b))).astype(np.int64)
            made[start : start + m] = index >= len(a)
            row[start : start + m] = np.concatenate([a, b])[index]
        else:
            n = int(np.floor(share * m + offset))
            row[start : start + n] = b[(here[:n] * len(b)).astype(np.int64)]
            row[start + n : start + m] = a[(here[n:] * len(a)).astype(np.int64)]
            made[start : start + n] = True
        start += m
    if rows.copies:
        made[:] = False
    return Picked(made, row, place, np.repeat(classes, counts))


def _size(arm: Arm, rows: RowsByClass, label: np.int64) -> int:
    # At a chosen share, synthetic rows take places of real ones and must not change how often a class comes.
    real = len(rows.real[label])
    return real if arm.by_share and real else real + len(rows.synthetic[label])
