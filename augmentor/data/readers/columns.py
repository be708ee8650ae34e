"""What the columns of a table mean that names pictures: found by their names and by what they hold."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from augmentor.core.errors import ConfigError, DataError
from augmentor.data.readers.formats import is_readable
from augmentor.data.readers.split_names import USUAL, part_of
from augmentor.data.spec import ColumnsSpec

LOOKED_AT = 200
"""Rows by which a column is tried for paths."""
MOST_CLASSES = 200
_PATHS = (
    *("file_name", "filename", "file", "path", "filepath", "file_path", "image_path", "img_path", "image"),
    *("img", "image_file", "image_name", "image_id", "img_id", "image_index", "name", "id", "picture"),
)
_LABELS = (
    *("class_name", "label_name", "class", "label", "labels", "target", "diagnosis", "dx", "category"),
    *("finding", "finding_labels", "ground_truth", "grade", "level", "species", "y"),
)
_GROUPS = (
    *("patient", "patient_id", "patientid", "subject", "subject_id", "subjectid", "participant"),
    *("participant_id", "case_id", "specimen", "specimen_id", "lesion_id", "animal_id", "group", "group_id"),
)
_SPLITS = ("split", "data_split", "set", "subset", "partition", "part", "phase", "fold", "usage", "dataset")
_SUBGROUPS = (
    *("subgroup", "sex", "gender", "site", "centre", "center", "hospital", "scanner", "device", "ethnicity"),
    *("race", "skin_type", "age_group"),
)
_MASKS = ("mask", "mask_path", "segmentation", "segmentation_path", "seg", "mask_file")


@dataclass(frozen=True)
class Roles:
    """What the columns mean.

    Attributes:
        path: of the file.
        label: of the class; several for one-hot labels.
        group: of the patient.
        split: of the part.
        subgroup: by which cases are counted.
        unused: the other columns.
        notes: what a user should know.
    """

    path: str
    label: tuple[str, ...]
    group: str | None
    split: str | None
    subgroup: str | None
    unused: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def spec(self) -> ColumnsSpec:
        """The columns as a card names them."""
        label = self.label[0] if len(self.label) == 1 else self.label
        return ColumnsSpec(
            path=self.path, label=label, group=self.group, split=self.split, subgroup=self.subgroup
        )


def find_roles(frame: pd.DataFrame, asked: ColumnsSpec, there: Callable[[str], bool], where: str) -> Roles:
    """Find the columns of path, label, patient, part and subgroup.

    A column that is asked for is taken. Else the path is the column whose entries are files that are
    there, the others are known by their names, and the part only where all its entries name one.

    Args:
        frame: the table, every cell a text.
        asked: columns that the user or a card names.
        there: whether an entry names a file of the dataset.
        where: names the table in errors.

    Raises:
        ConfigError: if a column that is asked for is not there.
        DataError: if no column holds paths or classes, saying how to name it.
    """
    columns = [str(column) for column in frame.columns]
    if any(map(is_readable, columns)):
        raise DataError(f"{where} seems to have no header; write one, e.g. path,label, as its first row")
    for role, name in asked.named.items():
        _check_asked(role, name, columns, where)
    path = asked.path or _path_column(frame, columns, there, where)
    group = asked.group or _named(columns, _GROUPS, {path})
    split, notes = _split_column(frame, columns, asked, where)
    subgroup = asked.subgroup or _named(columns, _SUBGROUPS, {path, group, split})
    taken = {path, group, split, subgroup} - {None}
    label = _asked_label(asked, columns) or _label_column(frame, columns, {*map(str, taken)}, where)
    unused = tuple(name for name in columns if name not in {*taken, *label})
    masks = [name for name in unused if _plain(name) in _MASKS]
    if masks:
        notes.append(f"the column {masks[0]!r} of {where} seems to name masks, which are not read")
    return Roles(path, label, group, split, subgroup, unused, tuple(notes))


def _asked_label(asked: ColumnsSpec, columns: Sequence[str]) -> tuple[str, ...]:
    if asked.label is None:
        return ()
    if isinstance(asked.label, str):
        return (asked.label,) if asked.label in columns else _listed(asked.label)
    return asked.label


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _check_asked(role: str, name: str | tuple[str, ...], columns: Sequence[str], where: str) -> None:
    names = (name,) if isinstance(name, str) else name
    if role == "label" and isinstance(name, str) and name not in columns:
        names = _listed(name)
    missing = [one for one in names if one not in columns]
    if missing:
        raise ConfigError(
            f"--{role}-column (columns.{role}) names the column {missing[0]!r}, and {where} has "
            f"{', '.join(map(repr, columns))}"
        )


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _named(columns: Sequence[str], known: Sequence[str], taken: set[str | None]) -> str | None:
    """Return the column with the first of the ``known`` names that is not ``taken``."""
    plain = {_plain(name): name for name in reversed(columns) if name not in taken}
    return next((plain[name] for name in known if name in plain), None)


def _path_column(
    frame: pd.DataFrame, columns: Sequence[str], there: Callable[[str], bool], where: str
) -> str:
    rows = np.unique(np.linspace(0, len(frame) - 1, LOOKED_AT).astype(int))
    some = frame.iloc[rows]
    order = sorted(
        columns, key=lambda name: _PATHS.index(_plain(name)) if _plain(name) in _PATHS else len(_PATHS)
    )
    best, most = "", 0.0
    for name in order:
        entries = [entry for entry in some[name] if entry]
        share = sum(map(there, entries)) / len(some)
        if share > most + 0.05:  # a later column must hold clearly more files than a usual name before it
            best, most = name, share
    if best:
        return best
    named = next((name for name in order if any(map(is_readable, some[name]))), None)
    if named is not None:
        first = next(entry for entry in some[named] if is_readable(entry))
        raise DataError(
            f"{where} names files in the column {named!r} that are not there, e.g. {first!r}; paths count "
            "from the table's own folder, and a bare file name is looked for in all folders below it"
        )
    raise DataError(
        f"{where} is a table with the columns {', '.join(map(repr, columns))}, and none of them names files "
        "that are there; name the one with the paths by --path-column. Tables whose rows are the cases "
        "themselves come in a later release"
    )


def _split_column(
    frame: pd.DataFrame, columns: Sequence[str], asked: ColumnsSpec, where: str
) -> tuple[str | None, list[str]]:
    name = asked.split or _named(columns, _SPLITS, {asked.path, asked.group, asked.subgroup})
    if name is None or name in ({asked.label} if isinstance(asked.label, str) else asked.label or ()):
        return None, []
    unknown = sorted({entry for entry in frame[name] if entry and part_of(entry) is None})
    if not unknown and frame[name].astype(bool).any():
        return name, []
    if asked.split is not None:
        raise DataError(
            f"{where}: the column {name!r} holds {', '.join(map(repr, unknown[:5])) or 'nothing'}, and parts "
            f"are called {USUAL}"
        )
    return None, [
        f"the column {name!r} of {where} holds {', '.join(map(repr, unknown[:3])) or 'nothing'} and not the "
        f"names of parts ({USUAL}); it was not used"
    ]


def _label_column(
    frame: pd.DataFrame, columns: Sequence[str], taken: set[str], where: str
) -> tuple[str, ...]:
    name = _named(columns, _LABELS, {*taken})
    if name is not None:
        return (name,)
    free = [name for name in columns if name not in taken]
    binary = [name for name in free if set(frame[name]) <= {"0", "1", "0.0", "1.0", ""}]
    binary = [name for name in binary if len(set(frame[name])) > 1]
    if len(binary) > 1:
        rows = frame[binary].isin(["1", "1.0"]).sum(axis=1)
        listed = shlex.quote(",".join(binary))
        if (rows == 1).all():
            raise DataError(
                f"{where} has a column a class ({listed}), of which one holds 1 in each row (one-hot "
                f"labels); to read them so, add --label-column {listed}"
            )
        raise DataError(
            f"{where} has several columns of 0 and 1 ({listed}), and {int((rows != 1).sum())} rows hold "
            "several 1 or none: multi-label data, for which this software has no question. Choose one "
            f"column, e.g. --label-column {shlex.quote(binary[0])}, or leave out those rows and use "
            f"--label-column {listed}"
        )
    few = [name for name in free if 2 <= frame[name].nunique() <= min(MOST_CLASSES, max(2, len(frame) // 4))]
    if len(few) == 1:
        return (few[0],)
    found = (
        f"it may be one of {', '.join(map(repr, few))}" if few else f"its columns are {', '.join(columns)}"
    )
    raise DataError(f"{where} does not say which column holds the class; {found}: add --label-column NAME")
