"""Fields of the method unpaired_translation. Torch-free, so that recipes are read quickly."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from augmentor.nets.spec import NetworkSpec
from augmentor.synthesizers.game_spec import GameSpec
from augmentor.synthesizers.starts_spec import StartsSpec


class UnpairedTranslationSpec(GameSpec):
    """Translation between classes by a game against a critic, without pairs of samples.

    A generator takes a training sample of one class to another class and back.

    Attributes:
        networks: "shared" for one generator that gets the class as input, and a critic that also predicts it
            (Choi 2018, StarGAN); "per_class" for a generator into each class and a critic of each, none of
            which sees a label (Zhu 2017, CycleGAN).
        width: channels at full resolution; "auto" follows :func:`augmentor.nets.sizing.auto_width`.
        auxiliary_weight: lambda_cls of Choi 2018, weight of the critic's cross-entropy of classes, with
            shared networks.
        cycle: weight of the cycle reconstruction (lambda_rec of Choi 2018; lambda of Zhu 2017, equation 3),
            see :func:`augmentor.objectives.cycle.cycle_loss`; 0 leaves it out.
        starts: the training samples that a translation starts from.
    """

    not_here: ClassVar[dict[str, str]] = {
        "path_length": "is about styles, and method 'unpaired_translation' has none; leave it out, or choose "
        "family: stylegan2"
    }

    method: Literal["unpaired_translation"] = "unpaired_translation"
    networks: Literal["shared", "per_class"] = "shared"
    width: Annotated[int, Field(ge=4, le=512)] | Literal["auto"] = "auto"
    auxiliary_weight: float = Field(default=1.0, ge=0)
    cycle: float = Field(default=10.0, ge=0)
    starts: StartsSpec = StartsSpec()

    @property
    def network(self) -> NetworkSpec:
        """Generator and critic as the networks' builders take them."""
        return NetworkSpec(
            conditioning="auxiliary" if self.networks == "shared" else "none",
            width=self.width,
            minibatch_group=0,
        )

    @property
    def leaves_critic(self) -> bool:
        """Whether there is one critic of all classes."""
        return self.networks == "shared"

    @model_validator(mode="after")
    def _classes_are_learnt(self) -> Self:
        if self.networks == "shared" and self.auxiliary_weight == 0:
            raise ValueError("networks 'shared' with auxiliary_weight 0 never learn the label; raise it")
        usual = UnpairedTranslationSpec.model_fields["auxiliary_weight"].default
        if self.networks == "per_class" and self.auxiliary_weight != usual:
            raise ValueError(
                "networks 'per_class' have no auxiliary classifier, so auxiliary_weight cannot act, got "
                f"{self.auxiliary_weight:g}; leave it out (family: cyclegan does)"
            )
        return self
