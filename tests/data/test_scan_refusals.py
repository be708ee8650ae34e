"""Scans whose heads or values cannot be used: each is refused with its reason, none with a traceback."""

from __future__ import annotations

import gzip
import struct
from typing import Any

import nibabel
import numpy as np
import pytest
from make_scans import metaimage, nifti, nrrd_bytes

from augmentor.data.readers.metaimage import head_of_metaimage
from augmentor.data.readers.nifti import head_of_nifti
from augmentor.data.readers.nrrd_file import head_of_nrrd
from augmentor.data.readers.scan import UnreadableScan
from augmentor.data.readers.scan_formats import read_scan

CELLS = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
FOUR = np.arange(4 * 2 * 3 * 5, dtype=np.int16).reshape(4, 3, 2, 5)
"""(x, y, z, t) of five volumes."""


def nrrd(x: np.ndarray = CELLS, put: bytes = b"", old: bytes = b"", new: bytes = b"", **head: Any) -> bytes:
    """Return a NRRD file with a line put into its head, or bytes of it replaced."""
    data = nrrd_bytes(x.T, encoding="raw", **head)
    return data.replace(b"\n\n", b"\n" + put + b"\n\n", 1) if put else data.replace(old, new, 1)


def mha(old: bytes = b"", new: bytes = b"", **fields: str) -> bytes:
    return metaimage(CELLS, **fields).replace(old, new, 1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"NOPE\n\n", "no NRRD file"),
        (b"NRRD0004\ntype: short", "in another file, or it is cut off"),
        (nrrd(old=b"type: int16", new=b"type: nothing"), "its head is damaged"),
        (nrrd(old=b"dimension: 3", new=b"dimension: 2"), "2 to 4 axes are read"),
        (nrrd(put=b"line skip: 2"), "skips lines or bytes"),
        (nrrd(old=b"encoding: raw", new=b"encoding: hex"), "raw, gzip and bzip2 are read"),
        (nrrd(old=b"encoding: raw", new=b"encoding: bzip2"), "compressed values are damaged"),
        (nrrd()[:-4], "cut off: it holds 44 of 48 bytes"),
        (nrrd(kinds=["domain", "RGB-color", "domain"]), "neither on its first nor on its last axis"),
        (nrrd(np.zeros((2, 3, 6), np.int16), kinds=["6-vector", "domain", "domain"]), "holds 6 values"),
        (nrrd(FOUR.T), "--set image.stack="),
    ],
)
def test_a_nrrd_file_that_cannot_be_used_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableScan, match=reason):
        read_scan(data, "a.nrrd")


def test_volumes_of_one_nrrd_file_are_frames_or_the_first_alone() -> None:
    frames = read_scan(nrrd(FOUR.T), "a.nrrd", stack="frames")
    assert len(frames) == 5
    assert np.array_equal(frames[2].x[0], FOUR[..., 2].T)
    (first,) = read_scan(nrrd(FOUR.T), "a.nrrd", stack="first")
    assert np.array_equal(first.x[0], FOUR[..., 0].T)
    with pytest.raises(UnreadableScan, match="at most 4 channels"):
        read_scan(nrrd(FOUR.T), "a.nrrd", stack="channels")


def test_the_head_of_a_nrrd_file_says_its_sides_and_spacing() -> None:
    head = head_of_nrrd(nrrd(spacings=[0.5, 0.6, 2.0]), None)
    assert (head.kind.name, head.sides) == ("volume", (2, 3, 4))
    assert head.spacing == pytest.approx((2.0, 0.6, 0.5))
    flat = head_of_nrrd(nrrd(CELLS[0]), None)
    assert (flat.kind.name, flat.sides, flat.spacing) == ("image", (3, 4), None)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"ObjectType = Image\n", "no MetaImage head that ends"),
        (b"ObjectType\nElementDataFile = LOCAL\n", "a line without '='"),
        (mha(b"MET_SHORT", b"MET_NOTHING"), "its ElementType is 'MET_NOTHING'"),
        (mha(b"DimSize = 4 3 2", b"DimSize = 4 3 0"), "2 to 4 axes and 1 to 4 channels"),
        (mha(b"DimSize = 4 3 2", b"DimSize = 4 3 x"), "its DimSize holds no whole numbers"),
        (mha(b"DimSize = 4 3 2", b"DimSize = 4 3 " + b"9" * 30), "a number that no file can have"),
        (mha(b"ElementSpacing = 0.5", b"ElementSpacing = wide"), "its ElementSpacing holds no numbers"),
        (mha(b"BinaryData = True", b"BinaryData = False"), "written as text"),
        (mha()[:-4], "cut off: it holds 44 of 48 bytes"),
        (mha(b"LOCAL", b"../secret.raw"), "in another folder"),
        (mha(b"LOCAL", b"values.raw"), "in a file beside it, which is not at hand"),
    ],
)
def test_a_metaimage_that_cannot_be_used_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableScan, match=reason):
        read_scan(data, "a.mha")


