"""An expanded dataset as a value: real and synthetic rows, where each comes from, and what it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from augmentor.core.calibration import Calibration, joined
from augmentor.core.errors import DataError
from augmentor.core.files import sha256_bytes
from augmentor.core.pseudonyms import pseudonyms
from augmentor.core.samples import Samples
from augmentor.core.scratch import concatenate_rows
from augmentor.core.synthetic import PROVENANCE, SyntheticSet
from augmentor.data.cards import Card
from augmentor.data.loaded import PARTS

SOURCES = ("real", "synthetic")


@dataclass(frozen=True)
class About:
    """What the real data are called, whose they are, and how they may be used; empty where nobody said."""

    name: str
    title: str
    licence: str = ""
    source: str = ""
    citation: str = ""
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, card: Card | None) -> About:
        """Return what ``card`` says of the dataset ``name``."""
        if card is None:
            return cls(name, name)
        return cls(name, card.title, card.licence, card.source, card.citation, tuple(card.notes))


@dataclass(frozen=True, eq=False)
class Expanded:
    """Real rows first, in their order, then synthetic ones.

    Attributes:
        samples: all rows in the data's own units, calibrated where the real ones are; ids are "real-000000",
            ..., "synthetic-000000", ..., which are also the names of their files; no groups, which ``rows``
            has.
        rows: DataFrame of N rows: ``label``, ``class``, ``source`` ("real" or "synthetic"), ``original_id``,
            ``synthesizer`` (SHA-256), ``seed``, ``group`` (a pseudonym) where patients are known, and a
            column for each score of the filters; empty where a column has no meaning.
        about: what the dataset is called.

    Raises:
        DataError: at construction, if the parts disagree.
    """

    samples: Samples
    rows: pd.DataFrame
    about: About

    def __post_init__(self) -> None:
        """Check that the parts agree."""
        if len(self.samples) != len(self.rows):
            raise DataError(
                f"{len(self.samples)} samples need as many rows of metadata, got {len(self.rows)}"
            )
        if not set(self.rows["source"]) <= set(SOURCES):
            raise DataError(f"a row's source is one of {SOURCES}, got {sorted(set(self.rows['source']))[:5]}")

    @classmethod
    def of(cls, real: Samples, synthetic: SyntheticSet | None = None, about: About | None = None) -> Expanded:
        """Join real rows and the kept ones of a synthetic set.

        Raises:
            DataError: if they differ in classes, shape or units, or are no arrays.
        """
        parts = [real] if synthetic is None else [real, synthetic.kept_samples]
        check_alike(parts)
        names = [row_names(source, len(part)) for source, part in zip(SOURCES, parts, strict=False)]
        joined = replace(
            real,
            x=concatenate_rows([part.array for part in parts]),
            y=np.concatenate([part.y for part in parts]),
            ids=np.concatenate(names),
            group=None,
            calibration=calibrated(real.calibration, made=len(names[-1]) if len(parts) > 1 else 0),
        )
        table = row_table(real, synthetic, group_key=group_key({"train": real}))
        return cls(joined, table, about or About("dataset", "Dataset"))

    @cached_property
    def is_synthetic(self) -> npt.NDArray[np.bool_]:
        """Which rows are synthetic (N,)."""
        return np.asarray(self.rows["source"] == "synthetic", dtype=np.bool_)

    def counts(self, source: str) -> dict[str, int]:
        """Return the number of rows of each class, "real" or "synthetic" ones, in label order."""
        labels = self.samples.y[np.asarray(self.rows["source"] == source)]
        found = np.bincount(labels, minlength=self.samples.n_classes)
        return {name: int(n) for name, n in zip(self.samples.classes, found, strict=True)}


def check_alike(parts: Sequence[Samples]) -> None:
    """Refuse samples that differ in classes, units or form.

    Raises:
        DataError: naming what differs.
    """
    first = parts[0]
    for other in parts[1:]:
        for what, real, made in (
            ("classes", first.classes, other.classes),
            ("value range", first.value_range, other.value_range),
            ("form", first.row_form, other.row_form),
        ):
            if real != made:
                raise DataError(
                    f"real and synthetic {first.kind.plural} must share their {what}, got {real} and {made}"
                )


def group_key(parts: Mapping[str, Samples]) -> str:
    """Return the key of the groups' pseudonyms: a digest of all samples of these parts with their groups."""
    return sha256_bytes(*(parts[name].digest.encode() for name in PARTS if name in parts))


def calibrated(real: Calibration | None, *, made: int) -> Calibration | None:
    """Return the calibration of real rows, then ``made`` synthetic ones, which have what is typical."""
    if real is None or not made:
        return real
    return joined([real, real.typical().take(np.zeros(made, dtype=np.int64))])


def row_names(source: str, count: int) -> npt.NDArray[np.str_]:
    """Return "<source>-000000", "<source>-000001", ..."""
    return np.array([f"{source}-{number:06d}" for number in range(count)], dtype=np.str_)


def row_table(train: Samples, synthetic: SyntheticSet | None, *, group_key: str) -> pd.DataFrame:
    """Return what is said of each row; see :attr:`Expanded.rows`.

    Args:
        train: the real rows.
        synthetic: its kept rows follow; None for none.
        group_key: key of the groups' pseudonyms.
    """
    kept = train.take([]) if synthetic is None else synthetic.kept_samples
    labels = np.concatenate([train.y, kept.y])
    table = pd.DataFrame(
        {
            "label": labels,
            "class": [train.classes[label] for label in labels],
            "source": ["real"] * len(train) + ["synthetic"] * len(kept),
            "original_id": [*map(str, train.ids), *map(str, kept.ids)],
        }
    )
    rows = pd.DataFrame({name: pd.Series(dtype=object) for name in PROVENANCE})
    if synthetic is not None:
        rows = synthetic.provenance.loc[synthetic.kept].reset_index(drop=True)
    # Int64 has missing values; int64 would turn to floats beside the real rows, and lose digits.
    rows = rows.astype({name: "Int64" for name in rows.columns if pd.api.types.is_integer_dtype(rows[name])})
    rows.index += len(train)
    grouped = train.group is not None
    if train.group is not None:
        names = pseudonyms([str(group) for group in train.group], group_key)
        table["group"] = [*names, *([""] * len(kept))]
    table = table.join(rows)
    first = ["label", "class", "source", "original_id", *PROVENANCE, *(["group"] if grouped else [])]
    return table[[*first, *(name for name in rows.columns if name not in PROVENANCE)]]
