"""What a recipe may say about the evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from augmentor.core.errors import ConfigError
from augmentor.core.spec import Spec, parse
from augmentor.experiment.arms import AnyArm, Arm, ArmField, Rows, arms_of, check_arms, is_mixing
from augmentor.experiment.classifiers import (
    ClassifierName,
    check_classifier,
    needs_table,
    refuse_arms,
    trainable,
)
from augmentor.experiment.oversample import check_oversampling
from augmentor.modalities.policies import Policy, resolve
from augmentor.quality.feature_names import BUILT_IN_FEATURES, check_features

DEFAULT_ARMS = tuple(
    arms_of(
        (
            "real",
            "balanced",
            "classical",
            "class_weighted",
            "mixup",
            "cutmix",
            {"mix": "cutmix", "start": "untrained_critic"},
            "with_synthetic",
            {"mix": "cutmix", "start": "critic"},
            "synthetic_only",
        )
    ).values()
)


class ModelSpec(Spec):
    """What every arm trains, and for how long.

    Attributes:
        classifier: "auto", the usual one for the kind of samples (small_resnet for series, images and
            volumes); small_resnet, resnet18, densenet121 or mlp, batch by batch; or logistic_regression,
            random_forest or gradient_boosting, on a table of the rows of the same batches (see
            :mod:`augmentor.experiment.classifiers`).
        updates: optimiser steps of every fit, the same for all arms.
        batch: rows of a batch.
        learning_rate: highest learning rate of the classifier.
        channels: width of the first stage of ``small_resnet``; None chooses it by dimension.
    """

    classifier: ClassifierName = "auto"
    updates: Annotated[int, Field(ge=1)] = 600
    batch: Annotated[int, Field(ge=2)] = 64
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 3e-3
    channels: Annotated[int, Field(ge=1, le=512)] | None = None

    @model_validator(mode="after")
    def _settings_have_an_effect(self) -> ModelSpec:
        if self.channels is not None and self.classifier not in ("auto", "small_resnet"):
            raise ValueError(f"channels is the width of small_resnet; {self.classifier} has its own")
        usual = type(self).model_fields["learning_rate"].default
        if needs_table(self.classifier) and self.learning_rate != usual:
            raise ValueError(f"learning_rate has no effect on {self.classifier}; leave it at {usual:g}")
        return self


class AugmentationSpec(Spec):
    """The classical augmentation of the arms that have one.

    Attributes:
        policy: name of a classical augmentation policy, or its fields.
        forbid: transforms that the policy must not use, e.g. [flip_horizontal].
        pool_versions: versions of each sample in the augmented pool, the untouched one included.
        pool_megabytes: the pool has fewer versions where it would grow larger than this.
    """

    policy: str | Policy = "light"
    forbid: tuple[str, ...] = ()
    pool_versions: Annotated[int, Field(ge=1, le=1000)] = 24
    pool_megabytes: Annotated[int, Field(ge=1)] = 1024

    @field_validator("policy", mode="before")
    @classmethod
    def _policy_fields(cls, policy: object) -> object:
        if not isinstance(policy, Mapping):
            return policy
        try:
            return parse(Policy, policy, "its fields")
        except ConfigError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _policy_exists(self) -> AugmentationSpec:
        try:
            self.resolved()
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self

    def resolved(self) -> Policy:
        """Return the classical policy without what is forbidden."""
        return resolve(self.policy, self.forbid)


class MixingSpec(Spec):
    """How synthetic rows are mixed into the batches of the arms that mix them at a share.

    Attributes:
        shares: synthetic shares of a batch that these arms choose from, each for itself; 0 means none.
        share_seeds: number of seeds that choices on the validation part are averaged over.
        anneal: whether the share falls to zero by three quarters of the updates.
        label_minimums: levels of ``filters.label.minimum`` to choose from, before anything else, by the
            validation score of :func:`mixing_arm` at the largest share; 0 lets every label pass. None keep
            the recipe's own level.
    """

    shares: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = (0.25, 0.5, 0.75)
    share_seeds: Annotated[int, Field(ge=1)] = 3
    anneal: bool = False
    label_minimums: tuple[Annotated[float, Field(ge=0, le=1)], ...] = ()

    @field_validator("shares")
    @classmethod
    def _shares_in_order(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if not shares:
            raise ValueError("at least one synthetic share is needed, e.g. [0.25, 0.5]")
        return tuple(sorted(set(shares)))

    @field_validator("label_minimums")
    @classmethod
    def _levels_to_choose_from(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        if levels and len(set(levels)) < 2:
            raise ValueError(
                f"a choice needs two or more levels, e.g. [0, 0.5, 0.8], got {list(levels)}; one level "
                "belongs into filters.label.minimum"
            )
        return tuple(sorted(set(levels)))


class StatisticsSpec(Spec):
    """What the verdict rests on.

    Attributes:
        margin: a gain or loss smaller than this does not matter, in units of the metric.
        bootstrap: number of bootstrap replicates.
        confidence: of the intervals.
    """

    margin: Annotated[float, Field(gt=0, lt=1)] = 0.01
    bootstrap: Annotated[int, Field(ge=100, le=1_000_000)] = 2000
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95


class EvaluationSpec(Spec):
    """How the gain of a classifier is measured.

    Attributes:
        arms: the arms to compare, each the name of one of :data:`augmentor.experiment.arms.PRESETS` or the
            fields of an :class:`augmentor.experiment.arms.Arm` or
            :class:`augmentor.experiment.arms.Derived`. Where none are named, those of
            :data:`DEFAULT_ARMS` that the classifier can train.
        seeds: number of repetitions of every arm, each with its own initial weights and batches.
        primary_metric: what choices and the verdict are made by.
        outer_splits: how often everything is done, from the split of the data to the evaluation, each
            time with a generator of its own; 1 answers for one split and one generator. Only for data
            without a test part of their own.
        features: where synthetic and real samples are compared: "task" (features of the judge's
            classifiers), "pixels", or the path of a TorchScript network ending in .pt, which is called
            with float32 (N, C, *spatial) in [-1, 1] and gives one row a sample. Loading such a file
            runs code that it holds: name only files you trust.
        model: what every arm trains, and for how long.
        augmentation: the classical augmentation of the arms that have one.
        mixing: how synthetic rows are mixed in, and what of it is chosen on the validation part.
        statistics: margin, bootstrap and confidence of the verdict.
    """

    arms: tuple[ArmField, ...] = DEFAULT_ARMS
    seeds: Annotated[int, Field(ge=1, le=1000)] = 10
    primary_metric: Literal["balanced_accuracy", "macro_auroc", "accuracy"] = "balanced_accuracy"
    outer_splits: Annotated[int, Field(ge=1, le=100)] = 1
    features: str = "task"
    model: ModelSpec = ModelSpec()
    augmentation: AugmentationSpec = AugmentationSpec()
    mixing: MixingSpec = MixingSpec()
    statistics: StatisticsSpec = StatisticsSpec()

    @model_validator(mode="before")
    @classmethod
    def _usual_arms(cls, values: Any) -> Any:  # noqa: ANN401 - whatever the recipe holds
        if not isinstance(values, Mapping) or "arms" in values:
            return values
        return {**values, "arms": trainable(classifier_in(values), DEFAULT_ARMS)}

    @field_validator("arms")
    @classmethod
    def _arms_compare(cls, arms: tuple[AnyArm, ...]) -> tuple[AnyArm, ...]:
        check_arms(arms)
        return arms

    @field_validator("features")
    @classmethod
    def _features_known(cls, features: str) -> str:
        if features not in BUILT_IN_FEATURES and not features.endswith(".pt"):
            raise ValueError(
                f"is {', '.join(BUILT_IN_FEATURES)} or the path of a TorchScript file ending in .pt, "
                f"got {features!r}"
            )
        return features

    @model_validator(mode="after")
    def _classifier_can(self) -> EvaluationSpec:
        classifier = self.model.classifier
        refuse_arms(classifier, self.arms)
        if needs_table(classifier) and self.mixing.anneal:
            raise ValueError(f"mixing.anneal needs batches one by one, and {classifier} sees one table")
        return self

    def with_classifier(self, usual: str) -> EvaluationSpec:
        """Return the spec with the classifier ``usual`` in the place of "auto"."""
        if self.model.classifier != "auto":
            return self
        return self.model_copy(update={"model": self.model.model_copy(update={"classifier": usual})})

    @property
    def named_arms(self) -> dict[str, AnyArm]:
        """The arms by name, in the recipe's order."""
        return arms_of(self.arms)


def classifier_in(values: Mapping[str, Any]) -> str:
    """Return the classifier that the values of an evaluation ask for, the usual one where they do not say."""
    model = values.get("model", {})
    if isinstance(model, ModelSpec):
        return model.classifier
    usual = str(ModelSpec.model_fields["classifier"].default)
    return str(model.get("classifier", usual)) if isinstance(model, Mapping) else usual


def mixing_arm(arms: Iterable[AnyArm]) -> Arm:
    """Return the arm that settings of a generator are tried in: the first that mixes rows at a share.

    Derived arms are settled too late for that. Where there is none it is the classical arm with the rows that
    passed the filters.
    """
    mixing = (arm for arm in arms if isinstance(arm, Arm) and is_mixing(arm))
    return next(mixing, Arm(rows=Rows(synthetic="passing")))


def check_shape(spec: EvaluationSpec, shape: tuple[int, ...]) -> None:
    """Refuse what cannot be done with samples of that shape (C, *spatial), before anything is trained.

    Raises:
        ConfigError: saying which field asks for it and what to change.
    """
    check_features(spec.features)
    check_classifier(spec.model.classifier, shape)
    check_oversampling(spec.named_arms.values(), shape)
