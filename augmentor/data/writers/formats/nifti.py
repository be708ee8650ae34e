"""NIfTI files (.nii.gz) in the data's own values, with the Decathlon's dataset.json beside them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.data.expanded import Expanded
from augmentor.data.export_spec import ExportOptions
from augmentor.data.writers.formats.base import ARTIFICIAL, write_card
from augmentor.data.writers.formats.datalist import FOLDER, LIST, write_list
from augmentor.data.writers.formats.scale import Scale, measured, spacing, told_spacing, window

DTYPES = ("uint8", "uint16", "int16", "float32")


def write(folder: Path, data: Expanded, options: ExportOptions) -> None:
    """Write ``imagesTr/<name>.nii.gz`` and the list of them.

    Axes are (width, height, depth), the reverse of an array's; further channels are the fifth axis, as NIfTI
    has vectors. Which way an axis points in a patient is not said (qform_code and sform_code are 0), the
    spacing where it is known; ``scl_slope`` and ``scl_inter`` lead to what the scanner measured. ``cal_min``
    and ``cal_max`` are the window, ``descrip`` and ``intent_name`` say whether a file is synthetic. The time
    in the gzip head is 0, so that the same rows give the same bytes.

    Raises:
        DataError: if the values are of a type that other programs would not read.
    """
    import nibabel

    samples = data.samples
    if str(samples.array.dtype) not in DTYPES:
        raise DataError(f"format nifti holds {', '.join(DTYPES)}, got {samples.array.dtype}")
    (folder / FOLDER).mkdir()
    places = [f"{FOLDER}/{name}.nii.gz" for name in samples.ids]
    for row, place in enumerate(places):
        image = nibabel.Nifti1Image(_reversed(samples.array[row]), None)
        head = image.header
        line, sides = measured(samples, row), spacing(samples, row, options)
        if line != Scale(1.0, 0.0):
            head.set_slope_inter(line.slope, line.intercept)
        if sides is not None:
            depth = (1.0,) * (3 - len(sides))
            head.set_zooms((*sides[::-1], *depth, *(1.0,) * (head["dim"][0] - 3)))
            head.set_xyzt_units("mm")
        head["cal_min"], head["cal_max"] = window(samples, row, options)
        made = bool(data.is_synthetic[row])
        head["descrip"] = ARTIFICIAL if made else "real training case"
        head["intent_name"] = "synthetic" if made else "real"
        (folder / place).write_bytes(gzip.compress(image.to_bytes(), mtime=0))
    write_list(folder, data, places)
    low, high = window(samples, 0, options)
    write_card(
        folder,
        data,
        0.0,
        files=f"`{LIST}` lists `{FOLDER}/` as the Medical Segmentation Decathlon does. Axes of the files are "
        f"(width, height, depth); the spacing is {told_spacing(samples, options)}, and which way an axis "
        f"points in a patient is not said. The window in `cal_min` and `cal_max` is {low:g} to {high:g}.",
    )


def _reversed(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return (C, [D,] H, W) as (W, H, D), or (W, H, D, 1, C) of several channels."""
    volume = x[:, None] if x.ndim == 3 else x
    turned = np.transpose(volume, (3, 2, 1, 0))
    return np.ascontiguousarray(turned[..., 0] if len(x) == 1 else turned[:, :, :, None])
