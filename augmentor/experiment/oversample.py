"""Oversampling without a generator: random repeats and SMOTE, by imbalanced-learn.

SMOTE (Chawla 2002, section 4.2) draws a row between a row of a small class and one of that row's
nearest neighbours in the class. It was made for tables; here the values of a small picture, series or
volume, laid out flat, take the place of the columns. Neighbours are near in plain pixel distance,
which says less and less the larger a sample is, so larger ones are refused.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import ConfigError
from augmentor.core.samples import IntArray, Samples
from augmentor.core.seeds import derive_seed
from augmentor.experiment.arms import AnyArm, Arm, name_of, pattern_of

MOST_VALUES = 4096
"""Values of one sample (channels x pixels) that SMOTE takes at most: 64 x 64 grey, 36 x 36 in colour."""
NEIGHBOURS = 5
"""Neighbours a row may be drawn towards (Chawla 2002); one less than the class has rows where it is small."""
FEWEST = 3
"""Below this many rows a class has no two neighbours to draw between, and repeats its rows instead."""


def check_oversampling(arms: Collection[AnyArm], shape: tuple[int, ...]) -> None:
    """Refuse samples too large for SMOTE where an arm asks for it.

    Args:
        arms: those of a recipe.
        shape: (C, *spatial) of one sample.

    Raises:
        ConfigError: if a sample of that shape has more than :data:`MOST_VALUES` values.
    """
    asking = [name_of(arm) for arm in arms if pattern_of(arm).oversample == "smote"]
    values = int(np.prod(shape))
    if asking and values > MOST_VALUES:
        raise ConfigError(
            f"the arm {asking[0]} draws between neighbours in plain distance of values, which means nothing "
            f"for samples of {values:,} values (shape {tuple(shape)}); at most {MOST_VALUES:,} are allowed. "
            f"Take {asking[0]} out of evaluation.arms, use {{oversample: random}}, or make the samples "
            "smaller (image.size)"
        )


def repeated_rows(y: IntArray, *, seed: int) -> IntArray:
    """Return positions (M,) of rows whose repetition brings every class to the size of the largest.

    Args:
        y: (N,) labels.
        seed: of the draws.
    """
    present = np.unique(y)
    if len(present) < 2:
        return np.zeros(0, dtype=np.int64)
    from imblearn.over_sampling import RandomOverSampler

    sampler = RandomOverSampler(random_state=_state(seed, "repeated"))
    sampler.fit_resample(np.arange(len(y), dtype=np.int64)[:, None], y)
    rows: IntArray = np.asarray(sampler.sample_indices_[len(y) :], dtype=np.int64)
    return rows


def smote(x: npt.NDArray[Any], train: Samples, *, seed: int) -> tuple[npt.NDArray[np.generic], IntArray]:
    """Return rows that bring every class to the size of the largest, in the data's own units.

    A class of one or two rows repeats them (see :func:`too_small`). Values are rounded where the data
    are whole numbers.

    Args:
        x: the training part, packed, (N, C, *spatial); small samples.
        train: the same, for the labels.
        seed: of the draws.

    Returns:
        The rows (M, C, *spatial) in the dtype of the training part, and their labels (M,).

    Raises:
        ConfigError: if the samples are larger than :data:`MOST_VALUES`.
    """
    check_oversampling([Arm(oversample="smote")], x.shape[1:])
    flat = x.reshape(len(x), -1).astype(np.float32)
    counts = np.bincount(train.y, minlength=train.n_classes)
    again = repeated_rows(train.y, seed=seed)
    rows, labels = [flat[:0]], [train.y[:0]]
    for label in np.flatnonzero((counts > 0) & (counts < counts.max())):
        missing = int(counts.max() - counts[label])
        if counts[label] < FEWEST:
            made = flat[again[train.y[again] == label]]
        else:
            made = _between(flat, train.y, int(label), int(counts.max()), _state(seed, "smote", int(label)))
        assert len(made) == missing
        rows.append(made)
        labels.append(np.full(missing, label, dtype=np.int64))
    # Between two rows is inside their range; only rounding of the last bit can leave it.
    values = np.clip(np.concatenate(rows), flat.min(), flat.max())
    if x.dtype.kind in "iu":
        values = np.rint(values)
    return values.astype(x.dtype).reshape(-1, *x.shape[1:]), np.concatenate(labels)


def too_small(train: Samples) -> list[str]:
    """Return the classes whose rows SMOTE can only repeat: smaller than the largest, one or two rows."""
    most = max(train.counts.values(), default=0)
    return [name for name, n in train.counts.items() if 0 < n < min(FEWEST, most)]


def _between(flat: npt.NDArray[np.float32], y: IntArray, label: int, target: int, state: int) -> np.ndarray:
    from imblearn.over_sampling import SMOTE

    sampler = SMOTE(
        sampling_strategy={label: target},
        k_neighbors=min(NEIGHBOURS, int((y == label).sum()) - 1),
        random_state=state,
    )
    everything, _ = sampler.fit_resample(flat, y)
    return np.asarray(everything[len(flat) :], dtype=np.float32)


def _state(seed: int, *path: str | int) -> int:
    # imbalanced-learn takes 32-bit seeds.
    return derive_seed(seed, *path) % 2**32
