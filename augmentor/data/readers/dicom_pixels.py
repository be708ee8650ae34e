"""The pixels of one DICOM file, in the scanner's units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from augmentor.core.kinds import IMAGE, VOLUME
from augmentor.data.readers.dicom import SLICED, DicomHead, Places, first_item, head_of, opened, quiet
from augmentor.data.readers.dicom_worker import decoded_apart
from augmentor.data.readers.scan import Pixels, Scan, Stack, UnreadableScan, Untyped, one_stack

WAYS: Final[tuple[Stack, ...]] = ("volume", "frames", "first")
_BASE: Final = "1.2.840.10008.1.2.4."
CODECS: Final = {
    **dict.fromkeys((f"{_BASE}50", f"{_BASE}51"), ("pillow", "pillow")),
    **dict.fromkeys((f"{_BASE}57", f"{_BASE}70"), ("gdcm", "python-gdcm")),
    **dict.fromkeys((f"{_BASE}80", f"{_BASE}81"), ("pyjpegls", "pyjpegls")),
    **dict.fromkeys(
        (f"{_BASE}{which}" for which in (90, 91, 201, 202, 203)), ("pylibjpeg", "pylibjpeg-openjpeg")
    ),
}
"""By compressed transfer syntax: pydicom's plugin that decodes it, and the package. All have permissive
licences. Others are decoded by pydicom itself, or not at all."""
TWELVE_BIT: Final = "1.2.840.10008.1.2.4.51"
EVEN: Final = 1.5
"""A gap between two slices of more than so many usual ones holds a slice that is missing."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Frames in the scanner's units.

    Attributes:
        x: (frames, H, W) or (frames, H, W, 3).
        bounds: (low, high) of what the stored bits let values be; None for floats.
        units: of the values; empty where not known.
        window: (low, high) that the file asks to be shown.
        remarks: what was done.
    """

    x: Pixels
    bounds: tuple[float, float] | None
    units: str
    window: tuple[float, float] | None
    remarks: tuple[str, ...]


def read_dicom(data: bytes, stack: Stack | None) -> list[Scan]:
    """Return the samples of one DICOM file: one image; or the frames, as ``stack`` asks.

    Frames that know their place in the patient, and those of CT, MR, PET and nuclear medicine, are the
    slices of one volume, unless ``stack`` says otherwise.

    Raises:
        UnreadableScan: if it cannot be used.
    """
    try:
        with quiet():
            dataset = opened(data, values=True)
            head = head_of(dataset)
            way = stack_of(head, stack)
            found = measured(dataset, head, 1 if way == "first" else head.frames)
    except UnreadableScan:
        raise
    except Exception as error:  # a damaged element; its message may quote the patient's data
        raise UnreadableScan(f"its DICOM content is damaged ({type(error).__name__})") from error
    if way == "volume":
        return [_volume(found, head, head.places)]
    return [_image(found, head, number) for number in range(len(found.x))]


def stack_of(head: DicomHead, stack: Stack | None) -> Stack | None:
    """Return how the frames are used; None for a single one.

    Raises:
        UnreadableScan: if that is not known.
    """
    if head.frames == 1:
        return None
    if stack is None and head.channels == 1 and (head.places is not None or head.modality in SLICED):
        return "volume"
    allowed = WAYS if head.channels == 1 else WAYS[1:]
    return one_stack(stack, head.frames, f"a film or stack of {head.frames} pictures", allowed)


def measured(dataset: Untyped, head: DicomHead, frames: int) -> Measured:
    """Return the first ``frames`` pictures in the scanner's units.

    Raises:
        UnreadableScan: if they cannot be decoded.
    """
    stored = _decoded(dataset, head, frames)
    remarks: list[str] = []
    if str(dataset.get("PhotometricInterpretation", "")) == "PALETTE COLOR":
        from pydicom.pixels import apply_color_lut

        colours = np.asarray(apply_color_lut(stored, dataset))[..., :3]
        top = 255.0 if colours.dtype == np.uint8 else 65535.0
        return Measured(colours, (0.0, top), "", None, ("palettes became colours",))
    if head.channels == 3:
        return _colours(stored, dataset)
    values, bounds = _cleaned(stored, dataset, remarks)
    values, bounds, units = _rescaled(values, bounds, dataset)
    window = _window(dataset)
    if str(dataset.get("PhotometricInterpretation", "")) == "MONOCHROME1":
        # Bright means little: turned round, so that bright means much, as in every other picture.
        low, high = bounds or (float(values.min()), float(values.max()))
        values = (high - values.astype(np.float64) + low).astype(values.dtype)
        window = None if window is None else (low + high - window[1], low + high - window[0])
        remarks.append("MONOCHROME1, where bright means low: the values were turned round")
    if head.burned_in:
        remarks.append(
            "text is burned into the pixels, as the file says (BurnedInAnnotation): it may name the patient, "
            "and a classifier may read it; cover it before you go on"
        )
    return Measured(values, bounds, units, window, tuple(remarks))


def _decoded(dataset: Untyped, head: DicomHead, frames: int) -> Pixels:
    from pydicom.pixels import pixel_array

    if not any(name in dataset for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise UnreadableScan("it has the head of an image and no pixels")
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        dataset.file_meta.TransferSyntaxUID = (
            "1.2.840.10008.1.2" if dataset.original_encoding[0] else "1.2.840.10008.1.2.1"
        )
    plugin, _ = CODECS.get(str(syntax), ("", ""))
    try:
        if plugin == "gdcm":
            x = decoded_apart(dataset, plugin, frames)
        elif frames == head.frames:
            x = np.asarray(pixel_array(dataset, decoding_plugin=plugin))
        else:
            one = [pixel_array(dataset, index=place, decoding_plugin=plugin) for place in range(frames)]
            x = np.stack([np.asarray(frame) for frame in one])
    except Exception as error:  # decoders raise almost anything on damaged bytes
        raise UnreadableScan(_not_decoded(syntax, error)) from error
    x = x.astype(x.dtype.newbyteorder("="), copy=False)
    shape = (frames, head.rows, head.columns)
    if x.size not in (int(np.prod(shape)), 3 * int(np.prod(shape))):
        raise UnreadableScan(f"its pixels have the shape {x.shape}, and its head says {shape}")
    return x.reshape(*shape, 3) if x.size == 3 * np.prod(shape) else x.reshape(shape)


def _not_decoded(syntax: Untyped, error: Exception) -> str:
    name = getattr(syntax, "name", None) or "an unknown way"
    plugin, package = CODECS.get(str(syntax), ("", ""))
    if getattr(syntax, "is_compressed", False) and not _has_codec(str(syntax), plugin):
        if not package:
            return f"its pixels are compressed as {name}, which is not read; decompress it first (dcmdjpeg)"
        return (
            f"its pixels are compressed as {name}, which the package {package} decodes, and that is not "
            'installed; pip install "gan-augmentor[medical]"'
        )
    if str(syntax) == TWELVE_BIT:
        return (
            f"its pixels are compressed as {name}; those of more than 8 bits are decoded by no package with "
            "a permissive licence: decompress it first (dcmdjpeg of DCMTK does)"
        )
    said = " ".join(str(error).split("all available plugins:")[-1].split())[:160]
    return f"its pixels cannot be decoded ({name}): {said or type(error).__name__}"


def _has_codec(syntax: str, plugin: str) -> bool:
    from pydicom.pixels import get_decoder

    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        return False
    return plugin in decoder.available_plugins if plugin else bool(decoder.is_available)


def _colours(stored: Pixels, dataset: Untyped) -> Measured:
    if stored.ndim != 4:
        raise UnreadableScan("its head says that it has colours, and its pixels have none")
    bits = int(dataset.BitsStored)
    if stored.dtype not in (np.uint8, np.uint16):
        raise UnreadableScan(f"its colours have {8 * stored.dtype.itemsize} bits; 8 and 16 are read")
    return Measured(stored, (0.0, float(2**bits - 1)), "", None, ())


def _cleaned(
    stored: Pixels, dataset: Untyped, remarks: list[str]
) -> tuple[Pixels, tuple[float, float] | None]:
    """Return stored values without padding, and what their bits let them be.

    What lies in unused bits (overlays) pydicom takes out.
    """
    if stored.dtype.kind == "f":
        return stored, None
    bits, allocated = int(dataset.BitsStored), 8 * stored.dtype.itemsize
    high = int(dataset.get("HighBit", bits - 1))
    signed = stored.dtype.kind == "i"
    if not 1 <= bits <= allocated or high != bits - 1:
        raise UnreadableScan(
            f"its head says {bits} bits, the highest of them bit {high} of {allocated}; pixels begin at bit 0"
        )
    bounds = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if signed else (0.0, 2.0**bits - 1)
    values = stored
    padding = dataset.get("PixelPaddingValue")
    if isinstance(padding, int):
        outside = values == padding
        if outside.any() and not outside.all():
            values = np.where(outside, values[~outside].min(), values)
            remarks.append("padding around what was seen was given the lowest value that was seen")
    return values, bounds


def _rescaled(
    values: Pixels, bounds: tuple[float, float] | None, dataset: Untyped
) -> tuple[Pixels, tuple[float, float] | None, str]:
    """Apply the modality's table or slope and intercept; frames may each have their own."""
    if dataset.get("ModalityLUTSequence"):
        from pydicom.pixels import apply_modality_lut

        made = np.asarray(apply_modality_lut(values, dataset))
        return made, (float(made.min()), float(made.max())), ""
    given = [_slope(one) for one in _transforms(dataset, len(values))]
    slopes, intercepts = (np.array([one[place] for one in given]) for place in (0, 1))
    if not np.isfinite(slopes).all() or not np.isfinite(intercepts).all() or (slopes == 0).any():
        raise UnreadableScan("its rescale slope is 0 or no number")
    if bounds is not None:
        ends = np.outer(slopes, bounds) + intercepts[:, None]
        bounds = (float(ends.min()), float(ends.max()))
    units = "HU" if str(dataset.get("Modality")) == "CT" else str(dataset.get("RescaleType") or "")[:16]
    units = str(dataset.get("DoseUnits") or "") if "DoseGridScaling" in dataset else units
    units = "" if units.upper() == "US" else units
    if (slopes == 1).all() and (intercepts == 0).all():
        return values, bounds, units
    shape = (-1, *(1,) * (values.ndim - 1))
    return (values * slopes.reshape(shape) + intercepts.reshape(shape)).astype(np.float32), bounds, units


