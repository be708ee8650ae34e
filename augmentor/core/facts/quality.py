"""Facts of the measurements of synthetic samples."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from augmentor.core.facts.base import Facts


class ShownCopy(Facts):
    """A synthetic sample beside the training sample that lies closest to it.

    A training sample is shown once, beside its closest synthetic one.

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


class Memorisation(Facts):
    """The verdict on memorisation; :func:`augmentor.quality.memorisation.assess_memorisation` finds it.

    Attributes:
        word: "memorises" if far more samples are copies than held-out real ones are by the same
            measure; else "recognisable" if their distance to the samples tells training rows from
            held-out ones; else "no sign".
        sentence: the same in plain words, with the numbers.
    """

    word: Literal["memorises", "recognisable", "no sign", "not estimable"]
    sentence: str


class MissingNumber(Facts):
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
    """What was found of fidelity, diversity and copies, besides their numbers.

    Attributes:
        copies_shown: the most copy-like samples, kept or not, the nearest first.
        memorisation: whether the generator memorises; None where nothing was measured.
        not_estimable: numbers without a value, and why.
        quality_protocol: how the numbers were found.
        feature_network: the network that samples were compared in, where one was named.
        limits: what the numbers do not say.
    """

    copies_shown: tuple[ShownCopy, ...] = ()
    memorisation: Memorisation | None = None
    not_estimable: tuple[MissingNumber, ...] = ()
    quality_protocol: str = ""
    feature_network: FeatureNetwork | None = None
    limits: tuple[str, ...] = ()


class WarningFacts(Facts):
    """Warnings of one look at the samples."""

    warnings: tuple[str, ...] = ()
