"""Fields of the method class_translation. Torch-free, so that recipes are read quickly."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from augmentor.synthesizers.method_spec import MethodSpec
from augmentor.synthesizers.starts_spec import StartsSpec


class ClassTranslationSpec(MethodSpec):
    """Translation down a classifier's gradient (Kim, Jeong and Shin 2020, M2m).

    Attributes:
        width: channels of both classifiers' first stage; "auto" is the downstream classifier's own.
        penalty: lambda, weight of the source class's logit.
        gamma: a sample is accepted, and moves no further, where the guide gives the target class at least
            this probability.
        steps: gradient steps from the start, at most.
        step: root mean square of one step's change over a sample's values in [-1, 1]; gradients pass the
            low-pass filter too.
        noise: the classifiers learn under noise of up to this standard deviation in units of [-1, 1],
            and half of it is added to a sample before a gradient is taken.
        attempts: starts tried for a sample until one is accepted; after the last, the one with the highest
            probability is taken.
        starts: the training samples that a translation starts from.
    """

    method: Literal["class_translation"] = "class_translation"
    width: Annotated[int, Field(ge=4, le=512)] | Literal["auto"] = "auto"
    penalty: float = Field(default=0.1, ge=0)
    gamma: float = Field(default=0.9, gt=0, lt=1)
    steps: int = Field(default=60, ge=1, le=1000)
    step: float = Field(default=0.01, gt=0, le=1)
    noise: float = Field(default=0.3, ge=0, le=2)
    attempts: int = Field(default=4, ge=1, le=100)
    starts: StartsSpec = StartsSpec()