def test_values_beside_a_metaimage_that_are_not_there_are_named() -> None:
    def missing(name: str) -> bytes:
        raise FileNotFoundError(name)

    with pytest.raises(UnreadableScan, match=r"'values\.raw' beside it, which cannot be read"):
        read_scan(mha(b"LOCAL", b"values.raw"), "a.mhd", beside=missing)


def test_odd_spacing_and_directions_of_a_metaimage_are_left_out() -> None:
    assert (
        head_of_metaimage(mha(b"ElementSpacing = 0.5 0.5 0.5", b"ElementSpacing = 0 0 0"), None).spacing
        is None
    )
    zero = " ".join(["0"] * 9)
    (scan,) = read_scan(mha(TransformMatrix=zero), "a.mha")
    assert scan.axes is None


FAR = nifti(CELLS.T, LPS)[:108] + struct.pack("<f", 9e9) + nifti(CELLS.T, LPS)[112:]
"""Its head says that the values begin after nine billion bytes."""


def without_magic(data: bytes) -> bytes:
    return data[:344] + b"\0\0\0\0" + data[348:]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "zero bytes"),
        (b"no scan" * 100, "no NIfTI file"),
        (without_magic(nifti(CELLS.T, LPS)), "Analyze 7.5"),
        (nifti(CELLS.T, LPS)[:-4], "cut off: it holds 44 of 48 bytes"),
        (nifti(CELLS.T.astype(np.complex64), LPS), "complex numbers"),
        (nifti(CELLS.T, LPS, intent_code=3001), "CIFTI"),
        (nifti(CELLS.T.reshape(4, 3, 1, 2, 1), LPS), "time points of several values each"),
        (nifti(np.zeros((4, 3, 2, 5), np.int16), LPS), "--set image.stack="),
        (b"\x1f\x8b\x08\x00" + b"\0" * 40, "gzip stream is damaged|no NIfTI file|zero bytes"),
        (
            nifti(CELLS.T, LPS)[:108] + struct.pack("<f", 9e9) + nifti(CELLS.T, LPS)[112:],
            "values begin after",
        ),
    ],
)
def test_a_nifti_file_that_cannot_be_used_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableScan, match=reason):
        read_scan(data, "a.nii")


def test_volumes_of_one_nifti_file_are_channels_up_to_four() -> None:
    few = np.arange(4 * 3 * 2 * 3, dtype=np.int16).reshape(4, 3, 2, 3)
    (scan,) = read_scan(nifti(few, LPS), "a.nii", stack="channels")
    assert scan.x.shape == (3, 2, 3, 4)
    with pytest.raises(UnreadableScan, match="5 volumes, and samples have at most 4 channels"):
        read_scan(nifti(FOUR, LPS), "a.nii", stack="channels")


def test_a_nifti_pair_reads_its_values_from_the_file_beside_it() -> None:
    pair = nibabel.Nifti1Pair(CELLS.T, LPS)
    files = nibabel.Nifti1Pair.make_file_map()
    import io

    for holder in files.values():
        holder.fileobj = io.BytesIO()
    pair.to_file_map(files)
    head, values = files["header"].fileobj.getvalue(), files["image"].fileobj.getvalue()
    (scan,) = read_scan(head, "a.hdr", beside={"a.img": values}.__getitem__)
    assert scan.x.shape == (1, 2, 3, 4)
    with pytest.raises(UnreadableScan, match=r"\.img file beside it, which is not at hand"):
        read_scan(head, "a.hdr")

    def missing(name: str) -> bytes:
        raise FileNotFoundError(name)

    with pytest.raises(UnreadableScan, match=r"\.img file beside it, which cannot be read"):
        read_scan(head, "a.hdr", beside=missing)


def test_mgh_files_are_read_packed_and_not() -> None:
    image = nibabel.MGHImage(CELLS.T.astype(np.int32), LPS)
    data = bytes(image.to_bytes())
    plain, packed = read_scan(data, "a.mgh")[0], read_scan(gzip.compress(data), "a.mgz")[0]
    assert np.array_equal(plain.x, packed.x)
    assert head_of_nifti(data, "a.mgh", None).sides == (2, 3, 4)
    with pytest.raises(UnreadableScan, match="cut off"):
        read_scan(data[:300], "a.mgh")
