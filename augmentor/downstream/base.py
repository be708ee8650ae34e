"""What a model is trained for: the seam between an experiment and a question such as classification.

An experiment decides which rows a model sees. A question decides what is learnt from them, which models can
learn it, and what their predictions are worth, case by case. Statistics see the worth alone.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias

from numpy.typing import NDArray

from augmentor.core.case_values import CaseValues
from augmentor.core.errors import ConfigError
from augmentor.core.files import sha256_file
from augmentor.core.samples import IntArray, Samples
from augmentor.downstream.model_spec import AUTO, ModelSpec

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
class Form:
    """What a model is given, and what it is to tell apart.

    Attributes:
        shape: (C, *spatial) of one encoded sample.
        n_classes: number of classes K.
    """

    shape: tuple[int, ...]
    n_classes: int


@dataclass(frozen=True)
class ModelKind:
    """What a model is.

    Attributes:
        label: what a report says about it.
        table: whether it learns from a table instead of batch by batch.
        least_side: smallest number of values along each side of a sample that it takes.
        pattern: regular expression of the names that a row of a table stands for; "" where its key is the
            name.
        runs_code: whether it runs code of the user's, so that a recipe that came with data must not name it.
    """

    label: str
    table: bool = False
    least_side: int = 1
    pattern: str = ""
    runs_code: bool = False


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

    def rows(self, step: int) -> IntArray:
        """Return which row of the data each of the batch's samples is a version of (B,)."""


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

    def read(self, metric: Metric) -> Floats:
        """Return what the metric is read off: what classes are chosen by, or the predictions themselves."""
        return self.chosen if metric.decided else self.predictions


class Downstream(ABC):
    """A question that models are trained to answer.

    A new question is one file with a class like this, and a row in
    :data:`augmentor.downstream.table.DOWNSTREAM`. It is sent to other processes, so it can be pickled.

    Attributes:
        name: as a recipe names it.
        metrics: what choices and the verdict may be made by, the usual one first.
        models: what can be trained on it, the usual one first.
        seen_synthetic_alone: metrics of :meth:`score` of a model that was trained on synthetic rows alone.
    """

    name: ClassVar[str]
    metrics: ClassVar[Mapping[str, Metric]]
    models: ClassVar[Mapping[str, ModelKind]]
    seen_synthetic_alone: ClassVar[tuple[str, ...]] = ()

    def usual_model(self, modality: Modality) -> str:
        """Return the model that "auto" stands for where samples are of that modality."""
        return next(iter(self.models))

    def kind_of(self, name: str) -> ModelKind | None:
        """Return what the model of that name is, None where there is none."""
        found = self.models.get(name)
        if found is not None:
            return None if found.pattern else found
        matching = (one for one in self.models.values() if one.pattern and re.fullmatch(one.pattern, name))
        return next(matching, None)

    def idle_setting(self, spec: ModelSpec) -> str:
        """Return which setting would have no effect on the model and why, "" where all have."""
        return ""

    def why_not(self, spec: ModelSpec, training: Training, form: Form | None = None) -> str:
        """Return why the model cannot be trained so, "" where it can, or where only ``form`` would tell."""
        return ""

    def refusal(self, spec: ModelSpec, training: Training, form: Form | None = None) -> str:
        """Return why the model, or with "auto" every model, cannot be trained so; "" where one can."""
        if spec.name != AUTO:
            return self.why_not(spec, training, form)
        usual = ModelSpec(question=self.name, name=next(iter(self.models)))
        return "" if self.able(training) else self.why_not(usual, training)

    def able(self, training: Training) -> list[str]:
        """Return the models with a name of their own that can be trained so."""
        named = (name for name, kind in self.models.items() if not kind.pattern)
        return [
            name for name in named if not self.why_not(ModelSpec(question=self.name, name=name), training)
        ]

    def check_shape(self, model: str, shape: tuple[int, ...]) -> None:
        """Refuse samples (C, *spatial) that are too small for the model.

        Raises:
            ConfigError: with what to do.
        """
        kind, smallest = self.kind_of(model), min(shape[1:], default=1)
        if kind is not None and len(shape) > 1 and smallest < kind.least_side:
            able = [name for name, one in self.models.items() if one.least_side <= smallest]
            raise ConfigError(
                f"evaluation.model.name: {model} needs at least {kind.least_side} cells a side, the samples "
                f"have the shape {tuple(shape)}; choose one of {', '.join(able)}, or larger samples "
                "(image.size)"
            )

    def check_model(self, spec: ModelSpec, form: Form) -> None:
        """Refuse a model that cannot take such samples, or whose files are not what it needs.

        Raises:
            ConfigError: with what to do.
        """
        self.check_shape(spec.name, spec.given(form.shape))

    def files(self, spec: ModelSpec) -> Mapping[str, Path]:
        """Return the files that decide what the model is, by what they are called in a manifest."""
        return {}

    def digests(self, spec: ModelSpec) -> dict[str, str]:
        """Return the SHA-256 of each of the model's files.

        Raises:
            ConfigError: if one is not there.
        """
        return {name: _digest(spec, path) for name, path in self.files(spec).items()}

    def label(self, spec: ModelSpec) -> str:
        """Return what a report calls the model."""
        kind = self.kind_of(spec.name)
        return spec.name if kind is None else kind.label

    def pretrained(self, spec: ModelSpec) -> bool | None:
        """Return whether the model begins with weights from elsewhere; None where nobody can tell."""
        return False

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

    def at_operating_point(
        self, held: Scored, tested: Scored, specificity: float
    ) -> Iterable[Mapping[str, Any]]:
        """Return rows of results, with their seed, on the test part at a point chosen on the validation part.

        Args:
            held: predictions of the validation part.
            tested: of the test part, by the same fits.
            specificity: that is asked for.
        """
        return []

    def describe_judged(self, arm: str, held: Scored, tested: Scored) -> list[dict[str, Any]]:
        """Return further rows of results on an arm that the verdict is about.

        Args:
            arm: its name.
            held: of the validation part.
            tested: of the test part.
        """
        return []


def _digest(spec: ModelSpec, path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise ConfigError(
            f"evaluation.model: {spec.name} needs the file {path}, which cannot be read "
            f"({error.strerror or error}); paths are read from where you are"
        ) from error
