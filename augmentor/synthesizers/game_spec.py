"""Fields of every game of a generator against a critic. Torch-free, so that recipes are read quickly."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from augmentor.nets.spec import NetworkSpec
from augmentor.objectives.operations import operations_of
from augmentor.synthesizers.method_spec import MethodSpec

AdversarialName = Literal[
    "minimax", "non_saturating", "least_squares", "wasserstein", "hinge", "relativistic"
]
PenaltyName = Literal[
    "r1", "r2", "gradient_penalty", "clip", "lecam", "consistency", "path_length", "identity"
]
AugmentName = Literal["colour", "translation", "cutout", "geometry"]
OperationName = Literal[
    "brightness",
    "saturation",
    "contrast",
    "translation",
    "cutout",
    "flip_horizontal",
    "flip_vertical",
    "flip_depth",
    "rotation",
]
Weight = Annotated[float, Field(ge=0)] | Literal["auto"]
ZERO_CENTRED = frozenset({"r1", "r2"})


class GameSpec(MethodSpec):
    """The game of a generator against a critic: loss, regularisers, and what the critic sees.

    Attributes:
        adversarial: a name in :data:`augmentor.objectives.adversarial.ADVERSARIAL`.
        regularisers: weight of each by name; r1 and r2 "auto" follow
            :func:`augmentor.nets.sizing.auto_gamma`; clip is the bound of the critic's weights. Given ones
            replace the family's.
        augmentation: groups of differentiable augmentation that real and fake samples go through
            on their way to the critic (Zhao 2020): colour, translation, cutout, geometry.
        augmentation_probability: chance of each operation for each sample, or "adaptive": it follows
            the sign of the critic's belief in real samples (ADA, Karras 2020, equation 1).
        augmentation_target: the mean sign that "adaptive" holds.
        augmentation_strength: scales sizes of shifts, cuts and colours; 1 is the paper's.
        forbid: operations that would make a wrong sample, e.g. [flip_horizontal] where the side matters.
    """

    not_here: ClassVar[dict[str, str]] = {}
    """Regularisers of other methods, and why they cannot act in this one."""

    adversarial: AdversarialName = "relativistic"
    regularisers: dict[PenaltyName, Weight] = Field(default_factory=dict)
    augmentation: tuple[AugmentName, ...] = ("translation",)
    augmentation_probability: Annotated[float, Field(ge=0, le=1)] | Literal["adaptive"] = 0.5
    augmentation_target: float = Field(default=0.6, gt=-1, lt=1)
    augmentation_strength: float = Field(default=1.0, gt=0, le=1)
    forbid: tuple[OperationName, ...] = ()

    @property
    def network(self) -> NetworkSpec:
        """Generator and critic as the networks' builders take them."""
        raise NotImplementedError

    @property
    def used(self) -> dict[str, float | Literal["auto"]]:
        """The regularisers with a weight other than 0."""
        return {name: weight for name, weight in self.regularisers.items() if weight != 0}

    def without_augmentation(self, groups: Collection[str]) -> Self:
        """Return the same without these groups of the critic's augmentation."""
        kept = tuple(name for name in self.augmentation if name not in groups)
        return self.model_copy(update={"augmentation": kept})

    @model_validator(mode="after")
    def _game_can_work(self) -> Self:
        for check in (_critic_bounded, _regularisers_fit, _augmentation_fits):
            reason = check(self)
            if reason:
                raise ValueError(reason)
        return self


def _critic_bounded(spec: GameSpec) -> str | None:
    used, spectral_norm = set(spec.used), spec.network.spectral_norm
    if spec.adversarial == "relativistic" and not used & ZERO_CENTRED:
        return (
            "adversarial 'relativistic' does not converge without a zero-centred gradient penalty "
            "(Huang 2024, section 2); add r1 or r2 to regularisers, or choose another loss"
        )
    bounds = used & {"gradient_penalty", "clip"}
    if spec.adversarial == "wasserstein" and not bounds and not spectral_norm:
        another = ", or set spectral_norm" if "spectral_norm" in type(spec).model_fields else ""
        return (
            "adversarial 'wasserstein' has no minimum unless the critic's slope is bounded "
            "(Gulrajani 2017); add gradient_penalty to regularisers, e.g. {gradient_penalty: 10}, or "
            f"{{clip: 0.01}}{another}"
        )
    if len(bounds) + spectral_norm > 1:
        return "gradient_penalty, clip and spectral_norm all bound the critic's slope; keep one of them"
    return None


def _regularisers_fit(spec: GameSpec) -> str | None:
    used = set(spec.used)
    for name in sorted(used - ZERO_CENTRED):
        if spec.regularisers[name] == "auto":  # type: ignore[index]  # its keys are these names
            return f"regularisers.{name} needs a number; only r1 and r2 can be 'auto'"
    for name in sorted(used & set(spec.not_here)):
        return f"regularisers.{name} {spec.not_here[name]}"
    if "gradient_penalty" in used and used & ZERO_CENTRED:
        return "gradient_penalty pulls the critic's slope to 1 while r1 and r2 pull it to 0; keep one kind"
    batch = spec.network.norms[1] == "batch"
    if batch and used & {*ZERO_CENTRED, "gradient_penalty"}:
        return (
            "a gradient penalty is about one row at a time, but critic_norm 'batch' lets every row of the "
            "batch change it (Gulrajani 2017, section 4); set critic_norm to 'layer' or 'none'"
        )
    return None


def _augmentation_fits(spec: GameSpec) -> str | None:
    if spec.augmentation and not operations_of(spec.augmentation, spec.forbid):
        return (
            f"forbid leaves nothing of augmentation {list(spec.augmentation)}; name another group, or set "
            "augmentation to []"
        )
    if spec.augmentation_probability == "adaptive" and not spec.augmentation:
        return "augmentation_probability 'adaptive' has nothing to adapt; name groups in augmentation"
    return None
