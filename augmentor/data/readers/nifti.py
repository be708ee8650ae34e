"""NIfTI 1 and 2 (.nii, .nii.gz, .hdr with .img) and FreeSurfer's MGH (.mgh, .mgz), by nibabel."""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from augmentor.core.kinds import IMAGE, VOLUME
from augmentor.data.readers.scan import (
    Scan,
    ScanHead,
    Sibling,
    Stack,
    UnreadableScan,
    Untyped,
    check_bytes,
    inflated,
    needed,
    one_stack,
)

GZIP: Final = b"\x1f\x8b"
WAYS: Final[tuple[Stack, ...]] = ("frames", "first", "channels")
MOST_CHANNELS: Final = 4
LATER: Final = 16 * 2**20
"""Extensions between head and values of more bytes are refused."""
MILLIMETRES: Final = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}
_HEAD_BYTES: Final = 1024


@dataclass(frozen=True, eq=False)
class _Opened:
    """What a head says; ``values`` are read when they are asked for."""

    values: Untyped
    shape: tuple[int, ...]
    channels: int
    frames: int
    affine: npt.NDArray[np.float64] | None
    spacing: tuple[float, ...] | None
    units: str = ""


def head_of_nifti(data: bytes, name: str, stack: Stack | None) -> ScanHead:
    """Return what the head says, without the values.

    Raises:
        UnreadableScan: if it cannot be used.
    """
    found = _opened(data, name)
    way = one_stack(stack, found.frames, f"{found.frames} volumes", WAYS) if found.frames > 1 else None
    sides = found.shape[:3][::-1]
    kind = VOLUME if len(sides) == 3 and sides[0] > 1 else IMAGE
    sides = sides if kind == VOLUME else sides[-2:]
    spacing = None if found.spacing is None else found.spacing[-len(sides) :]
    return ScanHead(kind, sides, found.frames if way == "frames" else 1, spacing=spacing)


def read_nifti(data: bytes, name: str, stack: Stack | None, sibling: Sibling | None = None) -> list[Scan]:
    """Return the samples of a NIfTI or MGH file, scaled by its scl_slope and scl_inter.

    Axes are (z, y, x), the reverse of how the file numbers them; which way each points is in ``axes``.

    Args:
        data: the file.
        name: of the file, which tells NIfTI from MGH.
        stack: how time points are used.
        sibling: reads the .img of a .hdr.

    Raises:
        UnreadableScan: if it cannot be used.
    """
    found = _opened(data, name, sibling, values=True)
    values = _values(found.values)
    x = values.reshape(*found.shape[:3], found.frames, found.channels)
    # (i, j, k, t, channels) to (t, channels, k, j, i)
    x = np.transpose(x, (3, 4, 2, 1, 0))
    if found.frames > 1:
        way = one_stack(stack, found.frames, f"{found.frames} volumes", WAYS)
        if way == "channels" and found.frames * found.channels > MOST_CHANNELS:
            raise UnreadableScan(
                f"it holds {found.frames} volumes, and samples have at most {MOST_CHANNELS} channels; "
                "--set image.stack= frames (each by itself), first (the others are not used)"
            )
        x = x[:1] if way == "first" else x if way == "frames" else x.reshape(1, -1, *x.shape[2:])
    axes = None if found.affine is None else _axes(found.affine)
    flat = x.shape[2] == 1
    return [
        Scan(
            kind=IMAGE if flat else VOLUME,
            x=one[:, 0] if flat else one,
            spacing=None if found.spacing is None else found.spacing[-2 if flat else -3 :],
            axes=None if flat else axes,
            bounds=_bounds(values.dtype),
            units=found.units,
            remarks=()
            if flat or axes is not None
            else ("the file does not say which way its axes point: they were left as they are",),
        )
        for one in x
    ]


@contextmanager
def _silent() -> Iterator[None]:
    """Keep nibabel's remarks on odd heads out of the user's log."""
    from nibabel import imageglobals

    with imageglobals.LoggingOutputSuppressor():
        yield


