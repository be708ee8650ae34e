"""One DICOM file: what its head says, by pydicom. Nothing that names a patient leaves this file but the id.

The patient's id is what :attr:`DicomHead.patient` holds, for grouping alone; names, dates and private
elements are never read.
"""

from __future__ import annotations

import io
import logging
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from augmentor.data.readers.scan import (
    MAX_SCAN_BYTES,
    MOST_FRAMES,
    UnreadableScan,
    Untyped,
    check_bytes,
    needed,
)

MAGIC_AT: Final = 128
DIRECTORY: Final = "1.2.840.10008.1.3.10"
SEGMENTATION: Final = "1.2.840.10008.5.1.4.1.1.66.4"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
LENGTH: Final = b"\x02\0\0\0UL"
CLASS: Final = b"\x02\0\x02\0UI"
SYNTAX: Final = b"\x02\0\x10\0UI"
"""Elements of the file meta group as bytes: its length, the class of the object, the transfer syntax."""
SLICED: Final = ("CT", "MR", "PT", "NM", "RTDOSE")
"""Modalities whose frames are slices, where nothing else is said."""
NOBODY: Final = frozenset(
    {"", "0", "anon", "anonymous", "anonymized", "anonymised", "unknown", "none", "n/a"}
)
"""Patient ids that stand for no patient."""


