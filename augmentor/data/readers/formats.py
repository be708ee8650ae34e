"""Which files are read, and what to do with those that are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from augmentor.data.readers.pictures import SUFFIXES
from augmentor.data.readers.places import Listing, joined
from augmentor.data.readers.scan_names import SCAN_SUFFIXES, scan_format_name

ARRAY = ".npy"
TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".json")
"""Files that can name the pictures and their labels."""
_PNG = "convert it to PNG"
_NIFTI = "convert it to NIfTI (dcm2niix)"
_LEAVE = "leave it out"
_OTHERS = {
    ".dcm.gz": ("a packed DICOM file", "unpack it"),
    ".img": ("the values of a NIfTI .hdr file", "read together with that, where it lies beside it"),
    ".raw": ("the values of a MetaImage .mhd file", "read together with that, where it lies beside it"),
    ".zraw": ("the values of a MetaImage .mhd file", "read together with that, where it lies beside it"),
    ".par": ("a Philips PAR/REC scan", _NIFTI),
    ".rec": ("a Philips PAR/REC scan", _NIFTI),
    ".head": ("an AFNI scan", "convert it to NIfTI (3dAFNItoNIFTI)"),
    ".brik": ("an AFNI scan", "convert it to NIfTI (3dAFNItoNIFTI)"),
    ".brik.gz": ("an AFNI scan", "convert it to NIfTI (3dAFNItoNIFTI)"),
    ".mnc": ("a MINC scan", "convert it to NIfTI (mnc2nii)"),
    ".v": ("an ECAT scan", "convert it to NIfTI"),
    ".gii": ("GIFTI, a surface and no image", _LEAVE),
    ".gii.gz": ("GIFTI, a surface and no image", _LEAVE),
    ".gii.bz2": ("GIFTI, a surface and no image", _LEAVE),
    ".trk": ("nerve tracts and no image", _LEAVE),
    ".tck": ("nerve tracts and no image", _LEAVE),
    ".heic": ("HEIC", "convert it to JPEG or PNG"),
    ".heif": ("HEIF", "convert it to JPEG or PNG"),
    ".avif": ("AVIF", "convert it to PNG"),
    ".jp2": ("JPEG 2000", _PNG),
    ".j2k": ("JPEG 2000", _PNG),
    ".ppm": ("PPM (Netpbm)", _PNG),
    ".pgm": ("PGM (Netpbm)", _PNG),
    ".pbm": ("PBM (Netpbm)", _PNG),
    ".pnm": ("PNM (Netpbm)", _PNG),
    ".svg": ("SVG, a drawing", "render it to PNG"),
    ".pdf": ("PDF", "export its pages as PNG"),
    ".psd": ("Photoshop's own format", "export it as PNG"),
    ".czi": ("a Zeiss microscope file", "export it as 16-bit PNG"),
    ".lif": ("a Leica microscope file", "export it as 16-bit PNG"),
    ".nd2": ("a Nikon microscope file", "export it as 16-bit PNG"),
    ".cr2": ("a camera's raw file", "develop it to PNG"),
    ".nef": ("a camera's raw file", "develop it to PNG"),
    ".dng": ("a camera's raw file", "develop it to PNG"),
    ".mat": ("MATLAB", "write its arrays with numpy.savez as X_train and y_train"),
    ".h5": ("HDF5", "write its arrays with numpy.savez as X_train and y_train"),
    ".hdf5": ("HDF5", "write its arrays with numpy.savez as X_train and y_train"),
    ".pkl": ("a Python pickle, which is never loaded", "write its arrays with numpy.savez"),
    ".pt": ("a PyTorch file, which is never loaded", "write its arrays with numpy.savez"),
    ".npz": ("an .npz archive among other files", "name it itself as the data"),
    ".xlsx": ("an Excel table", "save it as CSV (UTF-8)"),
    ".xls": ("an Excel table", "save it as CSV (UTF-8)"),
    ".feather": ("a Feather table", "save it as parquet or CSV"),
    ".mp4": ("a film", "write each as a .npy array or its frames as pictures"),
    ".avi": ("a film", "write each as a .npy array or its frames as pictures"),
    ".rar": ("a RAR archive", "unpack it, or pack it as .zip, which is read in place"),
    ".7z": ("a 7z archive", "unpack it, or pack it as .zip, which is read in place"),
    ".tar": ("a tar archive", "unpack it, or pack it as .zip, which is read in place"),
    ".gz": ("a gzip archive", "unpack it, or pack it as .zip, which is read in place"),
    ".tgz": ("a tar archive", "unpack it, or pack it as .zip, which is read in place"),
}
"""Formats that are not read by their suffix: what it is, and what to do."""
_READ = (*SUFFIXES, ARRAY, *(suffix for suffixes in SCAN_SUFFIXES.values() for suffix in suffixes))
_KIND = f"no kind that is read ({', '.join(name[1:] for name in _READ)})"
OTHER_KIND = f"it is of {_KIND}"
MOST_COUNTED = 100_000


def is_readable(name: str) -> bool:
    """Return whether a file of that name holds a sample, as its suffix says."""
    return name.lower().endswith(_READ)


def may_hold_sample(name: str) -> bool:
    """Return whether a file of that name may hold a sample: DICOM files often have no suffix."""
    return is_readable(name) or scan_format_name(name) is not None


def is_table(name: str) -> bool:
    """Return whether a file of that name can say which labels pictures have."""
    return name.lower().endswith(TABLES)


def suffix_of(name: str) -> str:
    """Return the suffix that tells the format, in small letters: ".nii.gz" and not ".gz"."""
    low = name.lower()
    double = next((suffix for suffix in _OTHERS if suffix.count(".") > 1 and low.endswith(suffix)), None)
    return double or (f".{low.rpartition('.')[2]}" if "." in low else "")


def way_of(name: str) -> str | None:
    """Return the format of a file that is not read and what to do, None where it is not known."""
    known = _OTHERS.get(suffix_of(name))
    return None if known is None else f"it is {known[0]}: {known[1]}"


def other_kind(name: str) -> str:
    """Return why a file that holds no sample is skipped, and where it is known what to do."""
    way = way_of(name)
    return OTHER_KIND if way is None else f"{OTHER_KIND}; {way}"


def is_other_kind(reason: str) -> bool:
    """Return whether a file was skipped because it is of no kind that is read."""
    return reason.startswith(OTHER_KIND)


def what_is_there(listing: Listing, place: str) -> str:
    """Say what is in a folder that holds no class folders with pictures."""
    root = listing.below(place)
    direct = [entry.name for entry in listing.entries(place) if not entry.folder]
    loose = sum(map(may_hold_sample, direct))
    if loose:
        return f"{root} holds {loose} pictures outside class folders"
    found = Counter(suffix_of(name) for name in _names_below(listing, place, [MOST_COUNTED]))
    if not found and not any(listing.entries(place)):
        return f"{root} is empty"
    said = f"{root} holds no class folder with pictures"
    known = [(suffix, n) for suffix, n in found.most_common() if suffix in _OTHERS]
    told = [f"{n} files {suffix} ({_OTHERS[suffix][0]}: {_OTHERS[suffix][1]})" for suffix, n in known[:3]]
    return f"{said}; it holds {', '.join(told)}" if told else said


def _names_below(listing: Listing, place: str, left: list[int]) -> Iterator[str]:
    for entry in listing.entries(place):
        if left[0] <= 0:
            return
        if not entry.folder:
            left[0] -= 1
            yield entry.name
        elif not entry.link:
            yield from _names_below(listing, joined(place, entry.name), left)
