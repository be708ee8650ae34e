"""How long and how fast a generator is trained. Torch-free, so that recipes are read quickly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from augmentor.core.errors import ConfigError
from augmentor.core.spec import Spec

GROUP = 4
"""Rows of one class that follow each other in a batch (Karras 2018 groups by four)."""

GENERAL: Mapping[str, Any] = {
    "learning_rate": 5e-4,
    "betas": (0.0, 0.99),
    "regularise_every": 4,
    "critic_steps": 1,
}
"""Values of "auto" where a family has none; moments as in Karras 2018 and Huang 2024."""


class TrainingSpec(Spec):
    """The budget and the optimiser of one training; time is counted in images shown to the critic.

    Attributes:
        images: real images shown to the critic.
        seed: every draw of the training derives from it.
        batch: images per step, a multiple of four.
        learning_rate: Adam's step size for both networks; "auto" is the family's.
        final_rate: share of the learning rate reached at the end, along a half cosine.
        betas: Adam's moments; "auto" is the family's.
        class_power: classes are drawn with probability proportional to count**class_power: 1 as
            they come, 0 all equally, 0.5 between the two.
        transition: the shares of the training between which the label's weight rises from 0 to 1
            (Shahbazi 2022); (0, 0) is conditional from the start.
        regularise_every: steps between two penalties, whose weight grows by as much
            (lazy regularisation, Karras 2020, section 3.1); "auto" is the family's.
        critic_steps: updates of the critic for each of the generator (Arjovsky 2017, algorithm 1);
            "auto" is the family's.
        growth: share of the training over which a growing architecture reaches full resolution.
        ema_half_life: images after which an old weight counts half in the average that samples
            are made from; None for a fiftieth of the budget.
        ema_warm_up: the half-life is never longer than this share of the images shown so far.
        checkpoints: how often, after the transition, the average is judged; the best is kept.
        judged: samples per class that a checkpoint is judged by.
        states: how often the full state is saved, for resuming and for going back.
    """

    images: int = Field(default=100_000, ge=32)
    seed: int = Field(default=0, ge=0)
    batch: int = Field(default=32, ge=GROUP, multiple_of=GROUP)
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] | Literal["auto"] = "auto"
    final_rate: float = Field(default=0.2, gt=0, le=1)
    betas: tuple[float, float] | Literal["auto"] = "auto"
    class_power: float = Field(default=0.5, ge=0, le=1)
    transition: tuple[float, float] = (0.0, 0.2)
    regularise_every: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = "auto"
    critic_steps: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = "auto"
    growth: float = Field(default=0.5, gt=0, lt=1)
    ema_half_life: int | None = Field(default=None, ge=1)
    ema_warm_up: float = Field(default=0.05, gt=0)
    checkpoints: int = Field(default=8, ge=1)
    judged: int = Field(default=64, ge=4)
    states: int = Field(default=20, ge=1)

    @model_validator(mode="after")
    def _together(self) -> TrainingSpec:
        start, end = self.transition
        if not 0 <= start <= end < 1:
            raise ValueError(
                f"transition needs 0 <= start <= end < 1, shares of the training, got {self.transition}"
            )
        if not all(0 <= beta < 1 for beta in self.moments):
            raise ValueError(f"betas must lie in [0, 1), got {self.betas}")
        return self

    def tuned(self, family: Mapping[str, Any]) -> TrainingSpec:
        """Return the same with "auto" replaced by the family's values, or by the general ones.

        Raises:
            ConfigError: if the generator would never be updated.
        """
        values = {**GENERAL, **family}
        given = {name: getattr(self, name) for name in GENERAL}
        tuned = self.model_copy(
            update={name: values[name] if value == "auto" else value for name, value in given.items()}
        )
        every = tuned.critic_updates
        if tuned.steps < every:
            raise ConfigError(
                f"the generator is updated at every {every}th step (training.critic_steps), so it never "
                f"would be in {tuned.steps} steps ({self.images:,} images in batches of {self.batch}): "
                f"set training.images to {self.batch * every:,} or more, or lower training.critic_steps"
            )
        return tuned

    @property
    def rate(self) -> float:
        """The learning rate as a number."""
        return float(GENERAL["learning_rate"]) if self.learning_rate == "auto" else self.learning_rate

    @property
    def moments(self) -> tuple[float, float]:
        """Adam's moments as numbers."""
        first, second = GENERAL["betas"] if self.betas == "auto" else self.betas
        return float(first), float(second)

    @property
    def penalty_every(self) -> int:
        """Steps between two penalties, as a number."""
        return int(GENERAL["regularise_every"] if self.regularise_every == "auto" else self.regularise_every)

    @property
    def critic_updates(self) -> int:
        """Updates of the critic for each of the generator, as a number."""
        return int(GENERAL["critic_steps"] if self.critic_steps == "auto" else self.critic_steps)

    @property
    def steps(self) -> int:
        """Number of the critic's steps: the images divided by the batch, rounded up."""
        return -(-self.images // self.batch)

    @property
    def half_life(self) -> float:
        """Half-life of the average in images."""
        return float(self.ema_half_life or self.images / 50)
