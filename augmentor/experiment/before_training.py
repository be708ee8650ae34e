"""What is refused of an evaluation once the data are known, and before anything is trained."""

from __future__ import annotations

from augmentor.downstream.base import Form
from augmentor.downstream.model_spec import AUTO
from augmentor.experiment.oversample import check_oversampling
from augmentor.experiment.spec import EvaluationSpec
from augmentor.quality.feature_names import check_features


def check_shape(spec: EvaluationSpec, shape: tuple[int, ...]) -> None:
    """Refuse what cannot be done with samples of that shape (C, *spatial), before anything is trained.

    Raises:
        ConfigError: saying which field asks for it and what to change.
    """
    check_features(spec.features)
    for model in spec.models:
        if model.name != AUTO:
            spec.downstream.check_shape(model.name, model.given(shape))
    check_oversampling(spec.named_arms.values(), shape)


def check_models(spec: EvaluationSpec, shape: tuple[int, ...], n_classes: int) -> None:
    """Refuse models whose files or functions are not what they should be, before anything is trained.

    Raises:
        ConfigError: as :func:`check_shape`.
    """
    check_shape(spec, shape)
    for model in spec.models:
        spec.downstream.check_model(model, Form(shape, n_classes))
