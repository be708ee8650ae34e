"""Options of the networks. Free of torch, so that recipes are read quickly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from augmentor.core.spec import Spec

ArchitectureName = Literal["residual", "mlp", "dcgan", "r3gan", "progressive", "style", "adain"]
ConditioningName = Literal["projection", "concat", "auxiliary", "none"]
NormName = Literal["none", "batch", "layer", "pixel"]

NORMS: Mapping[str, tuple[tuple[NormName, ...], tuple[NormName, ...]]] = {
    "residual": (("none",), ("none",)),
    "mlp": (("none", "batch"), ("none", "layer")),
    "dcgan": (("batch", "none"), ("batch", "layer", "none")),
    "r3gan": (("none",), ("none",)),
    "progressive": (("pixel", "none"), ("none",)),
    "style": (("none",), ("none",)),
    "adain": (("none",), ("none",)),
}
"""Normalisations that each architecture's generator and critic can have; "auto" takes the first."""


class CodesSpec(Spec):
    """Latent codes that must be predictable from a sample (InfoGAN, Chen 2016).

    Attributes:
        categorical: values of the categorical code, uniform; 0 leaves it out.
        continuous: number of continuous codes, each standard normal.
        weight: weight of the mutual information's lower bound (equation 5) in both losses.
    """

    categorical: int = Field(default=0, ge=0, le=64)
    continuous: int = Field(default=0, ge=0, le=16)
    weight: float = Field(default=1.0, ge=0)

    @property
    def numbers(self) -> int:
        """How many of the latent's numbers are codes."""
        return self.categorical + self.continuous


class NetworkSpec(Spec):
    """Generator and critic, as far as their shapes go.

    Attributes:
        architecture: a name in :data:`augmentor.nets.architectures.ARCHITECTURES`.
        conditioning: a name in :data:`augmentor.nets.conditioning.CONDITIONINGS`.
        width: channels at full resolution; "auto" follows :func:`augmentor.nets.sizing.auto_width`.
        latent: dimension of the latent z, standard normal.
        minibatch_group: rows in a group of the critic's minibatch standard deviation (Karras 2018,
            section 3); 0 leaves it out. Groups hold one class each where the networks know the class.
        generator_norm: normalisation of the generator, among those its architecture knows.
        critic_norm: the same of the critic.
        spectral_norm: divide each weight between a sample and the critic's logit by its largest singular
            value (Miyato 2018).
        codes: parts of the latent that the critic must be able to predict from a sample.
        style_mixing: chance that a row takes the later layers' style from another row of its class
            in training (Karras 2019, section 3.1); for architectures with styles.
        truncation: in sampling, the share of the way from the mean style to a row's own (Karras 2019,
            appendix B): 1 is the whole distribution, less is more typical and less varied; for
            architectures with styles.
    """

    architecture: ArchitectureName = "residual"
    conditioning: ConditioningName = "projection"
    width: Annotated[int, Field(ge=4, le=512)] | Literal["auto"] = "auto"
    latent: int = Field(default=64, ge=2, le=1024)
    minibatch_group: Literal[0, 2, 4] = 4
    generator_norm: NormName | Literal["auto"] = "auto"
    critic_norm: NormName | Literal["auto"] = "auto"
    spectral_norm: bool = False
    codes: CodesSpec = CodesSpec()
    style_mixing: float = Field(default=0.0, ge=0, le=1)
    truncation: float = Field(default=1.0, gt=0, le=1)

    @property
    def norms(self) -> tuple[NormName, NormName]:
        """Normalisation of the generator and of the critic, "auto" resolved."""
        generators, critics = NORMS[self.architecture]
        return (
            generators[0] if self.generator_norm == "auto" else self.generator_norm,
            critics[0] if self.critic_norm == "auto" else self.critic_norm,
        )

    @property
    def styled(self) -> bool:
        """Whether the generator has styles, which can be mixed and truncated."""
        return self.architecture in {"style", "adain"}

    @model_validator(mode="after")
    def _parts_fit(self) -> NetworkSpec:
        for side, norm, allowed in zip(
            ("generator_norm", "critic_norm"), self.norms, NORMS[self.architecture], strict=True
        ):
            if norm not in allowed:
                raise ValueError(
                    f"architecture {self.architecture!r} has no {side} {norm!r}; it can have "
                    f"{' or '.join(map(repr, allowed))}"
                )
        if self.spectral_norm and self.norms[1] != "none":
            raise ValueError(
                f"spectral_norm bounds the critic's slope, and normalisation ({self.norms[1]!r}) undoes that "
                "bound by dividing by a spread; set critic_norm to 'none', or leave spectral_norm out"
            )
        if self.spectral_norm and self.architecture in {"progressive", "style", "adain"}:
            raise ValueError(
                f"architecture {self.architecture!r} scales its weights by the equalised learning rate, "
                "which spectral_norm would undo; leave it out, or choose another architecture"
            )
        if (self.truncation != 1 or self.style_mixing) and not self.styled:
            raise ValueError(
                f"truncation and style_mixing need styles, and architecture {self.architecture!r} has "
                "none; leave them out, or choose 'style' or 'adain'"
            )
        if self.codes.categorical == 1:
            raise ValueError(
                "a categorical code of one value carries no information; set codes.categorical to 2 or "
                "more, or to 0"
            )
        if self.codes.numbers and not self.codes.weight:
            raise ValueError("codes of weight 0 are never learnt; raise codes.weight or leave codes out")
        if self.codes.numbers >= self.latent:
            raise ValueError(
                f"the codes take {self.codes.numbers} of the latent's {self.latent} numbers and leave none "
                "for the rest of the variety; raise latent"
            )
        return self
