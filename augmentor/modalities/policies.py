"""Classical augmentation: named policies, and the only file that knows albumentations.

A policy speaks of samples, not of a library: its fields are the largest change each transform may
make. Images are changed by albumentations, series and volumes by :mod:`augmentor.modalities.warps`.
Importing this file does not import albumentations (two seconds); drawing images does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from augmentor.core.errors import ConfigError
from augmentor.core.spec import Spec
from augmentor.modalities.warps import masked, warper

Share = Annotated[float, Field(ge=0, le=0.5)]
Degrees = Annotated[float, Field(ge=0, le=180)]


class Policy(Spec):
    """The largest change of each transform; zero or false leaves it out.

    Geometric changes are drawn for every version; each of the others takes part in half of them.
    Values are spoken of as shares of the window that the codec read off the training part; in series
    and volumes every channel draws its own level and amplitude. What a kind of sample does not have
    (:data:`LACKING`: a series cannot be turned) is left out for it.

    Attributes:
        shift: translation, as a share of the side; in time for series.
        scale: zoom by a factor in [1 - scale, 1 + scale]; faster or slower for series.
        rotate: rotation in degrees to either side; of volumes about an axis of any direction.
        shear: shear in degrees to either side, within the last two axes.
        flip_horizontal: mirrored left to right in half of the versions; series run backwards.
        flip_vertical: mirrored top to bottom in half of the versions.
        flip_depth: volumes mirrored front to back in half of the versions.
        quarter_turns: turned by 0, 90, 180 or 270 degrees (in a plane with equal sides only).
        brightness: added, as a share of the value range.
        contrast: values multiplied by a factor in [1 - contrast, 1 + contrast]; for series and volumes
            about the mean of the channel.
        noise: Gaussian noise with a standard deviation up to this share of the value range.
        blur: Gaussian blur with a standard deviation up to this many pixels, voxels or steps.
        mask: a box of up to this share of each side (a stretch of a series) is set to the mean.
        border: what lies outside the sample: its "edge" values repeated, or the sample "reflected".
    """

    shift: Share = 0.0
    scale: Share = 0.0
    rotate: Degrees = 0.0
    shear: Annotated[float, Field(ge=0, le=45)] = 0.0
    flip_horizontal: bool = False
    flip_vertical: bool = False
    flip_depth: bool = False
    quarter_turns: bool = False
    brightness: Share = 0.0
    contrast: Share = 0.0
    noise: Share = 0.0
    blur: Annotated[float, Field(ge=0, le=5)] = 0.0
    mask: Share = 0.0
    border: Literal["edge", "reflected"] = "reflected"

    @property
    def changes_nothing(self) -> bool:
        """Whether every version would be the image itself."""
        return not any(value for name, value in self if name != "border")

    def lacking(self, kind: str) -> tuple[str, ...]:
        """Return the transforms of this policy that samples of ``kind`` do not have."""
        return tuple(name for name in LACKING[kind] if getattr(self, name))

    def fitting(self, kind: str) -> Policy:
        """Return the policy without them."""
        return self.model_copy(update={name: Policy.model_fields[name].default for name in LACKING[kind]})


LACKING: Final[Mapping[str, tuple[str, ...]]] = {
    "series": ("rotate", "shear", "flip_vertical", "flip_depth", "quarter_turns"),
    "image": ("flip_depth",),
    "volume": (),
}
"""Transforms that a kind of sample does not have."""

POLICIES: Final[dict[str, Policy]] = {
    "none": Policy(),
    "light": Policy(shift=0.06, scale=0.08, rotate=8, brightness=0.1, contrast=0.1),
    # Laterality and intensity carry meaning: no mirror, small changes of grey.
    "medical": Policy(shift=0.06, scale=0.1, rotate=10, brightness=0.08, contrast=0.1, noise=0.02, blur=0.5),
    "natural": Policy(shift=0.1, scale=0.15, rotate=15, flip_horizontal=True, brightness=0.2, contrast=0.2),
    # Cells and tissue have no up and no left.
    "microscopy": Policy(
        shift=0.06,
        scale=0.1,
        rotate=15,
        flip_horizontal=True,
        flip_vertical=True,
        flip_depth=True,
        quarter_turns=True,
        brightness=0.1,
        contrast=0.1,
    ),
    # A mirrored or turned digit is another digit.
    "digits": Policy(shift=0.1, scale=0.1, rotate=10, shear=8, border="edge"),
    # Sensors: small changes of time, level and amplitude, noise, a stretch lost; never backwards.
    "series": Policy(
        shift=0.06, scale=0.08, brightness=0.05, contrast=0.1, noise=0.02, mask=0.1, border="edge"
    ),
    # Segmented shapes hold no grey levels: only where and how they lie may change.
    "shapes": Policy(shift=0.06, scale=0.1, rotate=15, border="edge"),
}

Augment = Callable[[npt.NDArray[np.float32], int], npt.NDArray[np.float32]]


def resolve(policy: str | Policy, forbid: tuple[str, ...] = ()) -> Policy:
    """Return the policy of that name, without the transforms in ``forbid``.

    Raises:
        ConfigError: if the name or a forbidden transform is not known.
    """
    if isinstance(policy, str):
        if policy not in POLICIES:
            raise ConfigError(f"unknown policy {policy!r}; known policies: {', '.join(POLICIES)}")
        policy = POLICIES[policy]
    unknown = sorted(set(forbid) - set(transforms()))
    if unknown:
        raise ConfigError(f"cannot forbid {', '.join(unknown)}; transforms are: {', '.join(transforms())}")
    return policy.model_copy(update={name: Policy.model_fields[name].default for name in forbid})


def transforms() -> tuple[str, ...]:
    """Return the names of the transforms a policy may hold."""
    return tuple(name for name in Policy.model_fields if name != "border")


def augmenter(policy: Policy) -> Augment:
    """Return a function of (image (H, W, C) float32 in [0, 1], seed) to a changed image like it.

    For images; :func:`changer` serves every kind.

    A seed of zero or more starts the stream of random numbers; -1 goes on with it. (Starting it
    takes three times as long as the transforms themselves on small images.)
    """
    # Read when albumentations is imported: without it, it asks the network for its newest version.
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    import albumentations
    import cv2

    cv2.setNumThreads(0)
    steps: list[Any] = []
    if policy.quarter_turns:
        steps.append(albumentations.RandomRotate90(p=1.0))
    if policy.flip_horizontal:
        steps.append(albumentations.HorizontalFlip(p=0.5))
    if policy.flip_vertical:
        steps.append(albumentations.VerticalFlip(p=0.5))
    if policy.shift or policy.scale or policy.rotate or policy.shear:
        border = cv2.BORDER_REPLICATE if policy.border == "edge" else cv2.BORDER_REFLECT_101
        steps.append(
            albumentations.Affine(
                translate_percent=(-policy.shift, policy.shift),
                scale=(1 - policy.scale, 1 + policy.scale),
                rotate=(-policy.rotate, policy.rotate),
                shear=(-policy.shear, policy.shear),
                border_mode=border,
                p=1.0,
            )
        )
    if policy.brightness or policy.contrast:
        steps.append(
            albumentations.RandomBrightnessContrast(
                brightness_limit=policy.brightness, contrast_limit=policy.contrast, p=0.5
            )
        )
    if policy.blur:
        width = 2 * int(np.ceil(2 * policy.blur)) + 1
        steps.append(
            albumentations.GaussianBlur(blur_limit=(width, width), sigma_limit=(0.1, policy.blur), p=0.5)
        )
    if policy.noise:
        steps.append(albumentations.GaussNoise(std_range=(0.0, policy.noise), p=0.5))
    pipeline = albumentations.Compose(steps)
    rng = np.random.default_rng(0)

    def augment(image: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float32]:
        nonlocal rng
        if seed >= 0:
            pipeline.set_random_seed(seed)
            rng = np.random.default_rng(seed)
        changed: npt.NDArray[np.float32] = pipeline(image=image)["image"].reshape(image.shape)
        if policy.mask and rng.random() < 0.5:
            changed = np.moveaxis(masked(np.moveaxis(changed, -1, 0), policy.mask, rng), 0, -1)
        return changed

    return augment


def changer(policy: Policy, kind: str) -> Augment:
    """Return a function of (sample (C, *S) float32 in [0, 1], seed) to a changed sample like it.

    A seed of zero or more starts the stream of random numbers; -1 goes on with it.
    """
    if kind != "image":
        return warper(policy.fitting(kind))
    image = augmenter(policy.fitting(kind))

    def change(x: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float32]:
        return np.moveaxis(image(np.ascontiguousarray(np.moveaxis(x, 0, -1)), seed), -1, 0)

    return change
