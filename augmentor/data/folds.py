"""How many folds the data are divided into, and which rows are the test part of one of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import ConfigError
from augmentor.core.samples import Samples
from augmentor.core.seeds import derive_seed
from augmentor.data.group_split import connected_groups, stratified_group_folds
from augmentor.data.spec import SplitSpec

FOLDS = 5
"""Folds where a test part would hold too few cases of a class: four fifths of the cases train each time."""

FEW_TEST_CASES = 20
"""A test part with fewer cases (or groups) of a class cannot carry a verdict on most gains.

With 20 of them, the smallest gain that four of five studies find is 19 points of balanced accuracy of two
classes; with five folds over all 67 it is 8 (:func:`augmentor.detectable_gain`, benchmarks/small_verdict.md).
"""


def folds_of(parts: Mapping[str, Samples], rules: SplitSpec) -> int:
    """Return how many folds ``rules`` ask for.

    Args:
        parts: as they were read, before any is held out.
        rules: of the recipe.

    Raises:
        ConfigError: if folds are asked for and the data have a test part of their own, or there is no fold of
            the number ``rules.fold``.
    """
    if rules.folds == "auto":
        found = 1 if "test" in parts else _affordable(parts.get("all", parts.get("train")), rules)
    else:
        found = rules.folds
    if found > 1 and "test" in parts:
        raise ConfigError(
            f"split.folds is {found}, and the data have a test part of their own, which is not mixed with "
            "the rest; set it to 1, or give the data without that part"
        )
    if rules.fold >= found:
        raise ConfigError(
            f"split.fold is {rules.fold}, and there "
            f"{'is one split, number 0' if found == 1 else f'are {found} folds, 0 to {found - 1}'}"
        )
    return found


def fold_mask(samples: Samples, folds: int, rules: SplitSpec) -> npt.NDArray[np.bool_]:
    """Return which rows (N,) are in fold ``rules.fold``; equal rows and groups stay together."""
    seed = derive_seed(rules.seed, "folds", folds) % 2**31
    return np.equal(stratified_group_folds(samples.y, connected_groups(samples), folds, seed), rules.fold)


def independent_cases(samples: Samples) -> dict[str, int]:
    """Return how many independent cases each class has: cases, or groups of them (patients, equal rows)."""
    groups = connected_groups(samples)
    return {name: np.unique(groups[samples.y == label]).size for label, name in enumerate(samples.classes)}


def fewest_units(samples: Samples) -> tuple[str, int]:
    """Return the class with the fewest independent cases, of those that have any, and how many it has."""
    there = {name: n for name, n in independent_cases(samples).items() if n}
    return min(there.items(), key=lambda item: item[1])


def folds_note(samples: Samples, folds: int, rules: SplitSpec) -> str:
    """Return the note on folds that were chosen by themselves."""
    name, units = fewest_units(samples)
    return (
        f"{name!r} has {units} independent cases, and one test part would hold about "
        f"{rules.test * units:.0f}: each of {folds} folds is the test part once, so that every case is "
        f"tested once, and everything from the generator on is done {folds} times; split.folds=1 tests one "
        "part only"
    )


def _affordable(samples: Samples | None, rules: SplitSpec) -> int:
    if samples is None or not len(samples):
        return 1
    units = fewest_units(samples)[1]
    if rules.test * units >= FEW_TEST_CASES or units < 2:
        return 1
    return min(FOLDS, units)
