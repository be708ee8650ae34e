"""What a synthesizer is asked to be. Torch-free, so that recipes are read quickly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from augmentor.nets.spec import NetworkSpec
from augmentor.training.spec import TrainingSpec

__all__ = ["FAMILIES", "SynthesizerSpec", "TrainingSpec"]

AdversarialName = Literal[
    "minimax", "non_saturating", "least_squares", "wasserstein", "hinge", "relativistic"
]
PenaltyName = Literal["r1", "r2", "gradient_penalty"]
AugmentName = Literal["colour", "translation", "cutout", "geometry"]
Weight = Annotated[float, Field(ge=0)] | Literal["auto"]

FAMILIES: Mapping[str, Mapping[str, Any]] = {
    # Huang 2024: residual networks without normalisation, relativistic pairs, both penalties.
    "residual": {
        "architecture": "residual",
        "conditioning": "projection",
        "adversarial": "relativistic",
        "regularisers": {"r1": "auto", "r2": "auto"},
        "augmentation": ["translation"],
    },
}
"""What each family sets where the recipe says nothing."""


class SynthesizerSpec(NetworkSpec):
    """A generator composed from the five seams.

    Attributes:
        family: a name in :data:`FAMILIES`, whose values stand where a field is not given.
        adversarial: a name in :data:`augmentor.objectives.adversarial.ADVERSARIAL`.
        regularisers: weight of each penalty by name; "auto" follows
            :func:`augmentor.nets.sizing.auto_gamma`. Given ones replace the family's.
        augmentation: groups of differentiable augmentation that real and fake samples go through
            on their way to the critic (Zhao 2020): colour, translation, cutout, geometry.
        augmentation_probability: chance of each operation for each sample.
        mode_seeking: weight of the mode seeking loss (Mao 2019); 0 leaves it out.
    """

    family: Literal["residual"] = "residual"
    adversarial: AdversarialName = "relativistic"
    regularisers: dict[PenaltyName, Weight] = Field(default_factory=dict)
    augmentation: tuple[AugmentName, ...] = ()
    augmentation_probability: float = Field(default=0.5, ge=0, le=1)
    mode_seeking: float = Field(default=0.1, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _family(cls, values: Any) -> Any:  # noqa: ANN401 - whatever the recipe holds
        if not isinstance(values, Mapping):
            return values
        defaults = FAMILIES.get(str(values.get("family", "residual")), {})
        return {**defaults, **values}

    @model_validator(mode="after")
    def _can_work(self) -> SynthesizerSpec:
        used = {name for name, weight in self.regularisers.items() if weight != 0}
        if self.adversarial == "relativistic" and not used & {"r1", "r2"}:
            raise ValueError(
                "adversarial 'relativistic' does not converge without a zero-centred gradient penalty "
                "(Huang 2024, section 2); add r1 or r2 to regularisers, or choose another loss"
            )
        if self.adversarial == "wasserstein" and "gradient_penalty" not in used:
            raise ValueError(
                "adversarial 'wasserstein' has no minimum unless the critic's slope is bounded "
                "(Gulrajani 2017); add gradient_penalty to regularisers, e.g. {gradient_penalty: 10}"
            )
        if "gradient_penalty" in used and self.regularisers.get("gradient_penalty") == "auto":
            raise ValueError("regularisers.gradient_penalty needs a number; the paper's is 10")
        if "gradient_penalty" in used and used & {"r1", "r2"}:
            raise ValueError(
                "gradient_penalty pulls the critic's slope to 1 while r1 and r2 pull it to 0; keep one kind"
            )
        return self