@dataclass(frozen=True, eq=False)
class Places:
    """Where frames lie: (frames,) millimetres along their normal, and the (3, 3) directions of a volume."""

    along: npt.NDArray[np.float64]
    axes: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DicomHead:
    """What the head of a DICOM file says.

    Attributes:
        series: UID of its series.
        modality: e.g. "CT"; empty where it is not said.
        rows: pixels.
        columns: pixels.
        channels: 1, or 3 for colours.
        frames: pictures in the file.
        place: (3,) position of the first pixel in millimetres, patient coordinates; None where not said.
        axes: (2, 3) directions downwards (from row to row) and to the right; None where not said.
        spacing: millimetres between rows and between columns; None where not said.
        thickness: millimetres between slices, where the file itself says so.
        tilt: of the gantry, in degrees.
        number: of the file in its series.
        stacks: what tells files of one place apart: echo, time, acquisition.
        patient: id of the patient; None where it is empty or stands for nobody.
        secret: texts that name the patient, to be looked for in file names; never shown.
        burned_in: whether the file says that text is burned into its pixels.
        traits: properties that may tell the class by accident.
        places: where its frames lie; None where they are not said, or there is one.
    """

    series: str
    modality: str
    rows: int
    columns: int
    channels: int
    frames: int
    place: npt.NDArray[np.float64] | None
    axes: npt.NDArray[np.float64] | None
    spacing: tuple[float, float] | None
    thickness: float | None
    tilt: float
    number: int
    stacks: tuple[str, str, str]
    patient: str | None
    secret: tuple[str, ...]
    burned_in: bool
    traits: Mapping[str, str] = field(default_factory=dict)
    places: Places | None = None


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom's warnings and log records to itself: they may quote the patient's data."""
    log = logging.getLogger("pydicom")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)


def is_dicom(data: bytes) -> bool:
    """Return whether these first bytes are those of a DICOM file with its preamble."""
    return data[MAGIC_AT : MAGIC_AT + 4] == b"DICM"


def opened(data: bytes, *, values: bool) -> Untyped:
    """Return the pydicom dataset, with or without its pixels.

    Raises:
        UnreadableScan: if it cannot be opened, is no image, or is too large.
    """
    pydicom = needed("pydicom", "pydicom", "a DICOM file")
    if not data:
        raise UnreadableScan("the file is empty (zero bytes)")
    try:
        _check_deflated(data)
        dataset = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=not values, force=True)
        _check_kind(pydicom, dataset)
    except UnreadableScan:
        raise
    except Exception as error:  # pydicom raises almost anything; its messages may quote the patient's data
        raise UnreadableScan(f"its DICOM head is damaged ({type(error).__name__})") from error
    return dataset


def listed_files(data: bytes) -> list[str] | None:
    """Return the paths that a DICOMDIR lists, in small letters; None where the file is none.

    Raises:
        UnreadableScan: if it cannot be read.
    """
    pydicom = needed("pydicom", "pydicom", "a DICOM file")
    if _meta(data, CLASS) != DIRECTORY.encode():
        return None
    try:
        with quiet():
            records = pydicom.dcmread(io.BytesIO(data)).get("DirectoryRecordSequence") or []
            found = [one.get("ReferencedFileID") for one in records]
        parts = [[name] if isinstance(name, str) else list(name) for name in found if name]
    except Exception as error:  # its messages may quote the patient's data
        raise UnreadableScan(f"its DICOM head is damaged ({type(error).__name__})") from error
    return ["/".join(map(str, names)).lower() for names in parts]


def head_of_dicom(data: bytes) -> DicomHead:
    """Return what the head of a DICOM file says.

    Raises:
        UnreadableScan: if the file is no image or cannot be used.
    """
    try:
        with quiet():
            return head_of(opened(data, values=False))
    except UnreadableScan:
        raise
    except Exception as error:  # a damaged element; its message may quote the patient's data
        raise UnreadableScan(f"its DICOM head is damaged ({type(error).__name__})") from error


def head_of(dataset: Untyped) -> DicomHead:
    """Return what a dataset's elements say; see :func:`head_of_dicom`."""
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    frames = int(dataset.get("NumberOfFrames") or 1)
    channels = int(dataset.get("SamplesPerPixel", 1))
    if rows < 1 or columns < 1 or not 1 <= frames <= MOST_FRAMES or channels not in (1, 3):
        raise UnreadableScan(
            f"its head says {frames} pictures of {columns} x {rows} pixels with {channels} values each"
        )
    depth = max(1, int(dataset.BitsAllocated) // 8)
    check_bytes(rows * columns * frames * channels * depth, "its pixels")
    axes = _floats(dataset, "ImageOrientationPatient", 6)
    place = _floats(dataset, "ImagePositionPatient", 3)
    spacing = _floats(dataset, "PixelSpacing", 2)
    if spacing is None:
        spacing = _floats(dataset, "ImagerPixelSpacing", 2)
    if spacing is not None and not ((spacing > 0) & (spacing < 1e4)).all():
        spacing = None
    patient = str(dataset.get("PatientID") or "").strip()
    return DicomHead(
        series=str(dataset.get("SeriesInstanceUID") or ""),
        modality=str(dataset.get("Modality") or ""),
        rows=rows,
        columns=columns,
        channels=3 if _in_colour(dataset, channels) else 1,
        frames=frames,
        place=place,
        # DICOM gives the direction along a row first; arrays count rows first.
        axes=None if axes is None or not _upright(axes) else axes.reshape(2, 3)[::-1],
        spacing=None if spacing is None else (float(spacing[0]), float(spacing[1])),
        thickness=_number(dataset, "SpacingBetweenSlices") or _number(dataset, "SliceThickness"),
        tilt=_number(dataset, "GantryDetectorTilt") or 0.0,
        number=int(_number(dataset, "InstanceNumber") or 0),
        stacks=tuple(
            str(dataset.get(name) or "")
            for name in ("EchoNumbers", "TemporalPositionIdentifier", "AcquisitionNumber")
        ),  # type: ignore[arg-type]  # three
        patient=None if patient.lower() in NOBODY else patient,
        secret=_secrets(dataset, patient),
        burned_in=str(dataset.get("BurnedInAnnotation") or "").upper() == "YES",
        traits=_traits(dataset),
        places=frame_places(dataset, frames),
    )


def frame_places(dataset: Untyped, n: int) -> Places | None:
    """Return where the frames lie; None where they do not say so, or differ in direction."""
    frames = dataset.get("PerFrameFunctionalGroupsSequence")
    if not frames or len(frames) != n or n < 2:
        return None
    try:
        shared = (dataset.get("SharedFunctionalGroupsSequence") or [{}])[0]
        turned = [first_item(frame, shared, "PlaneOrientationSequence") for frame in frames]
        axes = np.array([[float(v) for v in one.ImageOrientationPatient] for one in turned])
        positions = np.array(
            [[float(v) for v in frame.PlanePositionSequence[0].ImagePositionPatient] for frame in frames]
        )
    except (AttributeError, TypeError, ValueError, IndexError):
        return None
    if axes.shape[1:] != (6,) or positions.shape[1:] != (3,) or not np.allclose(axes, axes[0], atol=1e-3):
        return None
    normal = np.cross(axes[0, :3], axes[0, 3:])
    return Places(positions @ normal, np.stack([normal, axes[0, 3:], axes[0, :3]]))


def first_item(frame: Untyped, shared: Untyped, name: str) -> Untyped:
    """Return the first item of a functional group: the frame's own, else the shared one."""
    for source in (frame, shared):
        items = source.get(name)
        if items:
            return items[0]
    return None


def _meta(data: bytes, element: bytes) -> bytes:
    """Return the value of an element of the file meta group, which is never compressed; empty if missing."""
    at = data.find(element, MAGIC_AT + 4, MAGIC_AT + 4096) if is_dicom(data) else -1
    if at < 0:
        return b""
    start = at + len(element) + 2
    return data[start : start + int.from_bytes(data[start - 2 : start], "little")].strip(b"\0 ")


def _check_deflated(data: bytes) -> None:
    """Refuse a deflated file that would fill the memory: pydicom inflates it whole."""
    if _meta(data, SYNTAX) != DEFLATED.encode():
        return
    length = _meta(data, LENGTH)
    if not length:
        raise UnreadableScan("its head does not say where its deflated content begins")
    rest, held = data[MAGIC_AT + 16 + int.from_bytes(length.ljust(4, b"\0"), "little") :], 0
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    while rest and not stream.eof:
        held += len(stream.decompress(rest, 2**22))
        rest = stream.unconsumed_tail
        if held > MAX_SCAN_BYTES:
            raise UnreadableScan(f"its deflated content fills more than {MAX_SCAN_BYTES >> 20:,} MiB")


def _check_kind(pydicom: Untyped, dataset: Untyped) -> None:
    """Refuse what is no image."""
    kind = str(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or "")
    if kind == DIRECTORY:
        raise UnreadableScan("it is a DICOMDIR, an index: the files that it lists are read by themselves")
    if kind == SEGMENTATION:
        raise UnreadableScan("it is a segmentation: a mask of other images, and no image")
    if "Rows" in dataset and "Columns" in dataset and "BitsAllocated" in dataset:
        return
    if not len(dataset) or (not kind and "Rows" not in dataset):
        raise UnreadableScan("the content is no DICOM image (it has neither a class nor a size)")
    name = pydicom.uid.UID(kind).name if kind else "unknown"
    said = name if name != kind else "of an unknown class"
    if "Image Storage" in said:
        raise UnreadableScan(f"its head does not say how many pixels it has, so it holds no image ({said})")
    raise UnreadableScan(f"it is a DICOM object without an image ({said})")


def _in_colour(dataset: Untyped, channels: int) -> bool:
    return channels == 3 or str(dataset.get("PhotometricInterpretation", "")) == "PALETTE COLOR"


def _upright(axes: npt.NDArray[np.float64]) -> bool:
    """Return whether two directions are of length one and square to each other."""
    rows = axes.reshape(2, 3)
    lengths = np.linalg.norm(rows, axis=1)
    return bool(np.allclose(lengths, 1, atol=0.02) and abs(float(rows[0] @ rows[1])) < 0.02)


def _floats(dataset: Untyped, name: str, n: int) -> npt.NDArray[np.float64] | None:
    value = dataset.get(name)
    try:
        values = np.array([float(part) for part in value], dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return values if values.shape == (n,) and np.isfinite(values).all() else None


def _number(dataset: Untyped, name: str) -> float | None:
    try:
        value = float(dataset.get(name))
    except (TypeError, ValueError):
        return None
    return value if np.isfinite(value) and abs(value) < 1e9 else None


def _secrets(dataset: Untyped, patient: str) -> tuple[str, ...]:
    name = str(dataset.get("PatientName") or "").replace("^", " ").replace("=", " ")
    parts = [patient, *name.split()]
    found = {part.casefold() for part in parts if len(part) >= 4 and part.casefold() not in NOBODY}
    return tuple(sorted(found))


def _traits(dataset: Untyped) -> dict[str, str]:
    """Return properties of scanner and file; none of them names a person, a place or a time."""
    syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    found = {
        "modality": dataset.get("Modality"),
        "manufacturer": dataset.get("Manufacturer"),
        "model": dataset.get("ManufacturerModelName"),
        "bits stored": dataset.get("BitsStored"),
        "colours": dataset.get("PhotometricInterpretation"),
        "compression": getattr(syntax, "name", None),
    }
    return {name: str(value)[:64] for name, value in found.items() if value not in (None, "")}
