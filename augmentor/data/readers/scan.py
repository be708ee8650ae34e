"""One medical file, or one series of them, as an array in the scanner's own units."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from augmentor.core.kinds import Kind

Pixels = npt.NDArray[Any]
Untyped: TypeAlias = Any
"""An object of a library that says nothing of its types."""
Stack: TypeAlias = Literal["volume", "frames", "first", "channels"]
"""How the pages, frames or time points of one file are used; see
:class:`augmentor.data.spec.ImageSpec`."""
Sibling: TypeAlias = Callable[[str], bytes]
"""Reads the file of that name in the same folder; raises OSError."""

MAX_SCAN_BYTES: Final = 2**30
"""A file whose values would take more is skipped: no sample is so large."""
MOST_FRAMES: Final = 20_000
LONGEST_REST: Final = 256 * 2**20
"""Bytes behind the values of a compressed file that are looked through for its checksum."""
INFLATE_MOST: Final = 1032
"""Deflate makes nothing smaller than by this factor; a file that promises more is damaged."""


class UnreadableScan(Exception):  # noqa: N818 - becomes a reason in a list, never a crash
    """Why a file cannot be used; the message completes "skipped because". It holds no patient's data."""


@dataclass(frozen=True, eq=False)
class Scan:
    """One sample as its file has it, or the slices of a series put together.

    Attributes:
        kind: IMAGE or VOLUME.
        x: array (C, H, W) or (C, D, H, W) of any numeric dtype, in ``units``.
        spacing: millimetres between cells along the spatial axes; None where unknown.
        axes: (3, 3) unit vectors, row by row the direction of each spatial axis of a volume in patient
            coordinates (left, posterior, superior); None where unknown, and for images.
        bounds: (low, high) of what the format lets values be; None where it sets no bounds.
        units: of the values, e.g. "HU"; empty where not known.
        window: (low, high) that the file asks to be shown; None where it does not.
        patient: what the file calls its patient. Never shown: readers number the patients.
        remarks: what was done beyond reading.
        traits: properties that may tell the class by accident, e.g. {"modality": "CT"}.
        part: which part of its file it is, e.g. the place of a tile; empty for its number.
    """

    kind: Kind
    x: Pixels
    spacing: tuple[float, ...] | None = None
    axes: npt.NDArray[np.float64] | None = None
    bounds: tuple[float, float] | None = None
    units: str = ""
    window: tuple[float, float] | None = None
    patient: str | None = None
    remarks: tuple[str, ...] = ()
    traits: Mapping[str, str] = field(default_factory=dict)
    part: str = ""


@dataclass(frozen=True, eq=False)
class ScanHead:
    """What the head of a file says, without its values.

    Attributes:
        kind: of one sample, where the file is used as ``stack`` asks.
        sides: of one sample: (height, width), or (depth, height, width).
        samples: how many samples the file makes, where it is used so.
        patient: what the file calls its patient.
        spacing: millimetres between cells along the sides; None where unknown.
    """

    kind: Kind
    sides: tuple[int, ...]
    samples: int = 1
    patient: str | None = None
    spacing: tuple[float, ...] | None = None


def needed(module: str, package: str, what: str) -> Untyped:
    """Return the module that reads ``what``.

    Raises:
        UnreadableScan: if it is not installed, naming the package and the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UnreadableScan(
            f"it is {what}, which the package {package} reads, and that is not installed; "
            'pip install "gan-augmentor[medical]"'
        ) from error


def check_bytes(n: int, what: str) -> None:
    """Refuse values that would take more than :data:`MAX_SCAN_BYTES`.

    Raises:
        UnreadableScan: saying how many.
    """
    if n > MAX_SCAN_BYTES:
        raise UnreadableScan(
            f"{what} would take {n / 2**20:,.0f} MiB, and at most {MAX_SCAN_BYTES >> 20:,} are read; make it "
            "smaller first"
        )


def inflated(data: bytes, expected: int, *, raw: bool = False) -> bytes:
    """Return the inflated zlib, gzip or (``raw``) bare deflate stream, at most ``expected`` bytes of it.

    Raises:
        UnreadableScan: if it is damaged, or holds fewer bytes.
    """
    if expected > INFLATE_MOST * max(len(data), 64):
        raise UnreadableScan(
            f"the file is cut off: {len(data):,} bytes cannot hold the {expected:,} it names"
        )
    # 32 finds out by itself whether the head is that of gzip or of zlib.
    stream = zlib.decompressobj(-zlib.MAX_WBITS if raw else 32 + zlib.MAX_WBITS)
    try:
        out = stream.decompress(data, expected)
        # To the end, for its checksum; what follows the values is dropped piece by piece.
        rest, dropped = stream.unconsumed_tail, 0
        while rest and not stream.eof and dropped <= LONGEST_REST:
            dropped += len(stream.decompress(rest, 2**20))
            rest = stream.unconsumed_tail
    except zlib.error as error:
        raise UnreadableScan(f"its compressed values are damaged ({error})") from error
    if len(out) < expected:
        raise UnreadableScan(f"the file is cut off: it holds {len(out):,} of {expected:,} bytes of values")
    if not stream.eof:
        raise UnreadableScan(
            "the file is cut off: its compressed values have no end"
            if dropped <= LONGEST_REST
            else f"more than {LONGEST_REST >> 20} MiB follow its values; write it again"
        )
    return out


def one_stack(stack: Stack | None, frames: int, what: str, allowed: Sequence[Stack]) -> Stack:
    """Return how ``frames`` pages are used.

    Raises:
        UnreadableScan: if nobody said so, or so that this file cannot be.
    """
    if stack in allowed:
        assert stack is not None
        return stack
    ways = {
        "volume": "volume (all of them, as depth)",
        "frames": "frames (each by itself)",
        "first": "first (the others are not used)",
        "channels": "channels",
    }
    said = "say how they are used" if stack is None else f"image.stack={stack} does not fit it"
    raise UnreadableScan(
        f"it holds {what}; {said}: --set image.stack= {', '.join(ways[way] for way in allowed)}"
    )
