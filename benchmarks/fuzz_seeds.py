"""Valid files of every kind that is read, small, for benchmarks/fuzz_readers.py to damage."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pandas as pd
import pydicom
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "data"))
from make_scans import dicom, enhanced, metaimage, nifti, nrrd_bytes

THEIRS = Path(pydicom.__file__).parent / "data" / "test_files"
RNG = np.random.default_rng(7)
GREY = RNG.integers(0, 256, (24, 24), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (24, 24, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 4096, (24, 24), dtype=np.uint16)
CELLS = RNG.integers(0, 900, (6, 7, 8), dtype=np.int16)
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Seed:
    """A kind of file.

    Attributes:
        name: what it is.
        file: name of the file, which tells the format.
        good: valid files; the first is damaged.
        stack: image.stack that it needs.
        whole: whether the file is the dataset (an archive, a table); ``good`` [1:] are then pictures
            beside it.
    """

    name: str
    file: str
    good: tuple[bytes, ...]
    stack: str | None = None
    whole: bool = False


def picture(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    """Return pixels as a picture file."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def pages() -> bytes:
    """Return a TIFF of three pages."""
    out = io.BytesIO()
    one, *others = (Image.fromarray(DEEP + n) for n in range(3))
    one.save(out, "TIFF", save_all=True, append_images=others, compression="tiff_deflate")
    return out.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    """Return arrays as an .npz archive."""
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def npy(x: np.ndarray) -> bytes:
    """Return an array as a .npy file."""
    out = io.BytesIO()
    np.save(out, x)
    return out.getvalue()


def zipped() -> bytes:
    """Return class folders as a zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for label in "ab":
            for n in range(3):
                archive.writestr(f"{label}/{n}.png", picture(GREY, "PNG"))
    return out.getvalue()


TABLE = pd.DataFrame(
    {"path": [f"{label}/{n}.png" for label in "ab" for n in range(2)], "label": list("xxyy")}
)


def table(write: Callable[[io.BytesIO], object]) -> bytes:
    """Return what ``write`` writes."""
    out = io.BytesIO()
    write(out)
    return out.getvalue()


def theirs(name: str) -> bytes:
    """Return a test file of pydicom."""
    return (THEIRS / name).read_bytes()


def _same(name: str, file: str, data: bytes, stack: str | None = None) -> Seed:
    return Seed(name, file, (data, data), stack)


def _whole(name: str, file: str, data: bytes) -> Seed:
    return Seed(name, file, (data, picture(GREY, "PNG")), whole=True)


def _png16() -> bytes:
    return bytes(cv2.imencode(".png", COLOUR.astype(np.uint16) * 257)[1])


SEEDS = (
    _same("PNG, 8-bit grey", "x.png", picture(GREY, "PNG")),
    _same("PNG, 16-bit colour", "x.png", _png16()),
    _same("PNG, palette", "x.png", table(lambda out: Image.fromarray(COLOUR).quantize(16).save(out, "PNG"))),
    _same("JPEG", "x.jpg", picture(COLOUR, "JPEG")),
    _same("TIFF, LZW", "x.tif", picture(DEEP, "TIFF", compression="tiff_lzw")),
    _same("TIFF, plain", "x.tif", picture(COLOUR, "TIFF")),
    _same("TIFF, three pages", "x.tif", pages(), "volume"),
    _same("BMP", "x.bmp", picture(COLOUR, "BMP")),
    _same("WebP", "x.webp", picture(COLOUR, "WEBP", lossless=True)),
    _same("GIF", "x.gif", picture(GREY, "GIF")),
    _same("NumPy .npy", "x.npy", npy(CELLS.astype(np.uint16))),
    _same("DICOM, 12 bits", "x.dcm", dicom(DEEP, BitsStored=12, RescaleSlope=1, RescaleIntercept=-1024)),
    _same(
        "DICOM, without a suffix",
        "IM0001",
        dicom(GREY, Modality="CR", PhotometricInterpretation="MONOCHROME1"),
    ),
    _same("DICOM, frames with places", "x.dcm", enhanced(CELLS, [0, 1, 2, 3, 4, 5])),
    _same("DICOM, JPEG 2000", "x.dcm", theirs("MR_small_jp2klossless.dcm")),
    _same("DICOM, JPEG-LS", "x.dcm", theirs("MR_small_jpeg_ls_lossless.dcm")),
    _same("DICOM, RLE", "x.dcm", theirs("MR_small_RLE.dcm")),
    _same("DICOM, JPEG", "x.dcm", theirs("SC_rgb_small_odd_jpeg.dcm")),
    _same("DICOM, deflated", "x.dcm", theirs("image_dfl.dcm")),
    _same("DICOM, big endian", "x.dcm", theirs("MR_small_bigendian.dcm")),
    _same("NIfTI-1", "x.nii", nifti(CELLS.T, LPS)),
    _same("NIfTI-2, gzip", "x.nii.gz", gzip.compress(nifti(CELLS.T, LPS, nibabel.Nifti2Image))),
    _same("MGZ", "x.mgz", gzip.compress(nifti(CELLS.T, LPS, nibabel.MGHImage))),
    _same("NRRD, gzip", "x.nrrd", nrrd_bytes(CELLS.T, encoding="gzip")),
    _same("NRRD, raw", "x.nrrd", nrrd_bytes(CELLS.T, encoding="raw")),
    _same("MetaImage", "x.mha", metaimage(CELLS)),
    _whole(
        ".npz",
        "x.npz",
        npz(
            train_images=np.stack([GREY] * 8),
            train_labels=np.arange(8) % 2,
            test_images=GREY[None],
            test_labels=np.zeros(1, np.int64),
        ),
    ),
    _whole("zip of class folders", "x.zip", zipped()),
    _whole("CSV table", "labels.csv", TABLE.to_csv(index=False).encode()),
    _whole("JSON lines table", "labels.jsonl", TABLE.to_json(orient="records", lines=True).encode()),
    _whole("JSON table", "labels.json", json.dumps(TABLE.to_dict("records")).encode()),
    _whole("Parquet table", "labels.parquet", table(TABLE.to_parquet)),
)
