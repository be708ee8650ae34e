"""Which further forms a run writes its expanded dataset and its generator in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType

from pydantic import Field, field_validator, model_validator

from augmentor.core.errors import ConfigError
from augmentor.data.export_spec import ExportOptions
from augmentor.data.writers.formats.table import FORMATS, check_format


@dataclass(frozen=True)
class GeneratorFormat:
    """A form of a trained generator; :mod:`augmentor.run.exports` writes it.

    Attributes:
        title: for people.
        packages: names that must be importable.
        extra: of this package, which installs them; empty where none is needed.
    """

    title: str
    packages: tuple[str, ...] = ()
    extra: str = ""


GENERATOR_FORMATS: Mapping[str, GeneratorFormat] = MappingProxyType(
    {
        "onnx": GeneratorFormat(
            "the generator as ONNX, checked against torch", ("onnx", "onnxscript", "onnxruntime"), "onnx"
        ),
        "monai_bundle": GeneratorFormat("the generator as a MONAI bundle"),
    }
)


class ExportSpec(ExportOptions):
    """Further forms of what a run leaves; ``expanded/`` and ``generator/`` are there anyway.

    Attributes:
        formats: each is written into ``exports/<name>`` of the run folder; ``augmentor export`` writes one
            later. Of the dataset: folders, huggingface, monai, webdataset, png16, nifti, dicom, croissant; of
            the generator: onnx, monai_bundle.
    """

    formats: tuple[str, ...] = Field(default=())

    @field_validator("formats")
    @classmethod
    def _known(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        for name in formats:
            if name not in all_formats():
                raise ValueError(f"there is no format {name!r}; there are {', '.join(all_formats())}")
        if len(set(formats)) < len(formats):
            raise ValueError(f"a format is named twice: {list(formats)}")
        return formats

    @model_validator(mode="after")
    def _options_are_read(self) -> ExportSpec:
        for option in self.model_fields_set - {"formats"}:
            if getattr(self, option) == type(self).model_fields[option].default:
                continue
            if not any(option in FORMATS[name].options for name in self.formats if name in FORMATS):
                readers = [name for name, form in FORMATS.items() if option in form.options]
                raise ValueError(f"{option} is for the formats {', '.join(readers)}; none of them is named")
        return self

    def options_of(self, name: str) -> ExportOptions:
        """Return the options that the format ``name`` reads."""
        reads = FORMATS[name].options if name in FORMATS else ()
        return ExportOptions(
            **{option: getattr(self, option) for option in reads if option in self.model_fields_set}
        )


def all_formats() -> dict[str, str]:
    """Return the title of each format of the dataset and of the generator, by name."""
    of_data = {name: form.title for name, form in FORMATS.items()}
    return of_data | {name: form.title for name, form in GENERATOR_FORMATS.items()}


def check_formats(spec: ExportSpec, *, has_generator: bool) -> None:
    """Refuse formats that cannot be written at the end of a run before it begins.

    Args:
        spec: what is asked for.
        has_generator: whether the run trains one.

    Raises:
        ConfigError: if a package is missing, or a generator's format is asked of a run without one.
    """
    for name in spec.formats:
        if name in FORMATS:
            check_format(name, spec.options_of(name))
        else:
            check_generator_format(name, has_generator=has_generator)


def check_generator_format(name: str, *, has_generator: bool) -> None:
    """Refuse a generator's format where there is no generator, or a package is missing.

    Raises:
        ConfigError: saying so.
    """
    form = GENERATOR_FORMATS[name]
    if not has_generator:
        raise ConfigError(
            f"format {name} is of a generator, and this run judges synthetic samples that were made "
            f"elsewhere; "
            f"its dataset can be had as {', '.join(FORMATS)}"
        )
    missing = [package for package in form.packages if find_spec(package) is None]
    if missing:
        raise ConfigError(
            f"format {name} needs {', '.join(missing)}, which is not installed; "
            f"pip install 'gan-augmentor[{form.extra}]'"
        )
