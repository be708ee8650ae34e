"""What a network is asked to be. Torch-free, so that recipes are read quickly."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from augmentor.core.spec import Spec

ArchitectureName = Literal["residual"]
ConditioningName = Literal["projection", "none"]


class NetworkSpec(Spec):
    """Generator and critic, as far as their shapes go.

    Attributes:
        architecture: a name in :data:`augmentor.nets.architectures.ARCHITECTURES`.
        conditioning: a name in :data:`augmentor.nets.conditioning.CONDITIONINGS`.
        width: channels at full resolution; "auto" follows :func:`augmentor.nets.sizing.auto_width`.
        latent: dimension of the latent z, standard normal.
        minibatch_group: rows in a group of the critic's minibatch standard deviation; 0 leaves
            it out. Groups hold one class each where the networks know the class.
    """

    architecture: ArchitectureName = "residual"
    conditioning: ConditioningName = "projection"
    width: Annotated[int, Field(ge=4, le=512)] | Literal["auto"] = "auto"
    latent: int = Field(default=64, ge=2, le=1024)
    minibatch_group: Literal[0, 2, 4] = 4
