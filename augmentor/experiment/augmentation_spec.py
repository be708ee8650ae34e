"""What a recipe may say about the augmentation of the arms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator, model_validator

from augmentor.core.errors import ConfigError
from augmentor.core.spec import Spec, parse
from augmentor.experiment.arms import CLASSICAL
from augmentor.modalities.policies import AnyPolicy, ChosenPolicy, Policy, resolve

FROM_DRAWS: Final = "auto"
"""Stands for as many versions of a row as a fit draws of it."""


class AugmentationSpec(Spec):
    """The classical augmentation of the arms that have one.

    Attributes:
        policy: name of an augmentation policy, or its fields; what "classical" means in an arm.
        forbid: transforms and operations that no policy may use, e.g. [flip_horizontal, solarise].
        pool_versions: versions of each sample in the augmented pool, the untouched one included; with "auto"
            as many as a fit draws of it, so that rows of rare classes have more
            (see :mod:`augmentor.experiment.versions`).
        pool_megabytes: the pool of a policy has fewer versions of the rarest rows where it would grow larger
            than this.
    """

    policy: str | AnyPolicy = "light"
    forbid: tuple[str, ...] = ()
    pool_versions: Annotated[int, Field(ge=1, le=1000)] | Literal["auto"] = FROM_DRAWS
    pool_megabytes: Annotated[int, Field(ge=1)] = 1024

    @field_validator("policy", mode="before")
    @classmethod
    def _policy_fields(cls, policy: object) -> object:
        if not isinstance(policy, Mapping):
            return policy
        chosen = set(policy) & {"number", "strength"}
        try:
            return parse(ChosenPolicy if chosen else Policy, policy, "its fields")
        except ConfigError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _policy_exists(self) -> AugmentationSpec:
        try:
            self.resolved()
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self

    def resolved(self) -> AnyPolicy:
        """Return the classical policy without what is forbidden."""
        return resolve(self.policy, self.forbid)

    def policy_of(self, augmentation: str) -> AnyPolicy:
        """Return the policy of an arm's augmentation without what is forbidden.

        Args:
            augmentation: "classical", the recipe's own policy; "none"; or the name of a policy.
        """
        return self.resolved() if augmentation == CLASSICAL else resolve(augmentation, self.forbid)
