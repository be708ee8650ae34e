"""Which files are medical scans, and the function that reads one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from augmentor.core.kinds import IMAGE, VOLUME
from augmentor.data.readers.dicom import DicomHead, head_of_dicom
from augmentor.data.readers.dicom_pixels import read_dicom, stack_of
from augmentor.data.readers.metaimage import head_of_metaimage, read_metaimage
from augmentor.data.readers.nifti import head_of_nifti, read_nifti
from augmentor.data.readers.nrrd_file import head_of_nrrd, read_nrrd
from augmentor.data.readers.pictures import SUFFIXES
from augmentor.data.readers.scan import Scan, ScanHead, Sibling, Stack, UnreadableScan
from augmentor.data.readers.tiff import head_of_pages, read_pages


@dataclass(frozen=True)
class ScanFormat:
    """A format of medical files.

    Attributes:
        name: what it is called.
        suffixes: of its files, in small letters.
        head: (content, name of the file, stack) to what its head says.
        read: (content, name of the file, stack, reader of files beside it) to its samples.
    """

    name: str
    suffixes: tuple[str, ...]
    head: Callable[[bytes, str, Stack | None], ScanHead]
    read: Callable[[bytes, str, Stack | None, Sibling | None], list[Scan]]


def _dicom_head(data: bytes, name: str, stack: Stack | None) -> ScanHead:
    return scan_head(head_of_dicom(data), stack)


def scan_head(head: DicomHead, stack: Stack | None) -> ScanHead:
    """Return what a DICOM file makes by itself.

    Raises:
        UnreadableScan: if it holds several frames and nobody says how they are used.
    """
    way = stack_of(head, stack)
    if way == "volume":
        spacing = None if head.spacing is None or not head.thickness else (head.thickness, *head.spacing)
        return ScanHead(VOLUME, (head.frames, head.rows, head.columns), 1, head.patient, spacing)
    samples = head.frames if way == "frames" else 1
    return ScanHead(IMAGE, (head.rows, head.columns), samples, head.patient, head.spacing)


DICOM: Final = ScanFormat(
    "DICOM",
    (".dcm", ".dicom", ".ima", ".dc3"),
    _dicom_head,
    lambda data, name, stack, beside: read_dicom(data, stack),
)
FORMATS: Final = (
    DICOM,
    ScanFormat("NIfTI", (".nii", ".nii.gz", ".hdr", ".mgh", ".mgz"), head_of_nifti, read_nifti),
    ScanFormat(
        "NRRD",
        (".nrrd", ".nhdr"),
        lambda data, name, stack: head_of_nrrd(data, stack),
        lambda data, name, stack, beside: read_nrrd(data, stack),
    ),
    ScanFormat(
        "MetaImage",
        (".mha", ".mhd"),
        lambda data, name, stack: head_of_metaimage(data, stack),
        lambda data, name, stack, beside: read_metaimage(data, stack, beside),
    ),
)
"""The formats of medical files; a new one is a file with two functions, and a row here."""
PAGES: Final = ScanFormat(
    "picture of several pages",
    SUFFIXES,
    lambda data, name, stack: head_of_pages(data, stack),
    lambda data, name, stack, beside: read_pages(data, stack),
)
"""Picture files, where a recipe says how their pages are used."""
SCAN_SUFFIXES: Final = tuple(suffix for one in FORMATS for suffix in one.suffixes)


def format_of(name: str, stack: Stack | None = None) -> ScanFormat | None:
    """Return the format of a file by its name; None where it is no medical file.

    Picture files count where ``stack`` says how their pages are used.

    A name without a suffix, or with a number for one, is taken for DICOM where it holds a digit: scanners
    call their files IM000001 or by a UID.

    Example:
        >>> [getattr(format_of(name), "name", None) for name in ("a.nii.gz", "IM0001", "1.2.84", "README")]
        ['NIfTI', 'DICOM', 'DICOM', None]
    """
    low = name.rpartition("/")[2].lower()
    for one in FORMATS:
        if low.endswith(one.suffixes):
            return one
    if stack is not None and low.endswith(PAGES.suffixes):
        return PAGES
    suffix = low.rpartition(".")[2] if "." in low else ""
    bare = not suffix or suffix.isdigit()
    return DICOM if (bare and any(sign.isdigit() for sign in low)) or low == "dicomdir" else None


def read_scan(
    data: bytes, name: str, *, stack: Stack | None = None, beside: Sibling | None = None
) -> list[Scan]:
    """Return the samples of one medical file.

    Args:
        data: its content.
        name: of the file, which tells the format.
        stack: how its pages, frames or time points are used.
        beside: reads a file of that name in the same folder, for formats of two files.

    Raises:
        UnreadableScan: if it cannot be used, with the reason.
    """
    found = format_of(name, stack)
    if found is None:
        raise UnreadableScan(f"it is of no medical format that is read ({', '.join(SCAN_SUFFIXES)})")
    return found.read(data, name, stack, beside)
