"""Fields of the method adversarial. Torch-free, so that recipes are read quickly."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from augmentor.nets.spec import ConditioningName, NetworkSpec
from augmentor.synthesizers.game_spec import GameSpec
from augmentor.synthesizers.method_spec import PerClassSpec


class AdversarialSpec(GameSpec, PerClassSpec, NetworkSpec):
    """A generator from latents and labels against a critic (Goodfellow 2014; Mirza and Osindero 2014).

    Attributes:
        conditioning: a name in :data:`augmentor.nets.conditioning.CONDITIONINGS`; "none" leaves labels out.
        mode_seeking: weight of the mode seeking loss (Mao 2019); 0 leaves it out.
        auxiliary_weight: weight of the auxiliary classifier's loss, with conditioning "auxiliary".
    """

    not_here: ClassVar[dict[str, str]] = {
        "identity": "is about samples translated to their own class, and method 'adversarial' has no "
        "network that translates; leave it out, or choose family: cyclegan"
    }

    method: Literal["adversarial"] = "adversarial"
    conditioning: ConditioningName = "projection"
    mode_seeking: float = Field(default=0.1, ge=0)
    auxiliary_weight: float = Field(default=1.0, ge=0)

    @property
    def network(self) -> NetworkSpec:
        """Generator and critic as the networks' builders take them."""
        return NetworkSpec.model_construct(**{name: getattr(self, name) for name in NetworkSpec.model_fields})

    @property
    def leaves_critic(self) -> bool:
        """Whether there is one critic of all classes."""
        return not self.per_class

    @model_validator(mode="after")
    def _parts_can_act(self) -> Self:
        if "path_length" in self.used and not self.styled:
            raise ValueError(
                f"path_length is about styles, and architecture {self.architecture!r} has none; leave it "
                "out, or choose 'style' or 'adain'"
            )
        if self.conditioning == "auxiliary" and self.auxiliary_weight == 0:
            raise ValueError(
                "conditioning 'auxiliary' with auxiliary_weight 0 never learns the label; raise it"
            )
        return self