def _opened(data: bytes, name: str, sibling: Sibling | None = None, *, values: bool = False) -> _Opened:
    """Return what the head says, with an image behind it where ``values`` are wanted."""
    nib = needed("nibabel", "nibabel", "a NIfTI or MGH file")
    low = name.lower()
    try:
        with _silent():
            if low.endswith((".mgh", ".mgz")):
                return _mgh(nib, data, values)
            return _nifti(nib, data, name, sibling, values)
    except UnreadableScan:
        raise
    except Exception as error:  # nibabel raises almost anything on damaged bytes
        raise UnreadableScan(f"its head is damaged ({_short(error)})") from error


def _nifti(nib: Untyped, data: bytes, name: str, sibling: Sibling | None, values: bool) -> _Opened:
    head = _first(data, _HEAD_BYTES) if data[:2] == GZIP else data[:_HEAD_BYTES]
    if not head:
        raise UnreadableScan("the file is empty (zero bytes)")
    single, second = (magic for magic in (_magic(head, 344), _magic(head, 4)))
    if single in (b"n+1", b"ni1"):
        kind, magic, size = nib.Nifti1Header, single, 348
    elif second in (b"n+2", b"ni2"):
        kind, magic, size = nib.Nifti2Header, second, 540
    elif len(head) >= 348 and head[:4] in (b"\x5c\x01\x00\x00", b"\x00\x00\x01\x5c"):
        raise UnreadableScan(
            "it is an Analyze 7.5 file, which does not say which side of the patient is left; convert it to "
            "NIfTI with a program that knows"
        )
    else:
        raise UnreadableScan("the content is no NIfTI file (it does not begin with a NIfTI head)")
    header = kind(head[:size])  # what follows the head, extensions, is not needed
    shape, channels, frames = _shape(header)
    n_bytes = math.prod(header.get_data_shape()) * header.get_data_dtype().itemsize
    _check(header, n_bytes)
    proxy = None
    if values:
        offset = int(header.get_data_offset())
        if not 0 <= offset <= LATER:
            raise UnreadableScan(f"its head says that the values begin after {offset:,} bytes")
        body = _beside(name, sibling) if magic.startswith(b"ni") else data
        proxy = _proxy(nib, header, _whole(body, offset, n_bytes))
    known = int(header["qform_code"]) > 0 or int(header["sform_code"]) > 0
    affine = header.get_best_affine() if known else None
    scale = MILLIMETRES.get(header.get_xyzt_units()[0], 1.0)
    return _Opened(proxy, shape, channels, frames, _finite(affine), _spacing(header, shape, scale))


def _whole(data: bytes, offset: int, n_bytes: int) -> bytes:
    """Return the unpacked file up to the end of its values."""
    whole = inflated(data, offset + n_bytes) if data[:2] == GZIP else data
    if len(whole) < offset + n_bytes:
        held = max(len(whole) - offset, 0)
        raise UnreadableScan(f"the file is cut off: it holds {held:,} of {n_bytes:,} bytes of values")
    return whole[: offset + n_bytes]


def _beside(name: str, sibling: Sibling | None) -> bytes:
    """Return the .img file of a .hdr."""
    if sibling is None:
        raise UnreadableScan("its values lie in an .img file beside it, which is not at hand")
    try:
        return sibling(f"{name.rpartition('/')[2].rpartition('.')[0]}.img")
    except OSError as error:
        raise UnreadableScan("its values lie in an .img file beside it, which cannot be read") from error


def _proxy(nib: Untyped, header: Untyped, data: bytes) -> Untyped:
    return nib.arrayproxy.ArrayProxy(io.BytesIO(data), header, mmap=False)


