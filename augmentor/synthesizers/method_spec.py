"""What every method's declaration has in common. Torch-free, so that recipes are read quickly."""

from __future__ import annotations

from collections.abc import Collection
from typing import Self

from pydantic import model_validator

from augmentor.core.spec import Spec
from augmentor.synthesizers.families import FAMILIES, Family


class MethodSpec(Spec):
    """Base of every method's fields; a method declares its name and whatever acts in it.

    Attributes:
        method: the method's name in :data:`augmentor.synthesizers.methods.METHODS`.
        family: a name in :data:`augmentor.synthesizers.families.FAMILIES`, whose values are used for
            fields that are not given; None for the method's own defaults.
    """

    method: str
    family: str | None = None

    @property
    def preset(self) -> Family:
        """The family, or one that sets nothing."""
        return Family("", self.method, {}) if self.family is None else FAMILIES[self.family]

    @property
    def name(self) -> str:
        """The family, or the method where there is none."""
        return self.family or self.method

    def unsuited(self, shape: tuple[int, ...]) -> str | None:
        """Return why the family is not for samples of ``shape`` (C, *spatial), None if it is."""
        dimensions = self.preset.dimensions
        if len(shape) - 1 in dimensions:
            return None
        return (
            f"family {self.name!r} is for samples of {' or '.join(map(str, dimensions))} spatial dimensions, "
            f"these are of shape {tuple(shape)}"
        )

    @property
    def one_per_class(self) -> bool:
        """Whether each class has a training of its own."""
        return False

    @property
    def leaves_critic(self) -> bool:
        """Whether a training leaves one critic, or encoder, of all classes, for classifiers to start from."""
        return False

    def without_augmentation(self, groups: Collection[str]) -> Self:
        """Return the same without these groups of the critic's augmentation, where there is one."""
        return self


class PerClassSpec(MethodSpec):
    """A method that can be trained for each class by itself.

    Attributes:
        per_class: train one network for each class, without labels (Frid-Adar 2018, section 3.2).
        conditioning: how labels reach the networks; "none" leaves them out.
    """

    per_class: bool = False
    conditioning: str = "none"

    @property
    def one_per_class(self) -> bool:
        """Whether each class has a training of its own."""
        return self.per_class

    @model_validator(mode="after")
    def _one_class_has_no_label(self) -> Self:
        if self.per_class and self.conditioning != "none":
            raise ValueError(
                "per_class trains one network for each class, which has no label to learn, got conditioning "
                f"{self.conditioning!r}; leave conditioning out"
            )
        return self
