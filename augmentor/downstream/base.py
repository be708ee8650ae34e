"""What a model is trained for: the seam between an experiment and a question such as classification.

An experiment decides which rows a model sees. A question decides what is learnt from them, which models can
learn it, and what their predictions are worth, case by case. Statistics see the worth alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, TypeAlias

from numpy.typing import NDArray
from pydantic import Field

from augmentor.core.case_values import CaseValues
from augmentor.core.errors import ConfigError
from augmentor.core.samples import IntArray, Samples
from augmentor.core.spec import Spec

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from torch import Tensor

    from augmentor.modalities.base import Modality

Floats: TypeAlias = "NDArray[np.float64]"
Head = Literal["trained", "covariance", "generated"]
Start = Literal["random", "critic", "untrained_critic", "self_supervised"]
Predictor: TypeAlias = "Callable[[Tensor], Floats]"
"""Encoded samples (N, C, *spatial) float32 in [-1, 1] to predictions (N, ...)."""


AUTO = "auto"
"""Stands for the usual model of a kind of samples, until the samples are there."""


class ModelSpec(Spec):
    """What every arm trains, and for how long.

    Attributes:
        question: what the model is trained for, a name in :data:`augmentor.downstream.table.DOWNSTREAM`.
        name: the model, one of the question's, or "auto", the usual one for the kind of samples. For
            classification: small_resnet (the usual one for series, images and volumes), resnet18,
            densenet121 or mlp, batch by batch; or logistic_regression, random_forest or gradient_boosting,
            on a table of the rows of the same batches (see :mod:`augmentor.downstream.models`).
        updates: optimiser steps of every fit, the same for all arms.
        batch: rows of a batch.
        learning_rate: highest learning rate.
        channels: width of the first stage of ``small_resnet``; None chooses it by dimension.
    """

    question: str = "classification"
    name: str = AUTO
    updates: Annotated[int, Field(ge=1)] = 600
    batch: Annotated[int, Field(ge=2)] = 64
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 3e-3
    channels: Annotated[int, Field(ge=1, le=512)] | None = None


@dataclass(frozen=True)
class Training:
    """What an arm asks of a model besides its rows.

    Attributes:
        loss: name of the loss.
        mix: "none", or how the rows of a batch are blended with each other.
        start: what the model starts from: "random" weights of its own network, those of the generator's
            "critic" on the critic's network, or others there: trained beforehand on the labels of the same
            rows for as long, "untrained_critic", or without labels, "self_supervised".
        head: whether the last layer stays as it was "trained", or is trained again with features of a shared
            "covariance" or of a small GAN, "generated".
        oversample: "none", rows repeated at "random", or rows of "smote", which have a class and no other
            target.
        rows_change: whether the kind of rows changes during the training.
    """

    loss: str = "cross_entropy"
    mix: str = "none"
    start: Start = "random"
    head: Head = "trained"
    oversample: str = "none"
    rows_change: bool = False


@dataclass(frozen=True)
class ModelKind:
    """What a model is.

    Attributes:
        label: what a report says about it.
        table: whether it learns from a table instead of batch by batch.
        least_side: smallest number of values along each side of a sample that it takes.
    """

    label: str
    table: bool = False
    least_side: int = 1


@dataclass(frozen=True)
class Metric:
    """A number that choices and the verdict may be made by; higher is better, in [0, 1].

    Attributes:
        words: what it is called in a sentence.
        decided: whether it follows from the classes that are chosen, so that a decision rule changes it
            (see :mod:`augmentor.downstream.decision`; predictions are then probabilities of classes).
    """

    words: str
    decided: bool = False


class Batches(Protocol):
    """What an arm draws from, as a model sees it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, *spatial) of one encoded sample."""

    @property
    def counts(self) -> IntArray:
        """(K,) real training rows of each class."""

    def draw(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the batch of an update: x (B, C, *spatial) in [-1, 1] and its targets (B, ...)."""


@dataclass(frozen=True)
class Scored:
    """Predictions of one part beside its samples.

    Attributes:
        predictions: (S, N, ...) of S fits.
        samples: the part, N of them.
        decided: the same, shifted by a decision rule; the class that is chosen is the largest of these. None
            where it is that of the predictions themselves.
    """

    predictions: Floats
    samples: Samples
    decided: Floats | None = None

    @property
    def chosen(self) -> Floats:
        """What classes are chosen by."""
        return self.predictions if self.decided is None else self.decided


