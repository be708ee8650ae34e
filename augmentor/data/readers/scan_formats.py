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
from augmentor.data.readers.scan import Scan, ScanHead, Sibling, Stack, UnreadableScan, Untyped
from augmentor.data.readers.scan_names import scan_format_name
from augmentor.data.readers.tiff import head_of_pages, read_pages
from augmentor.data.spec import ImageSpec


@dataclass(frozen=True)
class ScanFormat:
    """A format of medical files.

    Attributes:
        head: (content, name of the file, stack) to what its head says.
        read: (content, name of the file, stack, reader of files beside it) to its samples.
    """

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


def _refuse_slide(*_: object) -> Untyped:
    raise UnreadableScan(
        "it is a whole-slide image, which is cut into tiles when it is read: --tile 512 (image.tile) says "
        "how large, in pixels of the full resolution"
    )


DICOM: Final = ScanFormat(_dicom_head, lambda data, name, stack, beside: read_dicom(data, stack))
FORMATS: Final[dict[str, ScanFormat]] = {
    "DICOM": DICOM,
    "NIfTI": ScanFormat(head_of_nifti, read_nifti),
    "NRRD": ScanFormat(
        lambda data, name, stack: head_of_nrrd(data, stack),
        lambda data, name, stack, beside: read_nrrd(data, stack),
    ),
    "MetaImage": ScanFormat(
        lambda data, name, stack: head_of_metaimage(data, stack),
        lambda data, name, stack, beside: read_metaimage(data, stack, beside),
    ),
    "whole slide": ScanFormat(_refuse_slide, lambda data, name, stack, beside: _refuse_slide(data)),
}
"""The formats of medical files by their names in :data:`augmentor.data.readers.scan_names.SCAN_SUFFIXES`; a
new one is a file with two functions, and a row in both tables."""
PAGES: Final = ScanFormat(
    lambda data, name, stack: head_of_pages(data, stack),
    lambda data, name, stack, beside: read_pages(data, stack),
)
"""Picture files, where a recipe says how their pages are used."""


def format_of(name: str, stack: Stack | None = None) -> ScanFormat | None:
    """Return the format of a file by its name; None where it is no medical file.

    Picture files count where ``stack`` says how their pages are used.
    """
    known = scan_format_name(name)
    if known is not None:
        return FORMATS[known]
    return PAGES if stack is not None and name.lower().endswith(SUFFIXES) else None


def is_scan(name: str, image: ImageSpec) -> bool:
    """Return whether a file of that name is read here: pictures too, where they are cut or stacked."""
    return format_of(name, image.stack) is not None or is_tiled(name, image)


def is_tiled(name: str, image: ImageSpec) -> bool:
    """Return whether a file of that name is a picture that is cut into tiles."""
    slide = scan_format_name(name) == "whole slide"
    return image.tile is not None and (slide or name.lower().endswith(SUFFIXES))


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
        raise UnreadableScan(f"it is of no medical format that is read ({', '.join(FORMATS)})")
    return found.read(data, name, stack, beside)
