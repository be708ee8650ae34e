"""Images: grey or colour, two spatial axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from augmentor.core.kinds import IMAGE, Kind
from augmentor.core.samples import Samples
from augmentor.data.readers.foreign import ForeignForm
from augmentor.data.readers.foreign_images import ForeignImages
from augmentor.data.writers.export import Writer
from augmentor.data.writers.images import ImageFiles
from augmentor.modalities.base import Augment, Grid, Preview
from augmentor.modalities.grid import LARGEST, GridModality, display_window, grey_levels
from augmentor.modalities.policies import AnyPolicy, ChosenPolicy


@dataclass(frozen=True)
class ImageModality(GridModality):
    """Images (C, H, W), C of 1 or 3."""

    kind: Kind = IMAGE
    lacking: tuple[str, ...] = ("flip_depth",)
    operations: ClassVar[tuple[str, ...]] = (
        *("identity", "shift", "rotate", "shear", "brightness", "contrast", "colour", "sharpness"),
        *("posterise", "solarise", "autocontrast", "equalise"),
    )
    """Those of RandAugment (Cubuk 2020): both directions of a shift, and of a shear, are one operation."""
    writer: ClassVar[Writer] = ImageFiles()
    foreign: ClassVar[ForeignForm] = ForeignImages()

    def windows_by_channel(self, shape: tuple[int, ...]) -> bool:
        """Return False: the channels of a colour image are to keep their balance."""
        return False

    def changer(self, policy: AnyPolicy) -> Augment:
        """Return a function of (image (C, H, W) in [0, 1], seed) to a changed image.

        The changes of a :class:`~augmentor.modalities.policies.Policy` are those of albumentations.
        """
        if isinstance(policy, ChosenPolicy):
            return super().changer(policy)
        from augmentor.modalities.image_transforms import augmenter

        augment = augmenter(policy.without(self.lacking))

        def change(x: Grid, seed: int) -> Grid:
            return np.moveaxis(augment(np.ascontiguousarray(np.moveaxis(x, 0, -1)), seed), -1, 0)

        return change

    def preview(self, train: Samples) -> Preview:
        """Return how images are shown: as they are, thinned where they are large."""
        window = display_window(train)
        return Preview(
            lambda rows: as_pictures(np.asarray(rows), window), note="They are shown without smoothing."
        )


def as_pictures(rows: npt.NDArray[Any], window: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """Return images (n, C, H, W) as uint8 (n, H, W, 1 or 3), ``window`` mapped to 0..255.

    Images with two or more than three channels show their first channel.
    """
    planes = np.moveaxis(rows.astype(np.float64), 1, -1)
    if planes.shape[-1] not in {1, 3}:
        planes = planes[..., :1]
    step = -(-max(planes.shape[1:3]) // LARGEST)
    return grey_levels(planes[:, ::step, ::step], window)
