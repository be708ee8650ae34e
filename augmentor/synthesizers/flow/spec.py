"""Fields of the method flow. Torch-free, so that recipes are read quickly."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from augmentor.synthesizers.method_spec import PerClassSpec


class FlowSpec(PerClassSpec):
    """A rectified flow (Liu, Gong and Liu 2022): one U-Net that takes noise to a sample in steps.

    Attributes:
        width: channels at full resolution; "auto" follows :func:`augmentor.nets.sizing.auto_width`.
        conditioning: "embedding" gives the label to every block of the U-Net; "none" leaves it out.
        times: how times are drawn in training, see :func:`augmentor.objectives.flow.draw_times`.
        steps: steps from noise to a sample.
        solver: "euler", or "heun" with two velocities per step.
        label_drop: chance that a row is trained without its label, for guidance (Ho and Salimans 2022,
            algorithm 1); before the end of ``training.transition`` it is higher.
        guidance: in sampling, how far the velocity goes from the one without a label to the one with
            it: 1 is the label's own, more is more typical of the class and less varied.
    """

    method: Literal["flow"] = "flow"
    width: Annotated[int, Field(ge=4, le=512)] | Literal["auto"] = "auto"
    conditioning: Literal["embedding", "none"] = "embedding"
    times: Literal["uniform", "logit_normal"] = "logit_normal"
    steps: int = Field(default=10, ge=1, le=1000)
    solver: Literal["euler", "heun"] = "heun"
    label_drop: float = Field(default=0.0, ge=0, lt=1)
    guidance: float = Field(default=1.0, ge=0, le=20)

    @model_validator(mode="after")
    def _labels_reach(self) -> Self:
        if self.conditioning == "none" and (self.label_drop or self.guidance != 1):
            raise ValueError("label_drop and guidance are about labels, and conditioning 'none' ignores them")
        if self.guidance != 1 and not self.label_drop:
            raise ValueError(
                "guidance leads away from the velocity without a label, which label_drop 0 leaves half "
                "learnt; set label_drop, e.g. to 0.1"
            )
        return self
