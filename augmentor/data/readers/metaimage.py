"""MetaImage files: .mha, and .mhd with its values in a file beside it.

A head of ``Key = Value`` lines and bare values: read here rather than by ITK, which is larger than all
other readers together and reserves memory for whatever the head says before it looks at the values.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from augmentor.core.kinds import IMAGE, VOLUME
from augmentor.data.readers.scan import (
    Scan,
    ScanHead,
    Sibling,
    Stack,
    UnreadableScan,
    check_bytes,
    inflated,
    one_stack,
)

LONGEST_HEAD: Final = 64 * 1024
TYPES: Final = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
WAYS: Final[tuple[Stack, ...]] = ("frames", "first", "channels")


@dataclass(frozen=True)
class MetaHead:
    """The head of a MetaImage.

    Attributes:
        fields: every line by its key.
        end: where the values begin in the same file.
        shape: (x, y[, z[, t]]) as the head gives it.
        dtype: of the values as stored.
        channels: values of one cell.
    """

    fields: dict[str, str]
    end: int
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    channels: int

    @property
    def n_bytes(self) -> int:
        """Bytes of all values."""
        return math.prod(self.shape) * self.channels * self.dtype.itemsize


def head_of_metaimage(data: bytes, stack: Stack | None) -> ScanHead:
    """Return what the head says.

    Raises:
        UnreadableScan: if it cannot be used.
    """
    head = _head(data)
    frames = head.shape[3] if len(head.shape) > 3 else 1
    way = one_stack(stack, frames, f"{frames} volumes", WAYS) if frames > 1 else None
    sides = head.shape[:3][::-1]
    kind = VOLUME if len(sides) == 3 and sides[0] > 1 else IMAGE
    sides = sides if kind == VOLUME else sides[-2:]
    spacing = _spacing(head)
    return ScanHead(
        kind,
        sides,
        frames if way == "frames" else 1,
        spacing=None if spacing is None else spacing[-len(sides) :],
    )


def read_metaimage(data: bytes, stack: Stack | None, sibling: Sibling | None = None) -> list[Scan]:
    """Return the samples of a MetaImage; values of .mhd come from ``sibling``.

    Raises:
        UnreadableScan: if it cannot be used.
    """
    head = _head(data)
    values = _values(head, data, sibling)
    order = values.reshape(*head.shape[::-1], head.channels)  # (t, z, y, x, channels)
    if order.ndim == 3:
        order = order[None]
    frames = order if order.ndim == 5 else order[None]
    x = np.moveaxis(frames, -1, 1)  # (t, channels, z, y, x)
    if len(x) > 1:
        way = one_stack(stack, len(x), f"{len(x)} volumes", WAYS)
        x = x[:1] if way == "first" else x if way == "frames" else _as_channels(x)
    spacing, axes = _spacing(head), _axes(head)
    flat = x.shape[2] == 1
    return [
        Scan(
            kind=IMAGE if flat else VOLUME,
            x=one[:, 0] if flat else one,
            spacing=None if spacing is None else spacing[-2 if flat else -3 :],
            axes=None if flat else axes,
            bounds=_bounds(head.dtype),
            units="HU" if "CT" in head.fields.get("Modality", "") else "",
        )
        for one in x
    ]


def _as_channels(x: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    if x.shape[1] > 1:
        raise UnreadableScan("it holds several volumes of several channels each; write each as a file")
    return x[None, :, 0]


def _head(data: bytes) -> MetaHead:
    fields: dict[str, str] = {}
    place = 0
    while "ElementDataFile" not in fields:
        end = data.find(b"\n", place, LONGEST_HEAD)
        if end < 0:
            raise UnreadableScan("it has no MetaImage head that ends with ElementDataFile")
        line = data[place:end].decode("latin-1").strip()
        place = end + 1
        if not line:
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise UnreadableScan("its MetaImage head holds a line without '='")
        fields[key.strip()] = value.strip()
    return _checked(fields, place)


def _checked(fields: dict[str, str], end: int) -> MetaHead:
    kind = fields.get("ElementType", "")
    if kind.removesuffix("_ARRAY") not in TYPES:
        raise UnreadableScan(f"its ElementType is {kind[:40]!r}; {', '.join(TYPES)} are read")
    order = ">" if _true(fields, "BinaryDataByteOrderMSB") or _true(fields, "ElementByteOrderMSB") else "<"
    shape = tuple(_whole(fields, "DimSize"))
    channels = (_whole(fields, "ElementNumberOfChannels") or [1])[0]
    if not 2 <= len(shape) <= 4 or min(shape) < 1 or not 1 <= channels <= 4:
        raise UnreadableScan(
            f"its DimSize is {list(shape)[:8]} with {channels} channels; 2 to 4 axes and 1 to 4 channels "
            "are read"
        )
    head = MetaHead(fields, end, shape, np.dtype(order + TYPES[kind.removesuffix("_ARRAY")]), channels)
    check_bytes(head.n_bytes, "its values")
    return head


def _values(head: MetaHead, data: bytes, sibling: Sibling | None) -> npt.NDArray[np.generic]:
    where = head.fields["ElementDataFile"]
    if where.upper() == "LOCAL":
        body = data[head.end :]
    elif "/" in where or "\\" in where or where.upper().startswith("LIST") or "%" in where or ".." in where:
        raise UnreadableScan(
            "its values lie in several files or in another folder; write it as one .mha file"
        )
    elif sibling is None:
        raise UnreadableScan("its values lie in a file beside it, which is not at hand; write it as .mha")
    else:
        try:
            body = sibling(where)
        except OSError as error:
            raise UnreadableScan(
                f"its values are said to lie in {where[:80]!r} beside it, which cannot be read"
            ) from error
    if _true(head.fields, "CompressedData"):
        body = inflated(body, head.n_bytes)
    elif not _true(head.fields, "BinaryData", default=True):
        raise UnreadableScan("its values are written as text; write it as binary .mha")
    else:
        skip = (_whole(head.fields, "HeaderSize") or [0])[0]
        body = body[len(body) - head.n_bytes if skip < 0 else skip :]
    if len(body) < head.n_bytes:
        raise UnreadableScan(
            f"the file is cut off: it holds {len(body):,} of {head.n_bytes:,} bytes of values"
        )
    return np.frombuffer(body[: head.n_bytes], dtype=head.dtype).astype(head.dtype.newbyteorder("="))


def _bounds(dtype: np.dtype[np.generic]) -> tuple[float, float] | None:
    if dtype.kind == "u" and dtype.itemsize <= 2:
        return 0.0, float(2 ** (8 * dtype.itemsize) - 1)
    return None


def _true(fields: dict[str, str], key: str, *, default: bool = False) -> bool:
    return fields.get(key, str(default)).lower() == "true"


def _whole(fields: dict[str, str], key: str) -> list[int]:
    try:
        values = [int(part) for part in fields.get(key, "").split()]
    except ValueError as error:
        raise UnreadableScan(f"its {key} holds no whole numbers") from error
    if any(abs(value) > sys.maxsize for value in values):
        raise UnreadableScan(f"its {key} holds a number that no file can have")
    return values


def _numbers(fields: dict[str, str], *keys: str) -> list[float]:
    for key in keys:
        if key in fields:
            try:
                return [float(part) for part in fields[key].split()]
            except ValueError as error:
                raise UnreadableScan(f"its {key} holds no numbers") from error
    return []


def _spacing(head: MetaHead) -> tuple[float, ...] | None:
    given = _numbers(head.fields, "ElementSpacing", "ElementSize")[: min(len(head.shape), 3)]
    if len(given) < min(len(head.shape), 3) or not all(0 < value < 1e4 for value in given):
        return None
    return tuple(given[::-1])


def _axes(head: MetaHead) -> npt.NDArray[np.float64] | None:
    given = _numbers(head.fields, "TransformMatrix", "Rotation", "Orientation")
    if len(head.shape) != 3 or len(given) != 9:
        return None
    rows = np.array(given).reshape(3, 3)  # row by row the directions of x, y and z, in LPS as ITK has it
    lengths = np.linalg.norm(rows, axis=1)
    if not np.isfinite(rows).all() or not (lengths > 0.5).all():
        return None
    axes: npt.NDArray[np.float64] = (rows / lengths[:, None])[::-1]
    return axes
