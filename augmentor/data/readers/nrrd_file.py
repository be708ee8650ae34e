"""NRRD files with their values inside, by pynrrd; the values are inflated with a bound."""

from __future__ import annotations

import bz2
import io
import math
import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from augmentor.core.kinds import IMAGE, VOLUME
from augmentor.data.readers.scan import (
    Scan,
    ScanHead,
    Stack,
    UnreadableScan,
    Untyped,
    check_bytes,
    inflated,
    needed,
    one_stack,
)

LONGEST_HEAD: Final = 64 * 1024
WAYS: Final[tuple[Stack, ...]] = ("frames", "first", "channels")
COLOURS: Final = {"rgb-color": 3, "vector": 0, "list": 0, "point": 0}
LPS: Final = {
    "left-posterior-superior": (1, 1),
    "lps": (1, 1),
    "right-anterior-superior": (-1, -1),
    "ras": (-1, -1),
    "left-anterior-superior": (1, -1),
    "las": (1, -1),
}
"""The signs that turn the first two coordinates of a NRRD space into left and posterior."""


def head_of_nrrd(data: bytes, stack: Stack | None) -> ScanHead:
    """Return what the head says.

    Raises:
        UnreadableScan: if it cannot be used.
    """
    _, header, _ = _head(data)
    cells, channels, frames = _cells(header)
    way = one_stack(stack, frames, f"{frames} volumes", WAYS) if frames > 1 else None
    sides = cells[::-1]
    kind = VOLUME if len(sides) == 3 and sides[0] > 1 else IMAGE
    sides = sides if kind == VOLUME else sides[-2:]
    spacing = _geometry(header, channels)[0]
    return ScanHead(
        kind,
        sides,
        frames if way == "frames" else 1,
        spacing=None if spacing is None else spacing[-len(sides) :],
    )


def read_nrrd(data: bytes, stack: Stack | None) -> list[Scan]:
    """Return the samples of a NRRD file.

    Raises:
        UnreadableScan: if it cannot be used.
    """
    dtype, header, body = _head(data)
    cells, channels, frames = _cells(header)
    sizes = [int(side) for side in header["sizes"]]
    values = _values(header, body, dtype, math.prod(sizes)).reshape(sizes, order="F")
    if channels > 1 and _channel_axis(header) == 0:
        values = np.moveaxis(values, 0, -1)
    x = values.reshape(*(cells if len(cells) == 3 else (*cells, 1)), frames, channels)
    x = np.transpose(x, (3, 4, 2, 1, 0))  # (x, y, z, t, channels) to (t, channels, z, y, x)
    if frames > 1:
        way = one_stack(stack, frames, f"{frames} volumes", WAYS)
        x = x[:1] if way == "first" else x if way == "frames" else x.reshape(1, -1, *x.shape[2:])
        if x.shape[1] > 4:
            raise UnreadableScan(f"it holds {frames} volumes, and samples have at most 4 channels")
    spacing, axes = _geometry(header, channels)
    flat = x.shape[2] == 1
    return [
        Scan(
            kind=IMAGE if flat else VOLUME,
            x=one[:, 0] if flat else one,
            spacing=None if spacing is None else spacing[-2 if flat else -3 :],
            axes=None if flat else axes,
            bounds=(0.0, float(np.iinfo(dtype).max)) if dtype.kind == "u" and dtype.itemsize <= 2 else None,
        )
        for one in x
    ]


def _head(data: bytes) -> tuple[np.dtype[Any], Untyped, bytes]:
    nrrd = needed("nrrd", "pynrrd", "a NRRD file")
    if not data.startswith(b"NRRD"):
        raise UnreadableScan("the content is no NRRD file (it does not begin with NRRD)")
    ends = [
        place + len(gap) for gap in (b"\n\n", b"\r\n\r\n") if (place := data.find(gap, 0, LONGEST_HEAD)) > 0
    ]
    # A head without an empty line has its values in another file, or is cut off.
    if not ends:
        raise UnreadableScan("its values lie in another file, or it is cut off; write it as one .nrrd file")
    end = min(ends)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = nrrd.read_header(io.BytesIO(data[:end]))
            kind = np.dtype(nrrd.reader._TYPEMAP_NRRD2NUMPY[header["type"]])
        if "data file" in header or "datafile" in header:
            raise UnreadableScan("its values lie in another file; write it as one .nrrd file")
        sizes = [int(side) for side in header["sizes"]]
        if not 2 <= len(sizes) <= 4 or min(sizes) < 1 or len(sizes) != int(header["dimension"]):
            raise UnreadableScan(f"its head says that it has {sizes[:8]} cells; 2 to 4 axes are read")
    except UnreadableScan:
        raise
    except Exception as error:  # pynrrd raises almost anything on damaged heads
        raise UnreadableScan(f"its head is damaged ({' '.join(str(error).split())[:120]})") from error
    if kind.kind not in "iuf":
        raise UnreadableScan(f"its values have the type {header['type']}, which is not read")
    check_bytes(math.prod(sizes) * kind.itemsize, "its values")
    order = ">" if header.get("endian") == "big" else "<"
    return kind.newbyteorder(order), header, data[end:]


