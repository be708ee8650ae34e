"""Augmentation: what a policy may change, and the policies that have names.

There are two kinds. A :class:`Policy` makes every change that it names, each up to a largest one. A
:class:`ChosenPolicy` makes one or a few operations, chosen at random from all that the kind of sample has, as
TrivialAugment and RandAugment do.

A policy speaks of samples, not of a library: its fields are the largest change each transform may
make. Images are changed by :mod:`augmentor.modalities.image_transforms`, series and volumes by
:mod:`augmentor.modalities.warps`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from augmentor.core.errors import ConfigError
from augmentor.core.spec import Spec

Share = Annotated[float, Field(ge=0, le=0.5)]
Degrees = Annotated[float, Field(ge=0, le=180)]


class Policy(Spec):
    """The largest change of each transform; zero or false leaves it out.

    Geometric changes are drawn for every version; each of the others takes part in half of them.
    Values are spoken of as shares of the window that the codec read off the training part; in series
    and volumes every channel draws its own level and amplitude. What a kind of sample does not have
    (a series cannot be turned) is left out for it.

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

    def used(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return which of the transforms ``names`` this policy makes use of."""
        return tuple(name for name in names if getattr(self, name))

    def without(self, names: Iterable[str]) -> Policy:
        """Return the policy without the transforms ``names``."""
        return self.model_copy(update={name: Policy.model_fields[name].default for name in names})


class ChosenPolicy(Spec):
    """A few operations for each version, drawn at random from those of the kind of sample.

    The operations of a kind are :attr:`augmentor.modalities.base.Modality.operations`, for images those of
    RandAugment's space (Cubuk 2020, section 3); how far each goes at full strength is in
    :mod:`augmentor.modalities.operations`. There is nothing to tune, which is what makes these policies fair
    to compare with.

    Attributes:
        number: operations of a version, drawn with replacement and applied one after the other.
        strength: share of the full strength of every operation, or "uniform", drawn anew for each of them.
        forbid: operations that are not drawn.
        border: what lies outside the sample, as in :class:`Policy`.
    """

    number: Annotated[int, Field(ge=1, le=10)] = 1
    strength: Annotated[float, Field(gt=0, le=1)] | Literal["uniform"] = "uniform"
    forbid: tuple[str, ...] = ()
    border: Literal["edge", "reflected"] = "reflected"

    def without(self, names: Iterable[str]) -> ChosenPolicy:
        """Return the policy that does not draw the operations ``names`` either."""
        return self.model_copy(update={"forbid": tuple(sorted({*self.forbid, *names}))})

    def used(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return nothing: a policy of operations that a kind does not have draws from the others."""
        return ()


AnyPolicy: TypeAlias = Policy | ChosenPolicy

OPERATIONS: Final = (
    "identity",
    "shift",
    "scale",
    "rotate",
    "shear",
    "brightness",
    "contrast",
    "colour",
    "sharpness",
    "noise",
    "mask",
    "posterise",
    "solarise",
    "autocontrast",
    "equalise",
)
"""Names of the operations that a :class:`ChosenPolicy` may draw."""

POLICIES: Final[dict[str, AnyPolicy]] = {
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
    # One operation at a strength drawn uniformly (Mueller 2021, algorithm 1).
    "trivial": ChosenPolicy(),
    # N = 2 operations at M = 9 of 30, the setting of Cubuk 2020 for ImageNet (section 4.3).
    "randaugment": ChosenPolicy(number=2, strength=0.3),
}


def resolve(policy: str | AnyPolicy, forbid: tuple[str, ...] = ()) -> AnyPolicy:
    """Return the policy of that name, without the transforms and operations in ``forbid``.

    Raises:
        ConfigError: if the name or a forbidden transform is not known.
    """
    if isinstance(policy, str):
        if policy not in POLICIES:
            raise ConfigError(f"unknown policy {policy!r}; known policies: {', '.join(POLICIES)}")
        policy = POLICIES[policy]
    known = tuple(dict.fromkeys((*transforms(), *OPERATIONS[1:])))
    unknown = sorted(set(forbid) - set(known))
    if unknown:
        raise ConfigError(f"cannot forbid {', '.join(unknown)}; transforms are: {', '.join(known)}")
    if isinstance(policy, ChosenPolicy):
        return policy.without(set(forbid) & set(OPERATIONS))
    return policy.without(set(forbid) & set(transforms()))


def transforms() -> tuple[str, ...]:
    """Return the names of the transforms a :class:`Policy` may hold."""
    return tuple(name for name in Policy.model_fields if name != "border")
