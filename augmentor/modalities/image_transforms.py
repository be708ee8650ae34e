"""Changes of images; the only file that knows albumentations.

Importing this file does not import albumentations (two seconds); drawing images does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.modalities.policies import Policy
from augmentor.modalities.warps import draw_mask, masked


def augmenter(policy: Policy) -> Callable[[npt.NDArray[np.float32], int], npt.NDArray[np.float32]]:
    """Return a function of (image (H, W, C) float32 in [0, 1], seed) to a changed image like it.

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
            first = np.moveaxis(changed, -1, 0)
            changed = np.moveaxis(masked(first, draw_mask(first.shape, policy.mask, rng)), 0, -1)
        return changed

    return augment
