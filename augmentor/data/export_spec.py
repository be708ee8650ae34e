"""Options of the forms in which an expanded dataset is written."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from augmentor.core.spec import Spec


class ExportOptions(Spec):
    """What can be said of the forms of an expanded dataset; each form reads some of it.

    Attributes:
        samples_per_shard: most samples in one tar file of ``webdataset``.
        spacing: millimetres between neighbouring cells along (height, width) of images, (depth, height,
            width) of volumes, for ``nifti``, ``dicom`` and ``png16``; None where it is unknown, which the
            files then say.
        window: [lowest, highest] value, in the data's units, that viewers show from black to white, for
            ``nifti``, ``dicom`` and ``png16``; None for the data's value range. Values are not changed.
    """

    samples_per_shard: int = Field(default=1000, ge=1)
    spacing: tuple[Annotated[float, Field(gt=0, le=1e4)], ...] | None = None
    window: tuple[float, float] | None = None

    @field_validator("spacing")
    @classmethod
    def _two_or_three(cls, spacing: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if spacing is not None and len(spacing) not in (2, 3):
            raise ValueError(
                f"spacing is [height, width] of images or [depth, height, width] of volumes, got "
                f"{list(spacing)}"
            )
        return spacing

    @field_validator("window")
    @classmethod
    def _rises(cls, window: tuple[float, float] | None) -> tuple[float, float] | None:
        if window is not None and not -1e30 < window[0] < window[1] < 1e30:
            raise ValueError(f"window must rise: [lowest, highest], got {list(window)}")
        return window
