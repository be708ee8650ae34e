"""What a dataset card says must not be done to its images, carried into every augmentation."""

from __future__ import annotations

from collections.abc import Sequence

from augmentor.experiment.spec import EvaluationSpec
from augmentor.synthesizers.method_spec import MethodSpec

# A quarter turn is a flip of both axes in disguise, so whoever forbids a flip forbids it too.
CLASSICAL: dict[str, tuple[str, ...]] = {
    "horizontal_flip": ("flip_horizontal", "quarter_turns"),
    "vertical_flip": ("flip_vertical", "quarter_turns"),
    "depth_flip": ("flip_depth", "quarter_turns"),
    "rotation": ("rotate", "quarter_turns"),
    "colour": (
        *("brightness", "contrast", "colour", "sharpness"),
        *("posterise", "solarise", "autocontrast", "equalise"),
    ),
    "scale": ("scale",),
}
CRITIC: dict[str, str] = {
    "horizontal_flip": "geometry",
    "vertical_flip": "geometry",
    "depth_flip": "geometry",
    "rotation": "geometry",
    "colour": "colour",
}


def evaluation_without(spec: EvaluationSpec, avoid: Sequence[str]) -> EvaluationSpec:
    """Return ``spec`` whose classical policy leaves out what the card avoids."""
    forbidden = {*spec.augmentation.forbid, *(name for what in avoid for name in CLASSICAL[what])}
    augmentation = spec.augmentation.model_copy(update={"forbid": tuple(sorted(forbidden))})
    return spec.model_copy(update={"augmentation": augmentation})


def synthesizer_without(spec: MethodSpec, avoid: Sequence[str]) -> MethodSpec:
    """Return ``spec`` whose critic augmentation leaves out the groups that the card avoids."""
    return spec.without_augmentation({CRITIC[what] for what in avoid if what in CRITIC})
