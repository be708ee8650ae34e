"""Medical files for the tests, made in memory."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import nibabel
import nrrd
import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def dicom_set(pixels: np.ndarray, **tags: Any) -> FileDataset:
    """Return a CT image of (H, W) or frames (F, H, W) of whole numbers; ``tags`` replace its elements."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("none", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = CTImageStorage, "1.2.3.4"
    made.Modality, made.SeriesInstanceUID, made.StudyInstanceUID = "CT", "1.2.3", "1.2"
    made.PatientName, made.PatientID, made.PatientBirthDate = "Secretname^Jane", "", "19700101"
    made.Rows, made.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        made.NumberOfFrames = len(pixels)
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 8 * pixels.dtype.itemsize
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    made.PixelSpacing = [2.0, 2.0]
    for name, value in tags.items():
        setattr(made, name, value)
    made.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    if "HighBit" not in tags:
        made.HighBit = made.BitsStored - 1
    return made


def as_bytes(dataset: FileDataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def dicom(pixels: np.ndarray, **tags: Any) -> bytes:
    return as_bytes(dicom_set(pixels, **tags))


def slices(x: np.ndarray, places: Sequence[float], **tags: Any) -> list[bytes]:
    """Return the slices (D, H, W) of one series at these heights."""
    return [
        dicom(
            one,
            ImageOrientationPatient=list(AXIAL),
            ImagePositionPatient=[0.0, 0.0, float(place)],
            InstanceNumber=number,
            **tags,
        )
        for number, (one, place) in enumerate(zip(x, places, strict=True), start=1)
    ]


def enhanced(x: np.ndarray, places: Sequence[float]) -> bytes:
    """Return a multi-frame file whose frames know their heights."""
    frames = []
    for place in places:
        frame, position, plane = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [0.0, 0.0, float(place)]
        plane.ImageOrientationPatient = list(AXIAL)
        frame.PlanePositionSequence = Items([position])
        frame.PlaneOrientationSequence = Items([plane])
        frames.append(frame)
    return dicom(x, Modality="OT", PerFrameFunctionalGroupsSequence=Items(frames))


def nifti(x: np.ndarray, affine: np.ndarray | None, kind: Any = nibabel.Nifti1Image, **head: Any) -> bytes:
    image = kind(x, affine)
    for name, value in head.items():
        image.header[name] = value
    return bytes(image.to_bytes())


def nrrd_bytes(x: np.ndarray, **header: Any) -> bytes:
    out = io.BytesIO()
    nrrd.write(out, x, header=header)
    return out.getvalue()


def metaimage(x: np.ndarray, *, where: str = "LOCAL", **fields: str) -> bytes:
    """Return a MetaImage of (z, y, x) values."""
    names = {"uint8": "MET_UCHAR", "int16": "MET_SHORT", "float32": "MET_FLOAT"}
    lines = {
        "ObjectType": "Image",
        "NDims": str(x.ndim),
        "BinaryData": "True",
        "DimSize": " ".join(map(str, x.shape[::-1])),
        "ElementSpacing": " ".join(["0.5"] * x.ndim),
        **fields,
        "ElementType": names[str(x.dtype)],
        "ElementDataFile": where,
    }
    head = "".join(f"{key} = {value}\n" for key, value in lines.items()).encode()
    return head + (x.tobytes() if where == "LOCAL" else b"")
