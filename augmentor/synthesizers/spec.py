"""What a synthesizer is asked to be. Torch-free, so that recipes are read quickly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from augmentor.nets.flow_spec import FlowSpec
from augmentor.nets.spec import NetworkSpec
from augmentor.objectives.operations import operations_of
from augmentor.synthesizers.families import FAMILIES, FamilyName
from augmentor.synthesizers.translation_spec import StarganSpec, TranslationSpec
from augmentor.training.spec import TrainingSpec

__all__ = ["FAMILIES", "SynthesizerSpec", "TrainingSpec"]

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


class SynthesizerSpec(NetworkSpec):
    """A generator composed from the five seams.

    Attributes:
        family: a name in :data:`augmentor.synthesizers.families.FAMILIES`, whose values stand where a
            field is not given.
        per_class: train one network for each class, without labels (Frid-Adar 2018, section 3.2).
        objective: "adversarial"; "variational" for an autoencoder with an encoder in the critic's place;
            "flow" for a rectified flow, whose one network takes noise to a sample in steps;
            "translation" for classifiers that turn samples of richer classes into those of rarer ones;
            "stargan" for a generator that does so, and is played against a critic; with conditioning "apart"
            each class has a generator and a critic of its own (CycleGAN).
        adversarial: a name in :data:`augmentor.objectives.adversarial.ADVERSARIAL`.
        regularisers: weight of each by name; r1 and r2 "auto" follow
            :func:`augmentor.nets.sizing.auto_gamma`; clip is the bound of the critic's weights; identity,
            with objective "stargan", see :func:`augmentor.objectives.cycle.identity_loss`. Given ones replace
            the family's.
        augmentation: groups of differentiable augmentation that real and fake samples go through
            on their way to the critic (Zhao 2020): colour, translation, cutout, geometry.
        augmentation_probability: chance of each operation for each sample, or "adaptive": it follows
            the sign of the critic's belief in real samples (ADA, Karras 2020, equation 1).
        augmentation_target: the mean sign that "adaptive" holds.
        augmentation_strength: scales sizes of shifts, cuts and colours; 1 is the paper's.
        forbid: operations that would make a wrong sample, e.g. [flip_horizontal] where the side matters.
        mode_seeking: weight of the mode seeking loss (Mao 2019); 0 leaves it out.
        auxiliary_weight: weight of the auxiliary classifier's loss, with conditioning "auxiliary"; with
            objective "stargan" its lambda_cls.
        translation: how samples are translated, with objective "translation".
        stargan: what they start from and come back to, with objective "stargan".
    """

    family: FamilyName = "residual"
    per_class: bool = False
    objective: Literal["adversarial", "variational", "flow", "translation", "stargan"] = "adversarial"
    adversarial: AdversarialName = "relativistic"
    regularisers: dict[PenaltyName, Weight] = Field(default_factory=dict)
    augmentation: tuple[AugmentName, ...] = ("translation",)
    augmentation_probability: Annotated[float, Field(ge=0, le=1)] | Literal["adaptive"] = 0.5
    augmentation_target: float = Field(default=0.6, gt=-1, lt=1)
    augmentation_strength: float = Field(default=1.0, gt=0, le=1)
    forbid: tuple[OperationName, ...] = ()
    mode_seeking: float = Field(default=0.1, ge=0)
    auxiliary_weight: float = Field(default=1.0, ge=0)
    translation: TranslationSpec = TranslationSpec()
    stargan: StarganSpec = StarganSpec()

    @model_validator(mode="before")
    @classmethod
    def _family(cls, values: Any) -> Any:  # noqa: ANN401 - whatever the recipe holds
        if not isinstance(values, Mapping):
            return values
        family = FAMILIES.get(str(values.get("family", "residual")))
        if family is None:
            return values
        merged = {**family.spec, **values}
        if isinstance(values.get("stargan"), Mapping):
            # One by one: who asks for fewer starts does not ask for another weight of the cycle.
            merged["stargan"] = {**family.spec.get("stargan", {}), **values["stargan"]}
        if merged.get("per_class") and "conditioning" not in values:
            merged["conditioning"] = "none"
        return merged

    def numbers(self, shape: tuple[int, ...]) -> int:
        """Return how many standard normal numbers a sample of ``shape`` (C, *spatial) is made from.

        None with objective "stargan", whose samples start from real ones.
        """
        if self.objective == "stargan":
            return 0
        return math.prod(shape) if self.objective == "flow" else self.latent

    @property
    def leaves_critic(self) -> bool:
        """Whether a training leaves one critic, or encoder, of all classes, for classifiers to start from."""
        none = self.objective in {"flow", "translation"} or self.conditioning == "apart"
        return not (none or self.per_class)

    @property
    def used(self) -> dict[str, float | Literal["auto"]]:
        """The regularisers with a weight other than 0."""
        return {name: weight for name, weight in self.regularisers.items() if weight != 0}

    @model_validator(mode="after")
    def _can_work(self) -> SynthesizerSpec:
        alone = {
            "variational": _variational_alone,
            "flow": _flow_alone,
            "translation": _translation_alone,
            "stargan": _stargan_alone,
        }
        checks = (
            alone.get(self.objective, _critic_bounded)(self),
            _asked_of_another(self),
            _regularisers_fit(self),
            _labels_reach(self),
            _augmentation_fits(self),
        )
        for reason in checks:
            if reason:
                raise ValueError(reason)
        return self


def _critic_bounded(spec: SynthesizerSpec) -> str | None:
    used = set(spec.used)
    if spec.adversarial == "relativistic" and not used & ZERO_CENTRED:
        return (
            "adversarial 'relativistic' does not converge without a zero-centred gradient penalty "
            "(Huang 2024, section 2); add r1 or r2 to regularisers, or choose another loss"
        )
    bounds = used & {"gradient_penalty", "clip"}
    if spec.adversarial == "wasserstein" and not bounds and not spec.spectral_norm:
        return (
            "adversarial 'wasserstein' has no minimum unless the critic's slope is bounded "
            "(Gulrajani 2017); add gradient_penalty to regularisers, e.g. {gradient_penalty: 10}, or "
            "{clip: 0.01}, or set spectral_norm"
        )
    if len(bounds) + spec.spectral_norm > 1:
        return "gradient_penalty, clip and spectral_norm all bound the critic's slope; keep one of them"
    return None


def _regularisers_fit(spec: SynthesizerSpec) -> str | None:
    used = set(spec.used)
    for name in sorted(used - ZERO_CENTRED):
        if spec.regularisers[name] == "auto":  # type: ignore[index]  # its keys are these names
            return f"regularisers.{name} needs a number; only r1 and r2 can be 'auto'"
    if "gradient_penalty" in used and used & ZERO_CENTRED:
        return "gradient_penalty pulls the critic's slope to 1 while r1 and r2 pull it to 0; keep one kind"
    batch = spec.norms[1] == "batch"
    if batch and used & {*ZERO_CENTRED, "gradient_penalty"}:
        return (
            "a gradient penalty is about one row at a time, but critic_norm 'batch' lets every row of the "
            "batch change it (Gulrajani 2017, section 4); set critic_norm to 'layer' or 'none'"
        )
    if "identity" in used and spec.objective != "stargan":
        return (
            "regularisers.identity is about samples translated to their own class, and objective "
            f"{spec.objective!r} has no network that translates; leave it out, or choose family: cyclegan"
        )
    if "path_length" in used and not spec.styled:
        return (
            f"path_length is about styles, and architecture {spec.architecture!r} has none; leave it out, or "
            "choose 'style' or 'adain'"
        )
    return None


def _labels_reach(spec: SynthesizerSpec) -> str | None:
    if spec.per_class and spec.conditioning != "none":
        return (
            f"per_class trains one network for each class, which has no label to learn, got conditioning "
            f"{spec.conditioning!r}; leave conditioning out"
        )
    if spec.conditioning == "apart" and spec.objective != "stargan":
        return (
            "conditioning 'apart' translates into each class by networks of its own, and objective "
            f"{spec.objective!r} does not translate so; choose family: cyclegan, or per_class: true for a "
            "generator of each class by itself"
        )
    if spec.conditioning == "auxiliary" and spec.auxiliary_weight == 0:
        return "conditioning 'auxiliary' with auxiliary_weight 0 never learns the label; raise it"
    return None


def _augmentation_fits(spec: SynthesizerSpec) -> str | None:
    if spec.augmentation and not operations_of(spec.augmentation, spec.forbid):
        return (
            f"forbid leaves nothing of augmentation {list(spec.augmentation)}; name another group, or set "
            "augmentation to []"
        )
    if spec.augmentation_probability == "adaptive" and not spec.augmentation:
        return "augmentation_probability 'adaptive' has nothing to adapt; name groups in augmentation"
    return None


def _variational_alone(spec: SynthesizerSpec) -> str | None:
    if spec.conditioning not in {"concat", "none"}:
        return (
            f"objective 'variational' gives the label to encoder and decoder, got conditioning "
            f"{spec.conditioning!r}, which is a critic's; choose concat or none"
        )
    senseless = _of_a_critic(spec)
    if senseless:
        return (
            f"objective 'variational' has no critic and rebuilds each sample from its own latent, so "
            f"{', '.join(senseless)} cannot act; leave {'it' if len(senseless) == 1 else 'them'} out "
            "(family: cvae does)"
        )
    return None


def _translation_alone(spec: SynthesizerSpec) -> str | None:
    others = {
        "per_class": spec.per_class,
        "conditioning": spec.conditioning != "none",
        "architecture": spec.architecture != "residual",
        "latent": spec.latent != SynthesizerSpec.model_fields["latent"].default,
    }
    senseless = [*(name for name, there in others.items() if there), *_of_a_critic(spec)]
    if senseless:
        return (
            "objective 'translation' has two classifiers of all classes and neither generator nor critic, so "
            f"{', '.join(senseless)} cannot act; leave {'it' if len(senseless) == 1 else 'them'} out "
            "(family: translation does)"
        )
    return None


def _stargan_alone(spec: SynthesizerSpec) -> str | None:
    others = {
        "per_class": spec.per_class,
        "architecture": spec.architecture != "residual",
        "latent": spec.latent != SynthesizerSpec.model_fields["latent"].default,
        "mode_seeking": spec.mode_seeking > 0,
        "codes": spec.codes.numbers > 0,
    }
    senseless = [name for name, there in others.items() if there]
    if senseless:
        return (
            "objective 'stargan' makes samples of each class from those of all, without a latent, so "
            f"{', '.join(senseless)} cannot act; leave {'it' if len(senseless) == 1 else 'them'} out "
            "(families stargan and cyclegan do)"
        )
    if spec.conditioning not in {"auxiliary", "apart"}:
        return (
            "objective 'stargan' learns classes by the critic's second head ('auxiliary') or by networks of "
            f"their own ('apart'), got conditioning {spec.conditioning!r}; leave it out (families stargan "
            "and cyclegan do)"
        )
    weight = SynthesizerSpec.model_fields["auxiliary_weight"].default
    if spec.conditioning == "apart" and spec.auxiliary_weight != weight:
        return (
            "conditioning 'apart' has no auxiliary classifier, so auxiliary_weight cannot act, got "
            f"{spec.auxiliary_weight:g}; leave it out (family: cyclegan does)"
        )
    return _critic_bounded(spec)


def _flow_alone(spec: SynthesizerSpec) -> str | None:
    others = {
        "architecture": spec.architecture != "residual",
        "latent": spec.latent != SynthesizerSpec.model_fields["latent"].default,
    }
    senseless = [*(name for name, there in others.items() if there), *_of_a_critic(spec)]
    if senseless:
        return (
            "objective 'flow' has one U-Net from noise of a sample's own size to a sample, and no critic, "
            f"so {', '.join(senseless)} cannot act; leave {'it' if len(senseless) == 1 else 'them'} out "
            "(family: flow does)"
        )
    if spec.conditioning not in {"projection", "none"}:
        return (
            "objective 'flow' gives the label to the U-Net's own embedding, got conditioning "
            f"{spec.conditioning!r}; leave it out, or choose none"
        )
    if spec.conditioning == "none" and (spec.flow.label_drop or spec.flow.guidance != 1):
        return "flow.label_drop and flow.guidance are about labels, and conditioning 'none' looks at none"
    if spec.flow.guidance != 1 and not spec.flow.label_drop:
        return (
            "flow.guidance leads away from the velocity without a label, which flow.label_drop 0 leaves "
            "half learnt; set flow.label_drop, e.g. to 0.1"
        )
    return None


def _asked_of_another(spec: SynthesizerSpec) -> str | None:
    """Refuse settings of one objective beside another."""
    given = {
        "translation": spec.translation != TranslationSpec(),
        "stargan": spec.stargan != StarganSpec(),
        "flow": spec.flow != FlowSpec(),
    }
    for name, there in given.items():
        if there and spec.objective != name:
            return (
                f"the settings {name} are those of objective {name!r}, and the objective is "
                f"{spec.objective!r}; leave them out, or choose family: {name}"
            )
    return None


def _of_a_critic(spec: SynthesizerSpec) -> list[str]:
    """Return the given parts that need a critic, or a generator that one plays against."""
    parts = {
        "regularisers": bool(spec.used),
        "augmentation": bool(spec.augmentation),
        "mode_seeking": spec.mode_seeking > 0,
        "minibatch_group": spec.minibatch_group > 0,
        "spectral_norm": spec.spectral_norm,
        "codes": spec.codes.numbers > 0,
        "style_mixing": spec.style_mixing > 0,
    }
    return [name for name, there in parts.items() if there]
