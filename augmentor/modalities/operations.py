"""The operations of TrivialAugment and RandAugment, on samples of any number of dimensions.

At strength 1 each goes as far as in RandAugment's space (Cubuk 2020, section 3; Mueller 2021, appendix): a
shift of 0.31 of a side (10 of 32 pixels), a shear of 0.3, a rotation of 30 degrees, a factor of 1 - 0.9 to
1 + 0.9 on brightness, contrast, colour and sharpness, 4 of 8 bits left, everything inverted. Where an
operation has two directions, one is drawn. Values lie in [0, 1], the codec's window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from augmentor.modalities.policies import ChosenPolicy
from augmentor.modalities.warps import Float, Grid, affine, draw_mask, masked, rotation

Operation: TypeAlias = Callable[[Grid, float, np.random.Generator], Grid]
"""(sample (C, *S), strength in [0, 1], stream) to a changed sample, not yet clipped."""

SHIFT, SCALE, SHEAR, DEGREES, FACTOR = 0.31, 0.3, 0.3, 30.0, 0.9
NOISE, MASK = 0.1, 0.3
BITS = 4
"""Of eight, how many are taken away at full strength."""
LEVELS = 256


def chooser(policy: ChosenPolicy, operations: Sequence[str]) -> Callable[[Grid, int], Grid]:
    """Return a function of (sample (C, *S) in [0, 1], seed) to a changed sample like it.

    A seed of zero or more starts the stream of random numbers; -1 goes on with it.

    Args:
        policy: how many operations, how strong, and which not.
        operations: names of those that there are; an operation that would change no sample of the shape, the
            colour of grey ones, is not drawn.
    """
    allowed = [name for name in operations if name not in policy.forbid] or ["identity"]
    rng = np.random.default_rng(0)

    def change(x: Grid, seed: int) -> Grid:
        nonlocal rng
        if seed >= 0:
            rng = np.random.default_rng(seed)
        names = [name for name in allowed if name != "colour" or len(x) == 3]
        for _ in range(policy.number):
            name = names[int(rng.integers(len(names)))]
            strength = float(rng.random()) if policy.strength == "uniform" else policy.strength
            if name in WARPS:
                matrix, shift = WARPS[name](x.ndim - 1, strength, rng)
                x = affine(x, matrix, shift * np.array(x.shape[1:]), policy.border)
            elif name != "identity":
                x = CHANGES[name](x, strength, rng)
            x = np.clip(x, 0.0, 1.0).astype(np.float32)
        return x

    return change


def _sign(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0


def _shift(ndim: int, strength: float, rng: np.random.Generator) -> tuple[Float, Float]:
    shift = np.zeros(ndim)
    shift[int(rng.integers(ndim))] = _sign(rng) * SHIFT * strength
    return np.eye(ndim), shift


def _scale(ndim: int, strength: float, rng: np.random.Generator) -> tuple[Float, Float]:
    return np.eye(ndim) / (1 + _sign(rng) * SCALE * strength), np.zeros(ndim)


def _shear(ndim: int, strength: float, rng: np.random.Generator) -> tuple[Float, Float]:
    matrix = np.eye(ndim)
    one, other = rng.permutation(ndim)[:2]
    matrix[one, other] = _sign(rng) * SHEAR * strength
    return matrix, np.zeros(ndim)


def _rotate(ndim: int, strength: float, rng: np.random.Generator) -> tuple[Float, Float]:
    angle = _sign(rng) * np.deg2rad(DEGREES) * strength
    if ndim == 2:
        return rotation(np.array([0.0, 0.0, 1.0]), angle)[:2, :2], np.zeros(2)
    axis = rng.normal(size=3)
    return rotation(axis / np.linalg.norm(axis), angle), np.zeros(3)


def _factor(strength: float, rng: np.random.Generator) -> float:
    return 1 + _sign(rng) * FACTOR * strength


def _brightness(x: Grid, strength: float, rng: np.random.Generator) -> Grid:
    return x * np.float32(_factor(strength, rng))


def _contrast(x: Grid, strength: float, rng: np.random.Generator) -> Grid:
    return _blend(np.full_like(x, x.mean()), x, _factor(strength, rng))


def _colour(x: Grid, strength: float, rng: np.random.Generator) -> Grid:
    return _blend(np.broadcast_to(x.mean(axis=0), x.shape), x, _factor(strength, rng))


def _sharpness(x: Grid, strength: float, rng: np.random.Generator) -> Grid:
    from scipy.ndimage import uniform_filter

    return _blend(uniform_filter(x, (1, *(3,) * (x.ndim - 1)), mode="nearest"), x, _factor(strength, rng))


def _blend(plain: Grid, x: Grid, factor: float) -> Grid:
    """Return the sample moved away from ``plain``, or towards it for factors below 1."""
    return plain + np.float32(factor) * (x - plain)


def _noise(x: Grid, strength: float, rng: np.random.Generator) -> Grid:
    return x + rng.normal(0, NOISE * strength, x.shape).astype(np.float32)


def _mask(x: Grid, strength: float, rng: np.random.Generator) -> Grid:
    return masked(x, draw_mask(x.shape, MASK * strength, rng))


def _posterise(x: Grid, strength: float, _: np.random.Generator) -> Grid:
    step = 2 ** round(BITS * strength)
    return np.asarray(np.floor(x * (LEVELS - 1) / step) * step / (LEVELS - 1), np.float32)


def _solarise(x: Grid, strength: float, _: np.random.Generator) -> Grid:
    return np.where(x >= 1 - strength, 1 - x, x)


def _autocontrast(x: Grid, _: float, __: np.random.Generator) -> Grid:
    low, high = (f(x.reshape(len(x), -1), axis=1).reshape(-1, *(1,) * (x.ndim - 1)) for f in (np.min, np.max))
    return np.where(high > low, (x - low) / np.where(high > low, high - low, 1), x)


def _equalise(x: Grid, _: float, __: np.random.Generator) -> Grid:
    """Return each channel with its values replaced by how large a share of it is lower."""
    return np.stack([_equalised(channel) for channel in x])


def _equalised(channel: Grid) -> Grid:
    level = np.rint(channel * (LEVELS - 1)).astype(np.int64)
    below = np.cumsum(np.bincount(level.ravel(), minlength=LEVELS)).astype(np.float32)
    least = below[level.min()]
    if below[-1] == least:
        return channel
    spread: npt.NDArray[np.float32] = ((below - least) / (below[-1] - least))[level]
    return spread


WARPS: Final[Mapping[str, Callable[[int, float, np.random.Generator], tuple[Float, Float]]]] = {
    "shift": _shift,
    "scale": _scale,
    "shear": _shear,
    "rotate": _rotate,
}
"""Operations on places: (dimensions, strength, stream) to the arguments of
:func:`augmentor.modalities.warps.affine`, the shift in shares of the sides."""

CHANGES: Final[Mapping[str, Operation]] = {
    "brightness": _brightness,
    "contrast": _contrast,
    "colour": _colour,
    "sharpness": _sharpness,
    "noise": _noise,
    "mask": _mask,
    "posterise": _posterise,
    "solarise": _solarise,
    "autocontrast": _autocontrast,
    "equalise": _equalise,
}
"""Operations on values."""
