"""Which files are medical ones, by their names alone."""

from __future__ import annotations

from typing import Final

SCAN_SUFFIXES: Final = {
    "DICOM": (".dcm", ".dicom", ".ima", ".dc3"),
    "NIfTI": (".nii", ".nii.gz", ".hdr", ".mgh", ".mgz"),
    "NRRD": (".nrrd", ".nhdr"),
    "MetaImage": (".mha", ".mhd"),
    "whole slide": (".svs", ".ndpi", ".scn", ".bif"),
}
"""The suffixes of each medical format, in small letters."""
_BY_SUFFIX: Final = {suffix: name for name, suffixes in SCAN_SUFFIXES.items() for suffix in suffixes}
_ALL: Final = tuple(_BY_SUFFIX)


def scan_format_name(name: str) -> str | None:
    """Return the medical format of a file by its name; None where it is none.

    A name without a suffix, or with a number for one, is taken for DICOM where it holds a digit: scanners
    call their files IM000001 or by a UID.

    Example:
        >>> [scan_format_name(name) for name in ("a.nii.gz", "x/IM0001", "1.2.84", "README", "a.png")]
        ['NIfTI', 'DICOM', 'DICOM', None, None]
    """
    low = name.rpartition("/")[2].lower()
    if low.endswith(_ALL):
        return next(kind for suffix, kind in _BY_SUFFIX.items() if low.endswith(suffix))
    suffix = low.rpartition(".")[2] if "." in low else ""
    bare = not suffix or suffix.isdigit()
    return "DICOM" if (bare and any(sign.isdigit() for sign in low)) or low == "dicomdir" else None
