"""A dataset folder of Hugging Face: Parquet with typed columns, and a dataset card.

``datasets.load_dataset(folder)`` reads it. The types (``ClassLabel``, ``Image``, ``Array4D``) stand in the
schema's metadata under the key "huggingface", where that library looks for them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from augmentor.data.expanded import Expanded
from augmentor.data.export_spec import ExportOptions
from augmentor.data.writers.export import safe_name
from augmentor.data.writers.formats.base import as_picture, encoded, shared_rows, write_card

FILE = "data/train-00000-of-00001.parquet"
ROW_GROUP = 100
SIZES = ((1000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def write(folder: Path, data: Expanded, options: ExportOptions) -> None:
    """Write the Parquet file and the card."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = shared_rows(data).drop(columns=["class", "label"])
    features: dict[str, Any] = {
        "image" if as_picture(data.samples) else "array": _feature(data),
        "label": {"names": list(data.samples.classes), "_type": "ClassLabel"},
        "is_synthetic": {"dtype": "bool", "_type": "Value"},
        **{str(name): {"dtype": _dtype(column), "_type": "Value"} for name, column in rows.items()},
    }
    types = [_arrow_type(feature) for feature in features.values()]
    schema = pa.schema(list(zip(features, types, strict=True))).with_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )
    (folder / "data").mkdir()
    with pq.ParquetWriter(folder / FILE, schema) as writer:
        for start in range(0, len(rows), ROW_GROUP):
            part = slice(start, start + ROW_GROUP)
            columns = [
                _cells(data, part),
                pa.array(data.samples.y[part]),
                pa.array(data.is_synthetic[part]),
                *(pa.array(column[part], from_pandas=True) for _, column in rows.items()),
            ]
            cast = [column.cast(kind) for column, kind in zip(columns, types, strict=True)]
            writer.write_table(pa.Table.from_arrays(cast, schema=schema))
    write_card(folder, data, 0.0, front=_front(data), files=_files(data))


def _feature(data: Expanded) -> dict[str, Any]:
    if as_picture(data.samples):
        return {"_type": "Image"}
    shape = list(data.samples.shape)
    return {"shape": shape, "dtype": str(data.samples.array.dtype), "_type": f"Array{len(shape)}D"}


def _dtype(column: pd.Series[Any]) -> str:
    if pd.api.types.is_integer_dtype(column):
        return "int64"
    return "float64" if pd.api.types.is_float_dtype(column) else "string"


def _arrow_type(feature: dict[str, Any]) -> Any:  # noqa: ANN401 - pyarrow has no types
    import pyarrow as pa

    if feature["_type"] == "Image":
        return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    if feature["_type"] == "ClassLabel":
        return pa.int64()
    kind = pa.type_for_alias(feature["dtype"])
    for _ in feature.get("shape", ()):
        kind = pa.list_(kind)
    return kind


def _cells(data: Expanded, part: slice) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return the samples of these rows: pictures as bytes with their names, else nested lists."""
    import pyarrow as pa

    samples = data.samples
    rows = range(*part.indices(len(samples)))
    if as_picture(samples):
        return pa.array([{"bytes": encoded(samples, row), "path": f"{samples.ids[row]}.png"} for row in rows])
    return _nested(samples.array[part])


def _nested(x: npt.NDArray[Any]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return (N, *S) as N lists of lists."""
    import pyarrow as pa

    made = pa.array(np.ascontiguousarray(x).reshape(-1))
    for axis in range(x.ndim - 1, 0, -1):
        groups = int(np.prod(x.shape[:axis]))
        made = pa.ListArray.from_arrays(np.arange(groups + 1, dtype=np.int32) * x.shape[axis], made)
    return made


def _front(data: Expanded) -> str:
    """Return the card's YAML: licence, task, size, tags and where the split lies."""
    image = data.samples.kind.name == "image"
    size = next((name for bound, name in SIZES if len(data.samples) < bound), "n>1M")
    fields: dict[str, Any] = {
        "pretty_name": f"{data.about.title}, expanded",
        "license": "other",
        "license_name": safe_name(data.about.licence or "unknown").lower().replace(" ", "-"),
        "task_categories": ["image-classification"] if image else ["other"],
        "size_categories": [size],
        "tags": ["synthetic", "gan-augmentor", data.samples.kind.name],
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*.parquet"}]}
        ],
    }
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)


def _files(data: Expanded) -> str:
    column = "`image`" if as_picture(data.samples) else "`array`"
    return (
        f"`{FILE}`: {column}, `label` (a ClassLabel with the names of the classes), `is_synthetic`, and "
        f"for each "
        "synthetic row its `synthesizer` (SHA-256), `seed` and the scores of the filters. "
        '`datasets.load_dataset("path/of/this/folder")` reads it.'
    )
