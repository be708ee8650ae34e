"""DICOM secondary captures: derived, marked as synthetic or not, with UIDs of their own.

Attributes follow the Secondary Capture Image IOD and the multi-frame ones (DICOM PS3.3, A.8); no attribute
of the files that the data came from is carried over.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.samples import Samples
from augmentor.core.version import __version__
from augmentor.data.expanded import Expanded
from augmentor.data.export_spec import ExportOptions
from augmentor.data.writers.export import class_folders
from augmentor.data.writers.formats.base import ARTIFICIAL, write_card, write_table
from augmentor.data.writers.formats.scale import (
    Scale,
    error,
    measured,
    sixteen_bits,
    spacing,
    told_spacing,
    units,
    window,
)

if TYPE_CHECKING:
    from pydicom import Dataset

ROOT: Final = "1.2.840.10008.5.1.4.1.1.7"
"""UID of the Secondary Capture Image."""
BYTES, WORDS = ".2", ".3"
"""Ends of the UIDs of its multi-frame kinds: grey of 8 bits, grey of 16 bits."""
MOST_TEXT: Final = 1024


def write(folder: Path, data: Expanded, options: ExportOptions) -> None:
    """Write ``train/<class>/<name>.dcm`` and metadata.csv.

    Raises:
        DataError: if the samples are neither grey nor 8-bit pictures in colour.
    """
    check(data.samples)
    samples, folders = data.samples, class_folders(data.samples.classes)
    for name in folders:
        (folder / "train" / name).mkdir(parents=True)
    places = []
    for row, (name, label) in enumerate(zip(samples.ids, samples.y, strict=True)):
        places.append(f"train/{folders[label]}/{name}.dcm")
        buffer = io.BytesIO()
        capture(data, row, options).save_as(buffer, enforce_file_format=True)
        (folder / places[-1]).write_bytes(buffer.getvalue())
    write_table(folder / "metadata.csv", data, places)
    write_card(
        folder,
        data,
        error(samples),
        files="`train/<class>/<name>.dcm` are secondary captures with new UIDs, image type DERIVED; "
        "`Synthetic "
        "Data` (0008,001C) is YES for synthetic ones and NO for the others. Rescale slope and intercept lead "
        f"back to the data's own units; the spacing is {told_spacing(samples, options)}. `metadata.csv` "
        f"has a row for each "
        f"file.",
    )


def check(samples: Samples) -> None:
    """Refuse what no secondary capture holds.

    Raises:
        DataError: saying what it holds.
    """
    channels, colour = samples.shape[0], samples.kind.name == "image" and samples.array.dtype == np.uint8
    if channels != 1 and not (channels == 3 and colour):
        raise DataError(
            f"a DICOM secondary capture is grey, or an 8-bit picture in colour; these "
            f"{samples.kind.plural} have "
            f"{channels} channels of the type {samples.array.dtype}. Format nifti holds them"
        )


def capture(data: Expanded, row: int, options: ExportOptions) -> Dataset:
    """Return one row as a data set with its file meta information."""
    from pydicom import FileDataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    samples, facts = data.samples, data.rows.iloc[row]
    made, name = bool(data.is_synthetic[row]), str(samples.ids[row])
    group = str(facts["group"]) if "group" in data.rows and facts["group"] else name
    # From the data and the row alone, so that the same rows get the same UIDs.
    owner = [samples.digest, data.about.name]
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = ROOT + _kind(samples)
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[*owner, "instance", name])
    found = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    found.SpecificCharacterSet = "ISO_IR 192"
    found.ImageType = ["DERIVED", "SECONDARY"]
    found.SOPClassUID = meta.MediaStorageSOPClassUID
    found.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    found.SyntheticData = "YES" if made else "NO"
    found.StudyInstanceUID = generate_uid(entropy_srcs=[*owner, "study", group])
    # A series of its own: programs make one volume of the files of a series.
    found.SeriesInstanceUID = generate_uid(entropy_srcs=[*owner, "series", name])
    found.PatientName = found.PatientID = ("SYNTHETIC-" if made else "") + group
    found.PatientBirthDate = found.PatientSex = found.StudyDate = found.StudyTime = ""
    found.PatientIdentityRemoved = "YES"
    found.DeidentificationMethod = "no source attribute kept; groups are keyed hashes"
    found.AccessionNumber = found.StudyID = found.ReferringPhysicianName = found.Laterality = ""
    found.Modality = "OT"
    found.ConversionType = "SYN" if made else "WSD"
    found.Manufacturer, found.ManufacturerModelName = "gan-augmentor", "gan-augmentor"
    found.SoftwareVersions = __version__
    found.SeriesNumber = found.InstanceNumber = "1"
    found.PatientOrientation = ""
    found.SeriesDescription = ("synthetic: " if made else "") + str(facts["class"])[:48]
    found.ImageComments = f"class {facts['class']}"[:MOST_TEXT]
    found.DerivationDescription = _derivation(made, facts["synthesizer"], facts["seed"])
    _pixels(found, samples, row, options)
    return found


def _derivation(made: bool, synthesizer: object, seed: object) -> str:
    if not made:
        return "real training case, brought to the size and type that the generator was trained on"
    return f"{ARTIFICIAL}; gan-augmentor {__version__}, synthesizer {synthesizer}, seed {seed}"[:MOST_TEXT]


def _kind(samples: Samples) -> str:
    """Return the end of the SOP class: nothing for a single image."""
    if samples.kind.name == "image":
        return ""
    return BYTES if samples.array.dtype == np.uint8 else WORDS


def _pixels(found: Dataset, samples: Samples, row: int, options: ExportOptions) -> None:
    """Write values, their scale, window and spacing into ``found``."""
    x = samples.array[row]
    eight = x.dtype == np.uint8
    scale = Scale(1.0, 0.0) if eight else sixteen_bits(samples)
    stored: npt.NDArray[Any] = x if eight else scale.stored(x)
    bits = 8 * stored.dtype.itemsize
    found.SamplesPerPixel = len(x)
    found.PhotometricInterpretation = "MONOCHROME2" if len(x) == 1 else "RGB"
    found.Rows, found.Columns = x.shape[-2:]
    found.BitsAllocated = found.BitsStored = bits
    found.HighBit, found.PixelRepresentation = bits - 1, 0
    found.LossyImageCompression = "00"
    if len(x) == 1:
        low, high = window(samples, row, options)
        line = scale.then(measured(samples, row))
        found.RescaleIntercept, found.RescaleSlope = _decimal(line.intercept), _decimal(line.slope)
        found.RescaleType = units(samples) or "US"  # unspecified
        found.PresentationLUTShape = "IDENTITY"
        found.WindowCenter, found.WindowWidth = _decimal((low + high) / 2), _decimal(high - low)
        found.VOILUTFunction = "LINEAR_EXACT"
    else:
        found.PlanarConfiguration = 0
    if samples.kind.name != "image":
        found.NumberOfFrames = x.shape[1]
        found.FrameIncrementPointer = 0x00182001  # PageNumberVector
        found.PageNumberVector = list(range(1, x.shape[1] + 1))
    sides = spacing(samples, row, options)
    if sides is not None:
        found.PixelSpacing = [_decimal(side) for side in sides[-2:]]
        if samples.kind.name != "image":
            found.SpacingBetweenSlices = found.SliceThickness = _decimal(sides[0])
    body = np.moveaxis(stored, 0, -1) if samples.kind.name == "image" else stored[0]
    data = np.ascontiguousarray(body.astype(stored.dtype.newbyteorder("<"))).tobytes()
    found.PixelData = data + b"\0" * (len(data) % 2)
    found["PixelData"].VR = "OB" if eight else "OW"


def _decimal(value: float) -> str:
    """Return a number in the at most 16 signs of a decimal string."""
    text = f"{value:.16g}"
    for digits in range(15, 0, -1):
        if len(text) <= 16:
            break
        text = f"{value:.{digits}g}"
    return text