def _mgh(nib: Untyped, data: bytes, values: bool) -> _Opened:
    head = _first(data, _HEAD_BYTES) if data[:2] == GZIP else data[:_HEAD_BYTES]
    header = nib.freesurfer.mghformat.MGHHeader.from_fileobj(io.BytesIO(head))
    dims = tuple(int(side) for side in header["dims"])
    if min(dims) < 1:
        raise UnreadableScan(f"its head says that it has {dims} cells")
    n_bytes = math.prod(dims) * header.get_data_dtype().itemsize
    check_bytes(n_bytes, "its values")
    # Behind the values come the scanner's parameters and who ran it: not read.
    proxy = _proxy(nib, header, _whole(data, int(header.get_data_offset()), n_bytes)) if values else None
    affine = header.get_affine() if int(header["goodRASFlag"]) else None
    return _Opened(proxy, dims[:3], 1, dims[3], _finite(affine), _spacing(header, dims[:3], 1.0))


def _shape(header: Untyped) -> tuple[tuple[int, ...], int, int]:
    """Return (x, y[, z]), the channels of a cell and the number of volumes."""
    dims = tuple(int(side) for side in header.get_data_shape())
    if 3000 <= int(header["intent_code"]) < 3100:
        raise UnreadableScan("it is a CIFTI file (values on the brain's surface), which is no image")
    if not 2 <= len(dims) <= 5 or min(dims) < 1:
        raise UnreadableScan(f"its head says that it has {dims} cells; 2 to 5 axes of at least 1 are read")
    fields = header.get_data_dtype().names
    channels = 1 if fields is None else len(fields)
    if len(dims) == 5:
        if dims[3] > 1 or dims[4] > MOST_CHANNELS or fields is not None:
            raise UnreadableScan(
                f"it has {dims} cells: time points of several values each; write each volume as a file"
            )
        return dims[:3], dims[4], 1
    return (*dims[:3], 1)[:3], channels, dims[3] if len(dims) == 4 else 1


def _check(header: Untyped, n_bytes: int) -> None:
    kind = header.get_data_dtype()
    if kind.kind == "c":
        raise UnreadableScan("its values are complex numbers; write their magnitude as a file of its own")
    if kind.kind not in "iuf" and kind.names is None:
        raise UnreadableScan(f"its values have the type {kind}, which is not read")
    scaled = header.get_slope_inter() != (None, None)
    check_bytes(8 * n_bytes // kind.itemsize if scaled else n_bytes, "its values")


def _values(proxy: Untyped) -> npt.NDArray[Any]:
    try:
        with _silent():
            values = np.asanyarray(proxy)
    except Exception as error:  # so does numpy
        raise UnreadableScan(f"its values cannot be read ({_short(error)})") from error
    if values.dtype.names is not None:
        values = np.stack([values[name] for name in values.dtype.names[:3]], axis=-1)
    native: npt.NDArray[Any] = values.astype(values.dtype.newbyteorder("="), copy=False)
    return native


def _axes(affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    columns = affine[:3, :3] * np.array([[-1.0], [-1.0], [1.0]])  # from right-anterior to left-posterior
    lengths = np.linalg.norm(columns, axis=0)
    if not (lengths > 0).all():
        return None
    axes: npt.NDArray[np.float64] = (columns / lengths).T[::-1]
    return axes


def _finite(affine: Untyped) -> npt.NDArray[np.float64] | None:
    if affine is None or not np.isfinite(affine).all():
        return None
    return np.asarray(affine, dtype=np.float64)


def _spacing(header: Untyped, shape: tuple[int, ...], scale: float) -> tuple[float, ...] | None:
    zooms = [float(zoom) * scale for zoom in header.get_zooms()[:3]]
    zooms += [1.0] * (len(shape) - len(zooms))
    return tuple(zooms[::-1]) if all(0 < zoom < 1e4 for zoom in zooms) else None


def _bounds(dtype: np.dtype[Any]) -> tuple[float, float] | None:
    if dtype.kind == "u" and dtype.itemsize <= 2:
        return 0.0, float(2 ** (8 * dtype.itemsize) - 1)
    return None


def _first(data: bytes, n: int) -> bytes:
    try:
        return zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(data, n)
    except zlib.error as error:
        raise UnreadableScan(f"its gzip stream is damaged ({error})") from error


def _magic(head: bytes, place: int) -> bytes:
    return head[place : place + 3]


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
