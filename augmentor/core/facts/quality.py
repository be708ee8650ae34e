"""Facts of the measurements of synthetic samples."""

from __future__ import annotations

from pydantic import Field

from augmentor.core.facts.base import Facts


class ShownCopy(Facts):
    """A synthetic sample beside the training sample that lies closest to it.

    Attributes:
        synthetic: its row in the synthetic set.
        real: the row of the training part.
        real_id: the id of that row.
        class_: the synthetic sample's class; "class" in JSON.
        ratio: below 1 it is a near copy.
        kept: whether the filters kept it.
    """

    synthetic: int
    real: int
    real_id: str
    class_: str = Field(alias="class")
    ratio: float
    kept: bool


class Memorised(Facts):
    """Whether the generator memorises, as a word and a sentence."""

    word: str
    sentence: str


class NotEstimable(Facts):
    """A number that could not be estimated, and why; ``class_`` is "class" in JSON, None over all classes."""

    split: str
    metric: str
    class_: str | None = Field(default=None, alias="class")
    reason: str


class FeatureNetwork(Facts):
    """The file of a feature network that samples were compared in."""

    file: str
    sha256: str


class MeasureFacts(Facts):
    """What is said of fidelity, diversity and copies beside their numbers."""

    copies_shown: tuple[ShownCopy, ...] = ()
    memorised: Memorised | None = None
    not_estimable: tuple[NotEstimable, ...] = ()
    quality_protocol: str = ""
    feature_network: FeatureNetwork | None = None
    limits: tuple[str, ...] = ()


class WarningFacts(Facts):
    """Warnings of one look at the samples."""

    warnings: tuple[str, ...] = ()
