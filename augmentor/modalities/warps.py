"""Changes of series and volumes on their grids, by numpy and scipy alone.

Values lie in [0, 1], the codec's window. Every draw of one sample comes from one stream of random
numbers, in a fixed order, so the same seed gives the same versions.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # policies imports warper
    from augmentor.modalities.policies import Policy

Grid = npt.NDArray[np.float32]
FLIPS = ("flip_horizontal", "flip_vertical", "flip_depth")
"""Flips of the last axis, the one before it, and the one before that."""


def warper(policy: Policy) -> Callable[[Grid, int], Grid]:
    """Return a function of (sample (C, *S) in [0, 1], seed) to a changed sample like it.

    A seed of zero or more starts the stream of random numbers; -1 goes on with it.
    """
    rng = np.random.default_rng(0)

    def change(x: Grid, seed: int) -> Grid:
        nonlocal rng
        if seed >= 0:
            rng = np.random.default_rng(seed)
        return np.clip(_values(_places(x, policy, rng), policy, rng), 0.0, 1.0)

    return change


def masked(x: Grid, share: float, rng: np.random.Generator) -> Grid:
    """Return ``x`` (C, *S) with a box of up to ``share`` of each side set to the channel means."""
    result = x.copy()
    box: list[slice] = [slice(None)]
    for side in x.shape[1:]:
        length = min(side, max(1, round(share * side * rng.uniform())))
        start = int(rng.integers(0, side - length + 1))
        box.append(slice(start, start + length))
    result[tuple(box)] = x.reshape(len(x), -1).mean(axis=1).reshape(-1, *(1,) * (x.ndim - 1))
    return result


def affine(x: Grid, matrix: npt.NDArray[np.float64], shift: npt.NDArray[np.float64], border: str) -> Grid:
    """Return ``x`` (C, *S) read at ``centre + matrix @ (place - centre) - shift``, in cells.

    Interpolated linearly; a channel of two values (a segmented shape) takes the nearest cell, so
    that it stays one of two values.
    """
    from scipy.ndimage import affine_transform

    centre = (np.array(x.shape[1:]) - 1) / 2
    offset = centre - matrix @ centre - shift
    mode = "nearest" if border == "edge" else "mirror"
    return np.stack(
        [
            affine_transform(channel, matrix, offset, order=0 if _is_binary(channel) else 1, mode=mode)
            for channel in x
        ]
    )


def rotation(axis: npt.NDArray[np.float64], angle: float) -> npt.NDArray[np.float64]:
    """Return the rotation (3, 3) by ``angle`` radians about the unit vector ``axis`` (Rodrigues)."""
    a, b, c = axis
    cross = np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def _places(x: Grid, policy: Policy, rng: np.random.Generator) -> Grid:
    """Draw the geometric changes: turns, flips, then shift, zoom, rotation and shear as one."""
    ndim = x.ndim - 1
    if policy.quarter_turns:
        planes = [
            pair
            for pair in itertools.combinations(range(1, ndim + 1), 2)
            if x.shape[pair[0]] == x.shape[pair[1]]
        ]
        if planes:
            x = np.rot90(x, int(rng.integers(4)), planes[int(rng.integers(len(planes)))])
    for back, name in enumerate(FLIPS[:ndim], start=1):
        if getattr(policy, name) and rng.random() < 0.5:
            x = np.flip(x, axis=-back)
    if not (policy.shift or policy.scale or policy.rotate or policy.shear):
        return np.ascontiguousarray(x)
    matrix = np.eye(ndim) / (1 + rng.uniform(-policy.scale, policy.scale))
    if policy.shear:
        matrix[-1, -2] += np.tan(np.deg2rad(rng.uniform(-policy.shear, policy.shear)))
    if policy.rotate:
        axis = rng.normal(size=3)
        angle = np.deg2rad(rng.uniform(-policy.rotate, policy.rotate))
        matrix = rotation(axis / np.linalg.norm(axis), angle) @ matrix
    shift = rng.uniform(-policy.shift, policy.shift, ndim) * np.array(x.shape[1:])
    return affine(np.ascontiguousarray(x), matrix, shift, policy.border)


def _values(x: Grid, policy: Policy, rng: np.random.Generator) -> Grid:
    """Draw the changes of values: amplitude and level of every channel, blur, noise, mask."""
    by_channel = (len(x), *(1,) * (x.ndim - 1))
    if (policy.brightness or policy.contrast) and rng.random() < 0.5:
        mean = x.reshape(len(x), -1).mean(axis=1).reshape(by_channel)
        factor = 1 + rng.uniform(-policy.contrast, policy.contrast, by_channel)
        x = (
            mean + (x - mean) * factor + rng.uniform(-policy.brightness, policy.brightness, by_channel)
        ).astype(np.float32)
    if policy.blur and rng.random() < 0.5:
        from scipy.ndimage import gaussian_filter

        width = rng.uniform(0.1, max(0.1, policy.blur))
        x = gaussian_filter(x, (0, *(width,) * (x.ndim - 1)), mode="nearest")
    if policy.noise and rng.random() < 0.5:
        x = x + rng.normal(0, rng.uniform(0, policy.noise), x.shape).astype(np.float32)
    if policy.mask and rng.random() < 0.5:
        x = masked(x, policy.mask, rng)
    return x


def _is_binary(channel: Grid) -> bool:
    low, high = channel.min(), channel.max()
    return bool(((channel == low) | (channel == high)).all())
