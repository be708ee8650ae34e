"""What a form of an expanded dataset is, and what all forms share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from augmentor.core.cells import guarded_table
from augmentor.core.samples import Samples
from augmentor.data.expanded import Expanded
from augmentor.data.export_spec import ExportOptions
from augmentor.data.writers.arrays import npy
from augmentor.data.writers.card import counts, heading, source
from augmentor.data.writers.images import png

ARTIFICIAL = "synthetic: made by a generative model, shows no real case"
"""What every form says of a synthetic row."""


@dataclass(frozen=True)
class Format:
    """A form of an expanded dataset; a row of :data:`augmentor.data.writers.formats.table.FORMATS`.

    Attributes:
        title: for people.
        write: writes the rows into a folder that exists and is empty.
        kinds: names of the kinds of samples that it holds.
        error: samples to the largest difference, in their units, between a value and what is read back.
        options: fields of :class:`ExportOptions` that it reads.
        packages: names that must be importable.
        extra: of this package, which installs them.
    """

    title: str
    write: Callable[[Path, Expanded, ExportOptions], None]
    kinds: tuple[str, ...]
    error: Callable[[Samples], float]
    options: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    extra: str = ""


def exact(samples: Samples) -> float:
    """Return 0: values come back as they are."""
    return 0.0


def bounds(samples: Samples) -> tuple[float, float]:
    """Return the values that the samples may take."""
    assert samples.value_range is not None  # Samples of arrays have one
    return samples.value_range


def as_picture(samples: Samples) -> bool:
    """Return whether a PNG that common readers understand holds the samples as they are.

    8 bits in grey or colour, 16 bits in grey; of 16 bits in colour Pillow keeps 8.
    """
    x = samples.array
    if samples.kind.name != "image":
        return False
    return (x.dtype == np.uint8 and x.shape[1] in (1, 3)) or (x.dtype == np.uint16 and x.shape[1] == 1)


def encoded(samples: Samples, row: int) -> bytes:
    """Return one sample as a PNG where that holds it exactly, else as a .npy file (C, *S)."""
    x = samples.array[row]
    if as_picture(samples):
        return png(x, (0, float(np.iinfo(x.dtype).max)))
    return npy(x)


def ending(samples: Samples) -> str:
    """Return the ending of the files that :func:`encoded` gives."""
    return "png" if as_picture(samples) else "npy"


def shared_rows(data: Expanded) -> pd.DataFrame:
    """Return what leaves of each row: all but the ids of real rows, which can name a patient or a file."""
    rows = data.rows.copy()
    rows["original_id"] = rows["original_id"].where(data.is_synthetic, "")
    rows.insert(0, "name", data.samples.ids)
    return rows


def row_facts(data: Expanded) -> list[dict[str, str | int | float]]:
    """Return :func:`shared_rows` as JSON values, one dictionary a row, without what has no meaning there."""
    facts = []
    for row in shared_rows(data).to_dict("records"):
        known = {str(name): value for name, value in row.items() if not pd.isna(value) and value != ""}
        facts.append({name: v.item() if isinstance(v, np.generic) else v for name, v in known.items()})
    return facts


def write_table(
    path: Path,
    data: Expanded,
    places: list[str],
    *,
    hexadecimal: bool = False,
    more: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Write metadata.csv: the file of each row, then :func:`shared_rows`, then ``more`` columns.

    Seeds have up to 63 bits and real rows none, which makes readers that guess take the column for floats and
    lose digits; where it is read so, they are ``hexadecimal``, "0x3f".
    """
    table = shared_rows(data).drop(columns="name")
    if hexadecimal:
        table["seed"] = ["" if pd.isna(seed) else hex(seed) for seed in table["seed"]]
    table.insert(0, "file_name", places)
    guarded_table(table.assign(**(more or {}))).to_csv(path, index=False)


def write_card(folder: Path, data: Expanded, error: float, *, files: str, front: str = "") -> None:
    """Write README.md: what the dataset is, its counts, source, values and files.

    Args:
        folder: to write into.
        data: the rows.
        error: largest difference between a value and what is read back.
        files: a paragraph of Markdown on what lies where.
        front: YAML to put before it.
    """
    samples, made = data.samples, int(data.is_synthetic.sum())
    low, high = bounds(samples)
    kept = "as they are" if error == 0 else f"to within {error:.4g}"
    lines = [
        *(["---", front.rstrip(), "---", ""] if front else []),
        *heading(samples.kind, len(data.samples) - made, made, data.about),
        *counts(data.counts("real"), data.counts("synthetic")),
        *source(samples.kind, data.about),
        *("", "## Values", ""),
        f"Each {samples.kind.name} has the shape {samples.shape} (channels first) and the type "
        f"{samples.array.dtype}, in the data's own units, {low:g} to {high:g}; values are kept {kept}.",
        *("", "## Files", "", files, ""),
    ]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")
