"""Fields of the method variational. Torch-free, so that recipes are read quickly."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from augmentor.nets.spec import ArchitectureName, NetworkSpec
from augmentor.synthesizers.method_spec import PerClassSpec


class VariationalSpec(PerClassSpec):
    """A variational autoencoder that is given the label (Kingma and Welling 2014; Sohn 2015).

    Attributes:
        architecture: of decoder and encoder, a name in :data:`augmentor.nets.architectures.ARCHITECTURES`.
        conditioning: "concat" gives the label to both networks; "none" leaves it out.
        width: channels at full resolution; "auto" follows :func:`augmentor.nets.sizing.auto_width`.
        latent: dimension of the latent z, standard normal.
    """

    method: Literal["variational"] = "variational"
    architecture: ArchitectureName = "residual"
    conditioning: Literal["concat", "none"] = "concat"
    width: Annotated[int, Field(ge=4, le=512)] | Literal["auto"] = "auto"
    latent: int = Field(default=64, ge=2, le=1024)

    @property
    def network(self) -> NetworkSpec:
        """Decoder and encoder as the networks' builders take them."""
        return NetworkSpec(
            architecture=self.architecture,
            conditioning=self.conditioning,
            width=self.width,
            latent=self.latent,
            minibatch_group=0,
        )

    @property
    def leaves_critic(self) -> bool:
        """An encoder of all classes serves classifiers as a critic does."""
        return not self.per_class
