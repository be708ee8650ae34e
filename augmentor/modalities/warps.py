"""Changes of series and volumes on their grids, by numpy and scipy alone.

Values lie in [0, 1], the codec's window. What is changed and how much is drawn first
(:func:`draw_warp`), then applied (:func:`apply_warp`), which draws nothing. Every draw of one version
comes from one stream of random numbers, in a fixed order, so the same seed gives the same versions.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augmentor.modalities.policies import Policy

Grid = npt.NDArray[np.float32]
Float = npt.NDArray[np.float64]
Box = tuple[slice, ...]
FLIPS = ("flip_horizontal", "flip_vertical", "flip_depth")
"""Flips of the last axis, the one before it, and the one before that."""


@dataclass(frozen=True, eq=False)
class Warp:
    """The changes of one version, in the order in which they are applied; None or empty leaves one out.

    Attributes:
        turn: quarter turns, and the plane (two axes) they turn in.
        flips: axes that are mirrored, counted from the last one, which is 1.
        matrix: (ndim, ndim), zoom, shear and rotation in one.
        shift: (ndim,) translation in cells.
        contrast: (C, 1, ...) factor about the mean of each channel.
        brightness: (C, 1, ...) added to each channel.
        blur: standard deviation in cells.
        noise: (C, *S), added.
        mask: the box that is set to the mean of each channel.
    """

    turn: tuple[int, tuple[int, int]] | None = None
    flips: tuple[int, ...] = ()
    matrix: Float | None = None
    shift: Float | None = None
    contrast: Float | None = None
    brightness: Float | None = None
    blur: float | None = None
    noise: Grid | None = None
    mask: Box | None = None


def warper(policy: Policy) -> Callable[[Grid, int], Grid]:
    """Return a function of (sample (C, *S) in [0, 1], seed) to a changed sample like it.

    A seed of zero or more starts the stream of random numbers; -1 goes on with it.
    """
    rng = np.random.default_rng(0)

    def change(x: Grid, seed: int) -> Grid:
        nonlocal rng
        if seed >= 0:
            rng = np.random.default_rng(seed)
        return apply_warp(draw_warp(policy, x.shape, rng), x, policy.border)

    return change


def draw_warp(policy: Policy, shape: tuple[int, ...], rng: np.random.Generator) -> Warp:
    """Draw the changes of one version of a sample of ``shape`` (C, *S)."""
    turn = _drawn_turn(shape, rng) if policy.quarter_turns else None
    flips = tuple(
        back
        for back, name in enumerate(FLIPS[: len(shape) - 1], start=1)
        if getattr(policy, name) and rng.random() < 0.5
    )
    matrix = shift = contrast = brightness = blur = noise = mask = None
    if policy.shift or policy.scale or policy.rotate or policy.shear:
        matrix = _drawn_matrix(policy, len(shape) - 1, rng)
        shift = rng.uniform(-policy.shift, policy.shift, len(shape) - 1) * np.array(shape[1:])
    by_channel = (shape[0], *(1,) * (len(shape) - 1))
    if (policy.brightness or policy.contrast) and rng.random() < 0.5:
        contrast = 1 + rng.uniform(-policy.contrast, policy.contrast, by_channel)
        brightness = rng.uniform(-policy.brightness, policy.brightness, by_channel)
    if policy.blur and rng.random() < 0.5:
        blur = rng.uniform(0.1, max(0.1, policy.blur))
    if policy.noise and rng.random() < 0.5:
        noise = rng.normal(0, rng.uniform(0, policy.noise), shape).astype(np.float32)
    if policy.mask and rng.random() < 0.5:
        mask = draw_mask(shape, policy.mask, rng)
    return Warp(turn, flips, matrix, shift, contrast, brightness, blur, noise, mask)


def apply_warp(warp: Warp, x: Grid, border: str) -> Grid:
    """Return ``x`` (C, *S) changed as drawn, clipped to [0, 1]; ``border`` as in the policy."""
    if warp.turn is not None:
        x = np.rot90(x, *warp.turn)
    for back in warp.flips:
        x = np.flip(x, axis=-back)
    x = np.ascontiguousarray(x)
    if warp.matrix is not None and warp.shift is not None:
        x = affine(x, warp.matrix, warp.shift, border)
    if warp.contrast is not None and warp.brightness is not None:
        mean = x.reshape(len(x), -1).mean(axis=1).reshape(warp.contrast.shape)
        x = (mean + (x - mean) * warp.contrast + warp.brightness).astype(np.float32)
    if warp.blur is not None:
        from scipy.ndimage import gaussian_filter

        x = gaussian_filter(x, (0, *(warp.blur,) * (x.ndim - 1)), mode="nearest")
    if warp.noise is not None:
        x = x + warp.noise
    if warp.mask is not None:
        x = masked(x, warp.mask)
    return np.clip(x, 0.0, 1.0)


def draw_mask(shape: tuple[int, ...], share: float, rng: np.random.Generator) -> Box:
    """Draw a box of up to ``share`` of each side of a sample of ``shape`` (C, *S)."""
    box: list[slice] = [slice(None)]
    for side in shape[1:]:
        length = min(side, max(1, round(share * side * rng.uniform())))
        start = int(rng.integers(0, side - length + 1))
        box.append(slice(start, start + length))
    return tuple(box)


def masked(x: Grid, box: Box) -> Grid:
    """Return ``x`` (C, *S) with the box set to the mean of each channel."""
    result = x.copy()
    result[box] = x.reshape(len(x), -1).mean(axis=1).reshape(-1, *(1,) * (x.ndim - 1))
    return result


def affine(x: Grid, matrix: Float, shift: Float, border: str) -> Grid:
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


def rotation(axis: Float, angle: float) -> Float:
    """Return the rotation (3, 3) by ``angle`` radians about the unit vector ``axis`` (Rodrigues)."""
    a, b, c = axis
    cross = np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def _drawn_turn(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, tuple[int, int]] | None:
    """Draw quarter turns in a plane with equal sides, None where there is no such plane."""
    pairs = itertools.combinations(range(1, len(shape)), 2)
    planes = [pair for pair in pairs if shape[pair[0]] == shape[pair[1]]]
    if not planes:
        return None
    quarters = int(rng.integers(4))
    return quarters, planes[int(rng.integers(len(planes)))]


def _drawn_matrix(policy: Policy, ndim: int, rng: np.random.Generator) -> Float:
    """Draw zoom, then shear, then rotation, as one matrix (ndim, ndim)."""
    matrix = np.eye(ndim) / (1 + rng.uniform(-policy.scale, policy.scale))
    if policy.shear:
        matrix[-1, -2] += np.tan(np.deg2rad(rng.uniform(-policy.shear, policy.shear)))
    if policy.rotate:
        axis = rng.normal(size=3)
        angle = np.deg2rad(rng.uniform(-policy.rotate, policy.rotate))
        matrix = rotation(axis / np.linalg.norm(axis), angle) @ matrix
    return np.asarray(matrix)


def _is_binary(channel: Grid) -> bool:
    low, high = channel.min(), channel.max()
    return bool(((channel == low) | (channel == high)).all())
