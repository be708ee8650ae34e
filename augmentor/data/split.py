"""Training, validation and test parts without a shared case, and scarcity."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import ConfigError, DataError, LeakError
from augmentor.core.factorize import factorize, is_in
from augmentor.core.samples import Samples
from augmentor.core.seeds import generator
from augmentor.data.folds import fold_mask, folds_note, folds_of
from augmentor.data.group_split import connected_groups, stratified_group_holdout
from augmentor.data.loaded import PARTS, Loaded
from augmentor.data.spec import ScarcitySpec, SplitSpec

Kind = Literal["official", "stratified", "grouped"]
SHOWN = 5


@dataclass(frozen=True)
class Removed:
    """A row removed because a part nearer to the test holds a duplicate of it.

    Attributes:
        id: the removed row.
        duplicate_of: a row that stays, in a part nearer to the test.
        part: the part from which the row was removed.
        reason: "duplicate" (equal content) or "group" (same patient).
    """

    id: str
    duplicate_of: str
    part: str
    reason: Literal["duplicate", "group"]


@dataclass(frozen=True, eq=False)
class Split:
    """Three parts without a shared case or patient.

    Attributes:
        train: the data on which generator, filters, scalers and classifiers are fitted; after scarcity.
        validation: the data for choices; never reduced by scarcity.
        test: touched once, at the end; never changed.
        removed: rows removed from training and validation by the rule on duplicates.
        kind: "official" if the test part is the data's own; else "grouped" if a patient is known
            and kept together, else "stratified".
        notes: what a user should know.
        folds: how many folds the data are divided into; ``test`` is fold ``fold`` of them. 1 without folds.
        fold: see ``folds``.
    """

    train: Samples
    validation: Samples
    test: Samples
    removed: tuple[Removed, ...]
    kind: Kind
    notes: tuple[str, ...] = ()
    folds: int = 1
    fold: int = 0

    @property
    def parts(self) -> dict[str, Samples]:
        """The parts by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def digests(self) -> dict[str, list[str]]:
        """Return the SHA-256 of every row's content by part, in row order."""
        return {name: [str(row) for row in part.row_digests] for name, part in self.parts.items()}


def split(loaded: Loaded, *, split: SplitSpec | None = None, scarcity: ScarcitySpec | None = None) -> Split:
    """Make the three parts, check that nothing is in two of them, then cut the training part.

    In this order: (1) rows of an official training or validation part whose content or patient is
    also in a part nearer to the test (train < validation < test) are removed or refused; (2) parts
    that the data does not have are taken from the training part by
    :func:`~augmentor.data.group_split.stratified_group_holdout`, the test part before the validation part,
    or the test part is one of several folds, see :mod:`augmentor.data.folds`;
    equal pictures and patients stay together; (3) ``scarcity``
    reduces the training part; (4) every class must have enough rows left.

    Args:
        loaded: the data, with the official parts that they have.
        split: proportions, seed and the rule for duplicates; the defaults without it.
        scarcity: how many training rows are left of each class; all of them without it.

    Raises:
        ConfigError: if ``scarcity`` names a class that does not exist or asks more than there is.
        DataError: if rows are shared and the rule is "refuse", or a class has too few rows.
        LeakError: if two finished parts share content or a patient; a fault of this software.
    """
    rules = split or SplitSpec()
    scarcity = scarcity or ScarcitySpec()
    parts = dict(loaded.parts)
    notes = _conflicts(parts, loaded.kind.plural)
    found = [part for part in parts.values() if len(part)]
    if sum(sum(part.counts[name] for part in found) > 0 for name in loaded.classes) < 2:
        raise DataError(
            f"{loaded.name} has one class only ({_present(loaded)}); a classifier needs at least two "
            "classes: "
            "add a folder (or a label) for each further class"
        )
    parts, removed = _separated(parts, rules, loaded.name)
    if removed:
        notes.append(_removal_note(removed, loaded.kind.cell))
    folds = folds_of(parts, rules)
    kind = _completed(parts, rules, folds, notes)
    _check_disjoint(parts)
    train = apply_scarcity(parts["train"], scarcity)
    _check_enough({**parts, "train": train}, rules, loaded)
    repeats = len(train) - 1 - int(factorize(train.row_digests)[0].max(initial=-1))
    if repeats:
        notes.append(f"{repeats} rows of the training part repeat the content of another; they stay")
    return Split(
        train, parts["validation"], parts["test"], tuple(removed), kind, tuple(notes), folds, rules.fold
    )


