"""Tables that name pictures: CSV, TSV, parquet, JSON lines, and the JSON lists of MONAI and the Decathlon."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from augmentor.core.cells import plain_cell
from augmentor.core.errors import DataError
from augmentor.data.readers.places import Root, opened
from augmentor.data.readers.split_names import part_of

MAX_TABLE_BYTES = 512 * 2**20
"""A table of more bytes is refused: names and labels of millions of pictures need less."""
SPLIT = "split"
_SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    Attributes:
        frame: every cell as text, empty where there is none.
        names: class names by what the label column holds, where the table lists them apart.
    """

    frame: pd.DataFrame
    names: Mapping[str, str] = field(default_factory=dict)


def read_table(root: Root, name: str) -> Table:
    """Read the table ``name`` below ``root``.

    Raises:
        DataError: if it cannot be read, has no rows, or two columns of one name.
    """
    where = f"{root}/{name}"
    try:
        with opened(root, name) as handle:
            data = handle.read(MAX_TABLE_BYTES + 1)
    except OSError as error:
        raise DataError(f"{where} cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_TABLE_BYTES:
        raise DataError(f"{where} has more than {MAX_TABLE_BYTES >> 20} MiB; leave only the columns needed")
    suffix = name.lower().rpartition(".")[2]
    table = _READ[suffix](data, where)
    columns = [str(column) for column in table.frame.columns]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise DataError(f"{where} has several columns called {twice[0]!r}; give each a name of its own")
    if not len(table.frame):
        raise DataError(f"{where} has no row below its header; each row names a picture")
    return table


def _separated(data: bytes, where: str) -> Table:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where} is not UTF-8 ({error.reason}); save it as CSV (UTF-8)") from error
    if "\0" in text:
        raise DataError(f"{where} holds zero bytes and is no CSV table; save it as CSV (UTF-8)")
    head = text.lstrip().partition("\n")[0]
    separator = max(_SEPARATORS, key=head.count)
    try:
        rows = pd.read_csv(
            io.StringIO(text), sep=separator, header=None, dtype=str, keep_default_na=False, engine="c"
        )
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{where} is no whole table: {' '.join(str(error).split())}") from error
    frame = rows.iloc[1:].reset_index(drop=True)
    frame.columns = pd.Index([plain_cell(str(cell).strip()) for cell in rows.iloc[0]])
    return Table(frame.map(str.strip).map(plain_cell))


def _parquet(data: bytes, where: str) -> Table:
    import pyarrow
    import pyarrow.parquet

    try:
        read = pyarrow.parquet.read_table(io.BytesIO(data))
        nested = [field.name for field in read.schema if pyarrow.types.is_nested(field.type)]
        rows = read.drop_columns(nested).to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError) as error:  # ValueError: text that is no UTF-8
        raise DataError(f"{where} is no whole parquet file: {' '.join(str(error).split())[:200]}") from error
    inside = [name for name in nested if _holds_bytes(read.schema.field(name).type)]
    if inside:
        raise DataError(
            f"{where} holds the pictures themselves in the column {inside[0]!r}; write them as files "
            "(of a Hugging Face data set with `image.save`), and a table with their paths and labels"
        )
    return _of_records(rows, where)


def _holds_bytes(kind: Any) -> bool:  # noqa: ANN401 - a type of pyarrow, which has no stubs
    import pyarrow

    return pyarrow.types.is_struct(kind) and any(
        pyarrow.types.is_binary(kind.field(at).type) or pyarrow.types.is_large_binary(kind.field(at).type)
        for at in range(kind.num_fields)
    )


def _json_lines(data: bytes, where: str) -> Table:
    records = []
    for number, line in enumerate(data.splitlines(), start=1):
        if line.strip():
            records.append(_object(_json(line, f"{where}, line {number}"), f"{where}, line {number}"))
    return _of_records(records, where)


def _json_list(data: bytes, where: str) -> Table:
    """Read a list of objects, or lists of them by part, as MONAI and the Decathlon write them."""
    value = _json(data, where)
    if isinstance(value, list):
        return _of_records([_object(item, where) for item in value], where)
    if not isinstance(value, dict):
        raise DataError(f"{where} holds neither a list of samples nor lists of them by part")
    parts = {key: part_of(key) for key, items in value.items() if isinstance(items, list) and part_of(key)}
    if not parts:
        raise DataError(
            f"{where} has the keys {sorted(map(str, value))[:10]} and no list of samples; MONAI and the "
            'Decathlon write {"training": [{"image": "a.png", "label": 0}, ...], "test": [...]}'
        )
    records = [
        {**({"image": item} if isinstance(item, str) else _object(item, f"{where}, {key}")), SPLIT: part}
        for key, part in parts.items()
        for item in value[key]
    ]
    return Table(_of_records(records, where).frame, _names(value.get("labels", value.get("classes"))))


def _names(listed: object) -> dict[str, str]:
    """Return class names by label: the Decathlon's {"0": "normal"}, or a list of them."""
    pairs = (
        enumerate(listed) if isinstance(listed, list) else listed.items() if isinstance(listed, dict) else ()
    )
    names = {str(label): name for label, name in pairs}
    return names if all(isinstance(name, str) for name in names.values()) else {}


def _json(data: bytes, where: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise DataError(f"{where} is no JSON that can be read: {said[:200]}") from error


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f'{where}: a sample is an object such as {{"image": "a.png", "label": 0}}')
    return value


def _of_records(records: Sequence[Mapping[str, Any]], where: str) -> Table:
    columns = list(dict.fromkeys(str(key) for record in records for key in record))
    if not columns:
        raise DataError(f"{where} names no picture")
    rows = [[_text(record.get(column)) for column in columns] for record in records]
    return Table(pd.DataFrame(rows, columns=pd.Index(columns), dtype=str))


def _text(value: object) -> str:
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


_READ = {
    "csv": _separated,
    "tsv": _separated,
    "parquet": _parquet,
    "jsonl": _json_lines,
    "json": _json_list,
}