class Downstream(ABC):
    """A question that models are trained to answer.

    A new question is one file with a class like this, and a row in
    :data:`augmentor.downstream.table.DOWNSTREAM`. It is sent to other processes, so it can be pickled.

    Attributes:
        name: as a recipe names it.
        metrics: what choices and the verdict may be made by, the usual one first.
        models: what can be trained on it, the usual one first.
        seen_synthetic_alone: metrics of :meth:`score` that tell what a model is worth which saw synthetic
            rows alone.
    """

    name: ClassVar[str]
    metrics: ClassVar[Mapping[str, Metric]]
    models: ClassVar[Mapping[str, ModelKind]]
    seen_synthetic_alone: ClassVar[tuple[str, ...]] = ()

    def usual_model(self, modality: Modality) -> str:
        """Return the model that "auto" stands for where samples are of that modality."""
        return next(iter(self.models))

    def idle_setting(self, spec: ModelSpec) -> str:
        """Return which setting would have no effect on the model and why, "" where all have."""
        return ""

    def why_not(self, model: str, training: Training) -> str:
        """Return why the model cannot be trained so, "" where it can."""
        return ""

    def refusal(self, model: str, training: Training) -> str:
        """Return why the model, or with "auto" every model, cannot be trained so; "" where one can."""
        if model != AUTO:
            return self.why_not(model, training)
        return "" if self.able(training) else self.why_not(next(iter(self.models)), training)

    def able(self, training: Training) -> list[str]:
        """Return the models that can be trained so."""
        return [name for name in self.models if not self.why_not(name, training)]

    def check_shape(self, model: str, shape: tuple[int, ...]) -> None:
        """Refuse samples (C, *spatial) that are too small for the model.

        Raises:
            ConfigError: with what to do.
        """
        least, smallest = self.models[model].least_side, min(shape[1:], default=1)
        if len(shape) > 1 and smallest < least:
            able = [name for name, kind in self.models.items() if kind.least_side <= smallest]
            raise ConfigError(
                f"evaluation.model.name: {model} needs at least {least} cells a side, the samples have the "
                f"shape {tuple(shape)}; choose one of {', '.join(able)}, or larger samples (image.size)"
            )

    @abstractmethod
    def targets(self, samples: Samples) -> NDArray[Any]:
        """Return what a model is to learn of each sample: (N, ...), one entry per sample."""

    @abstractmethod
    def strata(self, samples: Samples) -> IntArray:
        """Return a code (N,) for each sample: parts and resampled cases keep how often each comes.

        Codes are positions in ``samples.classes``, whose names they have in results.
        """

    @abstractmethod
    def fit(
        self, spec: ModelSpec, training: Training, batches: Batches, *, seed: int, critic: Path | None
    ) -> Predictor:
        """Train a model on one thread.

        Args:
            spec: the model and its budget.
            training: what the arm asks of it.
            batches: what it learns from.
            seed: of everything random.
            critic: folder of the weights to start from, the critic's or others on its network, where a
                training does not start at random.
        """

    @abstractmethod
    def score(
        self, predictions: Floats, samples: Samples, *, details: bool, decided: Floats | None = None
    ) -> Iterable[Mapping[str, Any]]:
        """Return the scores of one fit on one part.

        Args:
            predictions: (N, ...).
            samples: the part.
            details: whether to add rows that are read on the test part alone.
            decided: (N, ...) what classes are chosen by, where a metric of the question is
                :attr:`Metric.decided`; None for the predictions themselves.

        Returns:
            Rows with metric, class, value, greater_is_better and, where it has one, setting.
        """

    @abstractmethod
    def case_values(self, metric: str, predictions: Floats, samples: Samples) -> CaseValues:
        """Return what every case is worth to a metric, and how the cases of the strata make it.

        Args:
            metric: one of :attr:`metrics`.
            predictions: (S, N, ...) of S fits.
            samples: the part.

        Returns:
            With a table (S, N) in [0, 1] and a weight for each stratum that has cases.

        Raises:
            DataError: if predictions and samples do not fit each other.
        """

    def by_stratum(self, predictions: Floats, samples: Samples) -> dict[str, Floats]:
        """Return tables (S, N) in [0, 1] by name; the mean over a stratum's cases is a number of it.

        Their changes are given for each stratum, with intervals that hold for all of them.
        """
        return {}

    def describe_judged(self, arm: str, held: Scored, tested: Scored) -> list[dict[str, Any]]:
        """Return further rows of results on an arm that the verdict is about.

        Args:
            arm: its name.
            held: of the validation part.
            tested: of the test part.
        """
        return []