def _transforms(dataset: Untyped, frames: int) -> Sequence[Untyped]:
    """Return what holds slope and intercept of each frame."""
    own = dataset.get("PerFrameFunctionalGroupsSequence")
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [{}])[0]
    if own and len(own) >= frames:
        found = [first_item(frame, shared, "PixelValueTransformationSequence") for frame in own[:frames]]
        return [dataset if one is None else one for one in found]
    one = first_item({}, shared, "PixelValueTransformationSequence")
    return [dataset if one is None else one] * frames


def _slope(source: Untyped) -> tuple[float, float]:
    dose = source.get("DoseGridScaling")
    if dose is not None:
        return float(dose), 0.0
    slope, intercept = source.get("RescaleSlope"), source.get("RescaleIntercept")
    return (1.0 if slope is None else float(slope)), (0.0 if intercept is None else float(intercept))


def _window(dataset: Untyped) -> tuple[float, float] | None:
    """Return the (low, high) of the first window: PS3.3 C.11.2.1.2.1, where centre - 0.5 is the middle."""
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [{}])[0]
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or [{}]
    source = first_item(frames[0], shared, "FrameVOILUTSequence") or dataset
    try:
        centre, width = (
            float(value if isinstance(value, (int, float)) else value[0])
            for value in (source.get("WindowCenter"), source.get("WindowWidth"))
        )
    except (TypeError, ValueError, IndexError):
        return None
    if not np.isfinite([centre, width]).all() or width <= 1:
        return None
    return centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2


