"""Classification: a class for each sample, from small networks, standard ones and scikit-learn's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from augmentor.core.case_values import CaseValues
from augmentor.core.errors import DataError
from augmentor.core.samples import IntArray, Samples
from augmentor.downstream.base import (
    Batches,
    Downstream,
    Floats,
    Form,
    Metric,
    Predictor,
    Scored,
    Training,
)
from augmentor.downstream.case_values import PRIMARY_METRICS, case_values
from augmentor.downstream.kinds import ClassifierKind
from augmentor.downstream.model_spec import AUTO, ModelSpec
from augmentor.downstream.models import MODELS
from augmentor.downstream.scores import checked, score
from augmentor.metrics.calibration import calibration_rows
from augmentor.metrics.names import METRIC_WORDS
from augmentor.metrics.operating_point import at_specificity

if TYPE_CHECKING:
    from pathlib import Path

    from augmentor.modalities.base import Modality


class Classification(Downstream):
    """One class per sample; predictions are probabilities (N, K) whose rows sum to 1."""

    name = "classification"
    metrics: ClassVar[Mapping[str, Metric]] = {
        name: Metric(METRIC_WORDS[name], decided=name != "macro_auroc") for name in PRIMARY_METRICS
    }
    models = MODELS
    seen_synthetic_alone = ("accuracy", "balanced_accuracy")

    def usual_model(self, modality: Modality) -> str:
        """Return the modality's usual classifier."""
        return modality.classifier

    def kind(self, spec: ModelSpec) -> ClassifierKind:
        """Return the row of :data:`MODELS` that the model is."""
        found = self.kind_of(spec.name)
        assert isinstance(found, ClassifierKind)  # names are checked when a recipe is read
        return found

    def idle_setting(self, spec: ModelSpec) -> str:
        """Return which setting has no effect on the classifier, or is missing, "" where all is right."""
        if spec.name != AUTO:
            return self.kind(spec).idle(spec)
        own = spec.said - {"channels", "learning_rate"}
        return f"model.{min(own)} is for a model that is named; say which in model.name" if own else ""

    def why_not(self, spec: ModelSpec, training: Training, form: Form | None = None) -> str:
        """Return why a classifier cannot be trained so, "" where it can, or only ``form`` would tell."""
        return self.kind(spec).why_not(spec, training, form)

    def check_model(self, spec: ModelSpec, form: Form) -> None:
        """Refuse a classifier that cannot take such samples, or whose files are not what it needs."""
        super().check_model(spec, form)
        self.digests(spec)
        self.kind(spec).check(spec, form)

    def files(self, spec: ModelSpec) -> Mapping[str, Path]:
        """Return the files that decide what the classifier is."""
        return self.kind(spec).files(spec)

    def label(self, spec: ModelSpec) -> str:
        """Return what a report calls the classifier."""
        return self.kind(spec).describe(spec)

    def pretrained(self, spec: ModelSpec) -> bool | None:
        """Return whether the classifier begins with weights from elsewhere; None where nobody can tell."""
        return self.kind(spec).pretrained(spec)

    def targets(self, samples: Samples) -> NDArray[Any]:
        """Return the labels (N,)."""
        return samples.y

    def strata(self, samples: Samples) -> IntArray:
        """Return the labels (N,): class counts are conditioned on."""
        return samples.y

    def fit(
        self, spec: ModelSpec, training: Training, batches: Batches, *, seed: int, critic: Path | None
    ) -> Predictor:
        """Train a classifier as its kind does."""
        return self.kind(spec).fit(spec, training, batches, seed=seed, critic=critic)

    def score(
        self, predictions: Floats, samples: Samples, *, details: bool, decided: Floats | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Return accuracies, areas, calibration and class-wise scores; with details the confusion matrix."""
        return score(predictions, samples.y, samples.classes, confusion=details, decided=decided)

    def case_values(self, metric: str, predictions: Floats, samples: Samples) -> CaseValues:
        """Return what every case is worth; see :func:`augmentor.downstream.case_values.case_values`."""
        return case_values(metric, probabilities(predictions, samples), samples.y)

    def by_stratum(self, predictions: Floats, samples: Samples) -> dict[str, Floats]:
        """Return whether each case was found, whose mean over the cases of a class is its recall."""
        hits = predictions.argmax(axis=-1) == samples.y
        return {"recall": hits.astype(np.float64)}

    def at_operating_point(
        self, held: Scored, tested: Scored, specificity: float
    ) -> Iterable[Mapping[str, Any]]:
        """Return sensitivity at a fixed specificity, and what is reached of it: by class, and their mean."""
        y, classes = tested.samples.y, tested.samples.classes
        for seed, (before, after) in enumerate(zip(held.predictions, tested.predictions, strict=True)):
            found = at_specificity(before, held.samples.y, after, y, specificity)
            for place, metric in enumerate(("sensitivity_at_specificity", "specificity_reached")):
                values: dict[str | None, float] = {classes[k]: pair[place] for k, pair in found.items()}
                if values:
                    values |= {None: sum(values.values()) / len(values)}
                for name, value in values.items():
                    yield {
                        "seed": seed, "metric": metric, "class": name, "value": value,
                        "greater_is_better": True,
                    }  # fmt: skip

    def describe_judged(self, arm: str, held: Scored, tested: Scored) -> list[dict[str, Any]]:
        """Return the calibration, as trained and with a temperature fitted on the validation part."""
        return calibration_rows(arm, held.predictions, held.samples.y, tested.predictions, tested.samples.y)


def probabilities(predictions: NDArray[Any], samples: Samples) -> Floats:
    """Return predictions as float64 probabilities (S, N, K).

    Raises:
        DataError: if they are not, or do not fit the samples.
    """
    p = np.asarray(predictions, dtype=np.float64)
    if p.ndim != 3 or not p.shape[0]:
        raise DataError(f"probabilities must be (seeds, cases, classes), got {p.shape}")
    for one in p:
        checked(one, samples.y, samples.n_classes)
    return p