def apply_scarcity(train: Samples, scarcity: ScarcitySpec) -> Samples:
    """Keep the requested number of rows of each named class, in their order.

    Raises:
        ConfigError: for an unknown class, or more rows than there are.
    """
    counts = train.counts
    kept = np.ones(len(train), dtype=np.bool_)
    for name, asked in scarcity.per_class.items():
        if name not in counts:
            near = difflib.get_close_matches(name, train.classes, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"classes: {list(train.classes)}"
            raise ConfigError(f"scarcity.per_class names the class {name!r}, which does not exist; {hint}")
        if asked > counts[name]:
            raise ConfigError(
                f"scarcity.per_class asks for {asked} training cases of {name!r}, but there are "
                f"{counts[name]} "
                "(without validation, test and duplicates); ask for at most that many"
            )
        rows = np.flatnonzero(train.y == train.classes.index(name))
        order = generator(scarcity.seed, "scarcity", name).permutation(len(rows))
        kept[rows[order[asked:]]] = False
    return train.take(kept)


def _present(loaded: Loaded) -> str:
    totals = {name: sum(part.counts[name] for part in loaded.parts.values()) for name in loaded.classes}
    return ", ".join(f"{name}: {n}" for name, n in totals.items() if n) or "no samples"


def _keys(samples: Samples, reason: str) -> npt.NDArray[np.str_] | None:
    return samples.row_digests if reason == "duplicate" else samples.group


def _separated(
    parts: Mapping[str, Samples], rules: SplitSpec, name: str
) -> tuple[dict[str, Samples], list[Removed]]:
    """Remove rows whose content or patient is in a part nearer to the test."""
    result = dict(parts)
    removed: list[Removed] = []
    order = [part for part in PARTS if part in parts]
    for place, part in reversed(list(enumerate(order))):
        gone: dict[int, Removed] = {}
        for reason in ("duplicate", "group"):
            own = _keys(parts[part], reason)
            if own is None:
                continue
            kept: dict[str, str] = {}
            for higher in order[place + 1 :]:
                keys = _keys(result[higher], reason)
                if keys is not None:
                    rows = np.flatnonzero(is_in(keys, own))
                    kept.update(zip(map(str, keys[rows]), map(str, result[higher].ids[rows]), strict=True))
            for row in np.flatnonzero(is_in(own, np.array(list(kept), dtype=np.str_))).tolist():
                if row not in gone:
                    why: Literal["duplicate", "group"] = "duplicate" if reason == "duplicate" else "group"
                    gone[row] = Removed(str(parts[part].ids[row]), kept[str(own[row])], part, why)
        if gone:
            mask = np.ones(len(parts[part]), dtype=np.bool_)
            mask[list(gone)] = False
            result[part] = parts[part].take(mask)
            removed += [gone[row] for row in sorted(gone)]
    if removed and rules.duplicates == "refuse":
        some = "; ".join(f"{item.id} = {item.duplicate_of} ({item.reason})" for item in removed[:SHOWN])
        raise DataError(
            f"{len(removed)} rows of {name} are also in a part nearer to the test: {some}"
            f"{' and more' if len(removed) > SHOWN else ''}. Take them out of the data, or let the run do it "
            "with split.duplicates: remove"
        )
    return result, removed


def _removal_note(removed: list[Removed], cell: str) -> str:
    by = {
        (part, reason): sum(item.part == part and item.reason == reason for item in removed)
        for part in PARTS
        for reason in ("duplicate", "group")
    }
    words = {"duplicate": f"same {cell}s", "group": "same patient (group)"}
    rows = " and ".join(f"{n} rows of {part} ({words[reason]})" for (part, reason), n in by.items() if n)
    return f"removed {rows}: each repeats a row of a part nearer to the test, which stays as it is"


def _completed(parts: dict[str, Samples], rules: SplitSpec, folds: int, notes: list[str]) -> Kind:
    """Fill in the parts the data does not have, in place; say where the test part comes from."""
    if "all" in parts:
        parts["train"] = parts.pop("all")
    if "train" not in parts:
        raise DataError(f"the data has {sorted(parts)} and no training part; name one of its parts train")
    kind: Kind = "official"
    if "test" not in parts:
        kind = "stratified" if parts["train"].group is None else "grouped"
        if "validation" in parts:
            notes.append("the data has no test part: one was taken from its training part")
        if folds > 1:
            whole = parts["train"]
            notes += [folds_note(whole, folds, rules)] if rules.folds == "auto" else []
            _divide(parts, "test", fold_mask(whole, folds, rules))
        else:
            _carve(parts, "test", rules.test, rules.seed)
    if "validation" not in parts:
        _carve(parts, "validation", rules.validation, rules.seed)
    return kind


def _carve(parts: dict[str, Samples], part: str, share: float, seed: int) -> None:
    train = parts["train"]
    rng = generator(seed, "split", part)
    _divide(
        parts,
        part,
        stratified_group_holdout(train.y, connected_groups(train), share, rng, train.n_classes),
    )


def _divide(parts: dict[str, Samples], part: str, mask: npt.NDArray[np.bool_]) -> None:
    train = parts["train"]
    parts[part] = train.take(mask)
    parts["train"] = train.take(~mask)


def _conflicts(parts: Mapping[str, Samples], noun: str) -> list[str]:
    """Return a note on equal samples with different labels."""
    found = factorize(*(part.row_digests for part in parts.values()))
    content, y = np.concatenate(found), np.concatenate([part.y for part in parts.values()])
    lowest, highest = np.full(len(y), np.iinfo(np.int64).max), np.full(len(y), -1)
    np.minimum.at(lowest, content, y)
    np.maximum.at(highest, content, y)
    bad = np.flatnonzero(highest > lowest)
    if not len(bad):
        return []
    same = [
        str(name)
        for part, own in zip(parts.values(), found, strict=True)
        for name in part.ids[own == bad[0]][:3]
    ]
    return [
        f"{len(bad)} {noun} occur several times with different labels, e.g. "
        f"{' and '.join(same[:3])}; "
        "check the labels"
    ]


def _check_disjoint(parts: Mapping[str, Samples]) -> None:
    names = list(PARTS)
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            for reason in ("duplicate", "group"):
                one, two = _keys(parts[first], reason), _keys(parts[second], reason)
                if one is not None and two is not None and is_in(one, two).any():
                    raise LeakError(f"{first} and {second} share content ({reason}); nothing was trained")


def _check_enough(parts: Mapping[str, Samples], rules: SplitSpec, loaded: Loaded) -> None:
    faults, scarce = [], []
    for name in loaded.classes:
        counts = {part: parts[part].counts[name] for part in PARTS}
        if counts["train"] < rules.minimum_per_class:
            many = "case" if counts["train"] == 1 else "cases"
            faults.append(f"{name!r} has {counts['train']} training {many}")
        else:
            faults += [f"{name!r} has no {part} case" for part in ("validation", "test") if not counts[part]]
        scarce += [name] if counts["train"] < rules.minimum_per_class or not min(counts.values()) else []
    if faults:
        raise DataError(
            f"{loaded.name} is too small to learn and measure from: {'; '.join(faults)}. Needed are at least "
            f"{rules.minimum_per_class} training cases (split.minimum_per_class) and one validation and "
            f"one test case of every class: add cases, or leave the class out with "
            f"{' '.join(f'--exclude-class {shlex.quote(name)}' for name in scarce)}"
        )
