"""Stratified hold-out and stratified folds that never divide a group."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from augmentor.core.errors import DataError
from augmentor.core.factorize import factorize
from augmentor.core.samples import IntArray, Samples


def connected_groups(samples: Samples) -> IntArray:
    """Return the group (N,) of each row; rows of one patient or of equal content are in one group.

    This is transitive: if a picture of patient A equals a picture of patient B, all rows of both are in
    one group.
    """
    n = len(samples)
    (content,) = factorize(samples.row_digests)
    if samples.group is None:
        return content
    (patient,) = factorize(samples.group)
    keys = [content, patient + content.max(initial=-1) + 1]
    rows = np.tile(np.arange(n), len(keys))
    nodes = np.concatenate(keys) + n
    size = int(nodes.max(initial=n - 1)) + 1
    graph = coo_matrix((np.ones(len(rows)), (rows, nodes)), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(labels[:n], dtype=np.int64)


def stratified_group_holdout(
    y: IntArray, groups: IntArray, share: float, rng: np.random.Generator, n_classes: int
) -> npt.NDArray[np.bool_]:
    """Choose about ``share`` of the rows of every class, whole groups only.

    Groups are visited from the largest to the smallest, in random order within one size. A
    group is held out when that lowers the sum over classes of ((held - wanted) / rows)^2. Of a class
    of two or more rows, at least one should be held out and at least one left; where every group is
    a single row, each class therefore gets its share rounded to the nearest number of rows.

    Args:
        y: labels (N,).
        groups: group numbers (N,).
        share: in (0, 1).
        rng: gives the order.
        n_classes: number of classes.

    Returns:
        mask (N,), True for rows held out.
    """
    names, member = np.unique(groups, return_inverse=True)
    table = np.zeros((len(names), n_classes))
    np.add.at(table, (member, y), 1)
    rows = table.sum(axis=0)
    wanted = np.where(rows >= 2, np.clip(share * rows, 1, np.maximum(rows - 1, 1)), share * rows)
    scale = np.maximum(rows, 1)
    order = rng.permutation(len(names))
    order = order[np.argsort(-table.sum(axis=1)[order], kind="stable")]
    held = np.zeros(n_classes)
    chosen = np.zeros(len(names), dtype=np.bool_)
    loss = float((((held - wanted) / scale) ** 2).sum())
    for group in order:
        with_group = float((((held + table[group] - wanted) / scale) ** 2).sum())
        if with_group < loss - 1e-12:
            held, loss = held + table[group], with_group
            chosen[group] = True
    return chosen[member]


def stratified_group_folds(y: IntArray, groups: IntArray, folds: int, seed: int) -> IntArray:
    """Return the fold (N,) of each row, 0 to ``folds`` - 1: every class evenly, whole groups only.

    These are scikit-learn's ``StratifiedGroupKFold``, or its ``StratifiedKFold`` where every group is one
    row, which then differ by at most one row of a class from fold to fold.

    Args:
        y: labels (N,).
        groups: group numbers (N,).
        folds: two or more.
        seed: of the order of rows and groups.

    Raises:
        DataError: if there are fewer groups than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    units = np.unique(groups).size
    if units < folds:
        raise DataError(f"{folds} folds need as many cases or groups, got {units}")
    single = units == len(y)
    cut = (StratifiedKFold if single else StratifiedGroupKFold)(folds, shuffle=True, random_state=seed)
    fold = np.empty(len(y), dtype=np.int64)
    with warnings.catch_warnings():
        # A class with fewer rows than folds is told by the caller, in its own words.
        warnings.filterwarnings("ignore", message="The least populated class")
        for number, (_, held) in enumerate(cut.split(np.zeros(len(y)), y, None if single else groups)):
            fold[held] = number
    return fold
