"""A modality made in the tests alone: rows of a table, which the package knows nothing of.

Everything a modality owns is here: codec, reader, writer, classical augmentation, the view in which copies
are searched, and pictures for the report. Numbers become one channel, a text column one channel for each of
its values, so a row is a sample (C, 1) to the networks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from augmentor.core.errors import DataError
from augmentor.core.kinds import Kind
from augmentor.core.progress import Progress
from augmentor.core.samples import FloatArray, IntArray, Samples, Values
from augmentor.data.loaded import Layout, Loaded, Originals
from augmentor.data.readers.foreign import Foreign, match_classes, unjudged
from augmentor.data.readers.table import Reading
from augmentor.data.writers.export import Writer
from augmentor.modalities.base import Augment, Bound, Grid, Modality, Preview
from augmentor.modalities.policies import Policy, transforms

ROW = Kind("row", "rows", "value")
LABEL = "label"


@dataclass(frozen=True)
class Column:
    """A column: its lowest and highest training number, or its texts."""

    name: str
    low: float = 0.0
    high: float = 1.0
    texts: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return len(self.texts) or 1

    def encode(self, values: pd.Series) -> npt.NDArray[np.float64]:
        if self.texts:
            return 2.0 * (values.to_numpy(dtype=object)[:, None] == np.array(self.texts, dtype=object)) - 1
        span = self.high - self.low or 1.0
        scaled = 2 * (values.to_numpy(dtype=np.float64) - self.low) / span - 1
        return np.clip(scaled, -1, 1)[:, None]

    def decode(self, z: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
        if self.texts:
            return np.array(self.texts, dtype=object)[z.argmax(axis=1)]
        return (np.clip(z[:, 0], -1, 1) + 1) / 2 * (self.high - self.low) + self.low


@dataclass(frozen=True)
class RowCodec:
    """Columns side by side as channels."""

    columns: tuple[Column, ...]

    kind: ClassVar[Kind] = ROW
    window: ClassVar[tuple[Bound, Bound]] = (-1.0, 1.0)

    @property
    def shape(self) -> tuple[int, ...]:
        return (sum(column.width for column in self.columns), 1)

    def pack(self, x: Values) -> npt.NDArray[Any]:
        return self.encode(x)

    def encode(self, x: Values) -> Grid:
        if isinstance(x, np.ndarray):
            return np.clip(x, -1, 1).astype(np.float32)
        if list(x.columns) != [column.name for column in self.columns]:
            raise DataError(f"rows have the columns {list(x.columns)}, not those of the training part")
        blocks = [column.encode(x[column.name]) for column in self.columns]
        return np.concatenate(blocks, axis=1)[:, :, None].astype(np.float32)

    def decode(self, z: npt.NDArray[Any]) -> Values:
        if not np.isfinite(z).all():
            raise DataError("rows to decode hold values that are not finite")
        edges = np.cumsum([0, *(column.width for column in self.columns)])
        parts = zip(self.columns, edges, edges[1:], strict=False)
        flat = z[:, :, 0].astype(np.float64)
        return pd.DataFrame({column.name: column.decode(flat[:, a:b]) for column, a, b in parts})

    def to_json(self) -> str:
        return json.dumps({"codec": ROW.name, "columns": [vars(column) for column in self.columns]})


class RowWriter:
    """Writes all rows into one CSV file."""

    def check(self, train: Samples) -> None:
        if LABEL in train.x:
            raise DataError(f"a column is called {LABEL}")

    def places(self, train: Samples, kept: Samples, folders: Sequence[str]) -> list[str]:
        return ["train/rows.csv"] * (len(train) + len(kept))

    def write(
        self,
        folder: Path,
        train: Samples,
        kept: Samples,
        table: pd.DataFrame,
        *,
        folders: Sequence[str],
        archive: str | None,
    ) -> None:
        (folder / "train").mkdir()
        rows = pd.concat([train.x, kept.x], ignore_index=True)
        rows.assign(**{LABEL: table["class"], "source": table["source"]}).to_csv(
            folder / "train" / "rows.csv", index=False
        )

    def describe(self, train: Samples) -> str:
        return f"`train/rows.csv` holds {', '.join(map(str, train.x.columns))} and the label."


@dataclass(frozen=True)
class RowModality(Modality):
    """Rows of numbers and texts."""

    kind: Kind = ROW
    lacking: tuple[str, ...] = tuple(name for name in transforms() if name != "noise")
    writer: ClassVar[Writer] = RowWriter()
    classifier: ClassVar[str] = "mlp"

    def fit_codec(self, train: Samples) -> RowCodec:
        columns = []
        for name, values in train.x.items():
            if pd.api.types.is_numeric_dtype(values):
                columns.append(Column(str(name), float(values.min()), float(values.max())))
            else:
                columns.append(Column(str(name), texts=tuple(sorted(map(str, values.unique())))))
        return RowCodec(tuple(columns))

    def load_codec(self, values: Mapping[str, Any]) -> RowCodec:
        return RowCodec(tuple(Column(**{**one, "texts": tuple(one["texts"])}) for one in values["columns"]))

    def changer(self, policy: Policy) -> Augment:
        rng = np.random.default_rng(0)

        def change(x: Grid, seed: int) -> Grid:
            nonlocal rng
            rng = np.random.default_rng(seed) if seed >= 0 else rng
            noise = rng.normal(0, rng.uniform(0, policy.noise), x.shape)
            return np.clip(x + noise, 0, 1).astype(np.float32)

        return change

    def copy_view(self, encoded: Grid) -> Grid:
        return encoded[:, :, 0]

    def copy_vectors(self, view: Grid) -> Grid:
        return view

    def nearest(
        self,
        queries: Grid,
        train: Grid,
        *,
        exclude: tuple[IntArray, IntArray] | None = None,
        mirror: bool = True,
    ) -> tuple[FloatArray, IntArray]:
        distance = np.sqrt(((queries[:, None] - train[None]) ** 2).sum(axis=2)).astype(np.float64)
        if exclude is not None:
            distance[exclude[0][:, None] == exclude[1][None, :]] = np.inf
        return distance.min(axis=1), distance.argmin(axis=1)

    def preview(self, train: Samples) -> Preview:
        codec = self.fit_codec(train)

        def paint(x: Values) -> npt.NDArray[np.uint8]:
            grey = np.rint((codec.encode(x)[:, :, 0] + 1) * 127.5).astype(np.uint8)
            return grey.repeat(8, axis=1)[:, None, :, None].repeat(8, axis=1)

        return Preview(paint, note="Each is a strip with a cell for each value, dark for low ones.")

    def read_synthetic(
        self, source: Path, like: Samples, *, layout: Layout, digest: str, progress: Progress
    ) -> Foreign:
        table = pd.read_csv(source, dtype={LABEL: str})
        labels = match_classes(sorted(set(table[LABEL])), like.classes, str(source))
        samples = Samples(
            x=table[list(like.x.columns)],
            y=table[LABEL].map(labels).to_numpy(np.int64),
            classes=like.classes,
            ids=np.array([f"made-{row}" for row in range(len(table))]),
            kind=ROW,
        )
        return Foreign(unjudged(samples, [{}] * len(samples), digest), "csv", (), ())


def read_rows(path: Path, told: Reading) -> Loaded:
    """Read a CSV file with a header, one row a sample, its class in the column ``label``."""
    table = pd.read_csv(path, dtype={LABEL: str})
    classes = tuple(sorted(set(table[LABEL])))
    x = table.drop(columns=LABEL)
    part = Samples(
        x=x,
        y=table[LABEL].map({name: label for label, name in enumerate(classes)}).to_numpy(np.int64),
        classes=classes,
        ids=np.array([f"all/{row}" for row in range(len(table))]),
        kind=ROW,
    )
    return Loaded(
        name=told.name,
        card=told.card,
        parts={"all": part},
        layout="csv",
        originals=Originals.uniform(len(part), sides=(x.shape[1],), channels=1, bits=64),
    )