def _values(header: Untyped, body: bytes, dtype: np.dtype[Any], n: int) -> npt.NDArray[Any]:
    expected = n * dtype.itemsize
    encoding = str(header.get("encoding", "")).lower()
    skip, lines = int(header.get("byte skip", header.get("byteskip", 0))), header.get("line skip", 0)
    if int(lines) or skip < -1 or (skip and encoding != "raw"):
        raise UnreadableScan("its head skips lines or bytes before the values; write it again without")
    if encoding in ("gzip", "gz"):
        body = inflated(body, expected)
    elif encoding in ("bzip2", "bz2"):
        try:
            body = bz2.BZ2Decompressor().decompress(body, expected)
        except (OSError, ValueError) as error:
            raise UnreadableScan(f"its compressed values are damaged ({error})") from error
    elif encoding == "raw":
        body = body[len(body) - expected if skip == -1 else skip :]
    else:
        raise UnreadableScan(f"its encoding is {encoding[:20]!r}; raw, gzip and bzip2 are read")
    if len(body) < expected:
        raise UnreadableScan(f"the file is cut off: it holds {len(body):,} of {expected:,} bytes of values")
    return np.frombuffer(body[:expected], dtype=dtype).astype(dtype.newbyteorder("="))


def _channel_axis(header: Untyped) -> int | None:
    """Return the axis that holds the values of one cell, None where each has one value."""
    kinds = [str(kind).lower() for kind in header.get("kinds", [])]
    for axis, kind in enumerate(kinds):
        if kind in COLOURS or kind.endswith("-vector") or kind.endswith("-color"):
            return axis
    directions = header.get("space directions")
    if directions is not None:
        rows = np.atleast_2d(np.asarray(directions, dtype=np.float64))
        missing = np.flatnonzero(np.isnan(rows).any(axis=1))
        if len(missing) == 1:
            return int(missing[0])
    return None


def _cells(header: Untyped) -> tuple[tuple[int, ...], int, int]:
    """Return (x, y[, z]), the channels of a cell and the number of volumes."""
    sizes = [int(side) for side in header["sizes"]]
    axis = _channel_axis(header)
    if axis is None:
        return (tuple(sizes[:3]), 1, sizes[3]) if len(sizes) == 4 else (tuple(sizes), 1, 1)
    if axis not in (0, len(sizes) - 1) or len(sizes) < 3:
        raise UnreadableScan("the values of one cell lie neither on its first nor on its last axis")
    cells = sizes[1:] if axis == 0 else sizes[:-1]
    if sizes[axis] > 4:
        return (tuple(cells), 1, sizes[axis]) if axis else _refused(sizes[axis])
    return tuple(cells), sizes[axis], 1


def _refused(n: int) -> tuple[tuple[int, ...], int, int]:
    raise UnreadableScan(f"each cell holds {n} values, and samples have at most 4 channels")


def _geometry(
    header: Untyped, channels: int
) -> tuple[tuple[float, ...] | None, npt.NDArray[np.float64] | None]:
    """Return spacing and directions of the axes (z, y, x)."""
    directions = header.get("space directions")
    if directions is None:
        given = np.asarray(header.get("spacings", []), dtype=np.float64)
        given = given[np.isfinite(given)][:3]
        return (tuple(map(float, given[::-1])) if len(given) >= 2 and (given > 0).all() else None), None
    rows = np.atleast_2d(np.asarray(directions, dtype=np.float64))
    rows = rows[np.isfinite(rows).all(axis=1)][:3]
    lengths = np.linalg.norm(rows, axis=1)
    if len(rows) < 2 or not (lengths > 0).all():
        return None, None
    spacing = tuple(float(length) for length in lengths[::-1])
    signs = LPS.get(str(header.get("space", "")).lower())
    if signs is None or rows.shape != (3, 3):
        return spacing, None
    axes = (rows / lengths[:, None])[::-1] * np.array([*signs, 1.0])
    return spacing, axes
