"""Classification: a class for each sample, from small networks, standard ones and scikit-learn's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from augmentor.core.case_values import CaseValues
from augmentor.core.errors import DataError
from augmentor.core.samples import IntArray, Samples
from augmentor.downstream.base import (
    AUTO,
    Batches,
    Downstream,
    Floats,
    Metric,
    ModelSpec,
    Predictor,
    Scored,
    Training,
)
from augmentor.downstream.case_values import PRIMARY_METRICS, case_values
from augmentor.downstream.models import MODELS, why_not
from augmentor.downstream.scores import checked, score
from augmentor.metrics.calibration import calibration_rows
from augmentor.metrics.names import METRIC_WORDS

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

    def idle_setting(self, spec: ModelSpec) -> str:
        """Return why a width, or a learning rate, has no effect on the classifier, "" where both have."""
        usual = ModelSpec.model_fields["learning_rate"].default
        if spec.channels is not None and spec.name not in (AUTO, "small_resnet"):
            return f"model.channels is the width of small_resnet; {spec.name} has its own"
        if spec.name != AUTO and self.models[spec.name].table and spec.learning_rate != usual:
            return f"model.learning_rate has no effect on {spec.name}; leave it at {usual:g}"
        return ""

    def why_not(self, model: str, training: Training) -> str:
        """Return why a classifier cannot be trained so, "" where it can."""
        return why_not(model, training)

    def targets(self, samples: Samples) -> NDArray[Any]:
        """Return the labels (N,)."""
        return samples.y

    def strata(self, samples: Samples) -> IntArray:
        """Return the labels (N,): class counts are conditioned on."""
        return samples.y

    def fit(
        self, spec: ModelSpec, training: Training, batches: Batches, *, seed: int, critic: Path | None
    ) -> Predictor:
        """Train a classifier; see :mod:`augmentor.downstream.fit_classifier`."""
        from augmentor.downstream.fit_classifier import fit_classifier

        return fit_classifier(spec, training, batches, seed=seed, critic=critic)

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
