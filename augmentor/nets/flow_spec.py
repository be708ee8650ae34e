"""Options of a rectified flow. Free of torch, so that recipes are read quickly."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from augmentor.core.spec import Spec


class FlowSpec(Spec):
    """A rectified flow's times, steps and guidance.

    Attributes:
        times: how times are drawn in training, see :func:`augmentor.objectives.flow.draw_times`.
        steps: steps from noise to a sample.
        solver: "euler", or "heun" with two velocities per step.
        label_drop: chance that a row is trained without its label, for guidance (Ho and Salimans 2022,
            algorithm 1); before the end of ``training.transition`` it is higher.
        guidance: in sampling, how far the velocity goes from the one without a label to the one with
            it: 1 is the label's own, more is more typical of the class and less varied.
    """

    times: Literal["uniform", "logit_normal"] = "logit_normal"
    steps: int = Field(default=10, ge=1, le=1000)
    solver: Literal["euler", "heun"] = "heun"
    label_drop: float = Field(default=0.0, ge=0, lt=1)
    guidance: float = Field(default=1.0, ge=0, le=20)
