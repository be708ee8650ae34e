"""The forms of an expanded dataset by name. A new one is a file with a ``write``, and a row here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.files import atomic_folder
from augmentor.data.expanded import Expanded
from augmentor.data.export_spec import ExportOptions
from augmentor.data.writers.formats import (
    croissant,
    datalist,
    dicom,
    folders,
    huggingface,
    nifti,
    png16,
    scale,
    webdataset,
)
from augmentor.data.writers.formats.base import Format, exact

ARRAYS = ("image", "series", "volume")
SCANS = ("image", "volume")
MEDICAL = ("spacing", "window")

FORMATS: Mapping[str, Format] = {
    "folders": Format("class folders with metadata.csv", folders.write, ARRAYS, folders.error),
    "huggingface": Format("Hugging Face dataset (Parquet and card)", huggingface.write, ARRAYS, exact),
    "monai": Format("MONAI data list (dataset.json) of PNG or .npy", datalist.write, ARRAYS, exact),
    "webdataset": Format("WebDataset shards (tar)", webdataset.write, ARRAYS, exact, ("samples_per_shard",)),
    "png16": Format("16-bit PNG in the data's units", png16.write, ("image",), scale.error, MEDICAL),
    "nifti": Format(
        "NIfTI with the Decathlon's dataset.json", nifti.write, SCANS, exact, MEDICAL, ("nibabel",), "medical"
    ),
    "dicom": Format(
        "DICOM secondary capture", dicom.write, SCANS, scale.error, MEDICAL, ("pydicom",), "medical"
    ),
    "croissant": Format("class folders with Croissant JSON-LD", croissant.write, ARRAYS, folders.error),
}


def write_format(name: str, folder: Path, data: Expanded, options: ExportOptions | None = None) -> None:
    """Write ``data`` in the form ``name``, whole or not at all.

    Args:
        name: a key of :data:`FORMATS`.
        folder: to make.
        data: the rows.
        options: of the form; None for their defaults.

    Raises:
        ConfigError: if there is no such form, it does not read an option that is set, or a package is
            missing.
        DataError: if the form does not hold such samples.
        StorageError: if ``folder`` exists or cannot be written.
    """
    options = options or ExportOptions()
    check_format(name, options)
    form, samples = FORMATS[name], data.samples
    if samples.kind.name not in form.kinds:
        able = [other for other, one in FORMATS.items() if samples.kind.name in one.kinds]
        raise DataError(
            f"format {name} holds {' and '.join(form.kinds)}, and these are {samples.kind.plural}; "
            f"{', '.join(able) or 'no format'} can hold them"
        )
    sides = len(samples.shape) - 1
    if options.spacing is not None and len(options.spacing) != sides:
        raise ConfigError(
            f"spacing has a number for each of the {sides} axes of {samples.kind.with_article}, got "
            f"{list(options.spacing)}"
        )
    with atomic_folder(folder) as temporary:
        form.write(temporary, data, options)


def check_format(name: str, options: ExportOptions) -> None:
    """Refuse a form that does not exist, cannot be written here, or does not read an option that is set.

    Raises:
        ConfigError: saying what there is.
    """
    if name not in FORMATS:
        raise ConfigError(f"there is no format {name!r}; there are {', '.join(FORMATS)}")
    form = FORMATS[name]
    for option in options.model_fields_set:
        if option not in form.options:
            readers = [other for other, one in FORMATS.items() if option in one.options]
            raise ConfigError(f"format {name} does not read {option}, which is for {', '.join(readers)}")
    missing = [package for package in form.packages if find_spec(package) is None]
    if missing:
        raise ConfigError(
            f"format {name} needs {', '.join(missing)}, which is not installed; "
            f"pip install 'gan-augmentor[{form.extra}]'"
        )
