"""What series, images and volumes share: samples that are arrays of values with neighbours."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from augmentor.core.progress import Progress
from augmentor.core.samples import FloatArray, IntArray, Samples
from augmentor.data.loaded import Layout
from augmentor.data.readers.foreign import Foreign, ForeignForm, read_form
from augmentor.metrics.copies import centre, nearest_image, shrink, standardised
from augmentor.modalities.array_codec import ArrayCodec
from augmentor.modalities.base import Augment, Grid, Modality
from augmentor.modalities.operations import chooser
from augmentor.modalities.policies import AnyPolicy, ChosenPolicy
from augmentor.modalities.warps import warper

LARGEST = 96
"""Images with longer sides, and volumes with longer axes, are shown thinned to at most this many cells."""


@dataclass(frozen=True)
class GridModality(Modality):
    """A modality whose samples are arrays (C, *spatial)."""

    foreign: ClassVar[ForeignForm]

    @abstractmethod
    def windows_by_channel(self, shape: tuple[int, ...]) -> bool:
        """Return whether each channel of samples of ``shape`` (C, *spatial) has a window of its own."""

    def fit_codec(self, train: Samples) -> ArrayCodec:
        """Return the codec, read off the training part."""
        return ArrayCodec.fit(train, by_channel=self.windows_by_channel(train.shape))

    def load_codec(self, values: Mapping[str, Any]) -> ArrayCodec:
        """Return the codec of the object that it wrote as JSON."""
        return ArrayCodec.of_values(values, self.kind)

    def changer(self, policy: AnyPolicy) -> Augment:
        """Return a function of (sample (C, *S) in [0, 1], seed) to a changed sample like it."""
        if isinstance(policy, ChosenPolicy):
            return chooser(policy, self.operations)
        return warper(policy.without(self.lacking))

    def copy_view(self, encoded: Grid) -> Grid:
        """Return the samples averaged over blocks, see :func:`augmentor.metrics.copies.shrink`."""
        return shrink(encoded)

    def copy_vectors(self, view: Grid) -> Grid:
        """Return the samples without their margin as rows of mean zero and length one."""
        return standardised(centre(view))

    def nearest(
        self,
        queries: Grid,
        train: Grid,
        *,
        exclude: tuple[IntArray, IntArray] | None = None,
        mirror: bool = True,
    ) -> tuple[FloatArray, IntArray]:
        """Compare by correlation, the best over small shifts and mirroring."""
        return nearest_image(queries, train, exclude=exclude, mirror=mirror)

    def read_synthetic(
        self, source: Path, like: Samples, *, layout: Layout, digest: str, progress: Progress
    ) -> Foreign:
        """Read class folders of files, or an .npz archive."""
        return read_form(source, like, self.foreign, layout=layout, digest=digest, progress=progress)


def display_window(train: Samples) -> tuple[float, float]:
    """Return the range shown from black to white: the declared one for 8-bit, else the training one."""
    if train.array.dtype == np.uint8 and train.value_range is not None:
        return train.value_range
    return float(train.array.min()), float(train.array.max())


def grey_levels(planes: npt.NDArray[np.float64], window: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """Return ``planes`` with ``window`` mapped to 0..255; NaN, the gap between slices, becomes grey."""
    low, high = window
    scaled = (planes - low) / (high - low if high > low else 1.0) * 255.0
    gap = np.isnan(scaled)
    return np.clip(np.rint(np.where(gap, 128.0, scaled)), 0, 255).astype(np.uint8)