def _image(found: Measured, head: DicomHead, number: int) -> Scan:
    frame = found.x[number]
    return Scan(
        kind=IMAGE,
        x=np.moveaxis(frame, 2, 0) if frame.ndim == 3 else frame[None],
        spacing=head.spacing,
        bounds=found.bounds,
        units=found.units,
        window=found.window,
        patient=head.patient,
        remarks=found.remarks,
        traits=head.traits,
    )


def _volume(found: Measured, head: DicomHead, places: Places | None) -> Scan:
    if found.x.ndim == 4:
        raise UnreadableScan("its slices are in colour; --set image.stack=frames uses each by itself")
    x, remarks = found.x, list(found.remarks)
    step = head.thickness
    if places is not None:
        order = np.argsort(places.along, kind="stable")
        gaps = np.diff(places.along[order])
        if (gaps < 1e-3).any():
            raise UnreadableScan(
                "several of its frames lie at one place (echoes or times of one volume); --set "
                "image.stack=frames uses each by itself"
            )
        x, step = x[order], float(np.median(gaps))
        if gaps.max() > EVEN * step:
            remarks.append("frames are missing between its slices")
    else:
        remarks.append("its frames do not say where they lie: they were stacked in the order of the file")
    return Scan(
        kind=VOLUME,
        x=x[None],
        spacing=None if head.spacing is None or not step else (abs(step), *head.spacing),
        axes=None if places is None else places.axes,
        bounds=found.bounds,
        units=found.units,
        window=found.window,
        patient=head.patient,
        remarks=tuple(remarks),
        traits=head.traits,
    )
