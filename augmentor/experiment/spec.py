"""What a recipe may say about the evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from augmentor.core.errors import ConfigError
from augmentor.core.spec import Spec, parse
from augmentor.downstream.base import AUTO, Downstream, ModelSpec
from augmentor.downstream.table import DOWNSTREAM
from augmentor.experiment.arm_checks import candidates_of, check_arms
from augmentor.experiment.arms import (
    CLASSICAL,
    PRESETS,
    AnyArm,
    Arm,
    ArmField,
    Rows,
    arms_of,
    is_mixing,
    name_of,
    pattern_of,
)
from augmentor.experiment.oversample import check_oversampling
from augmentor.modalities.base import Modality
from augmentor.modalities.policies import AnyPolicy, ChosenPolicy, Policy, resolve
from augmentor.quality.feature_names import BUILT_IN_FEATURES, check_features

DEFAULT_ARMS = tuple(
    arms_of(
        (
            "real",
            "classical",
            "class_weighted",
            "logit_adjusted",
            "mixup",
            "cutmix",
            "tuned",
            {"mix": "cutmix", "start": "untrained_critic"},
            {"mix": "cutmix", "start": "self_supervised"},
            "with_synthetic",
            {"mix": "cutmix", "start": "critic"},
            "synthetic_only",
        )
    ).values()
)


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
        confidence: of the intervals.
        fixed_baseline: an arm without synthesis that the gain is shown over as well, fixed before anything is
            known, where it is among the arms.
    """

    margin: Annotated[float, Field(gt=0, lt=1)] = 0.01
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    fixed_baseline: ArmField = PRESETS["cutmix"]

    @field_validator("fixed_baseline")
    @classmethod
    def _without_synthesis(cls, arm: AnyArm) -> AnyArm:
        if pattern_of(arm).is_synthetic:
            raise ValueError(f"a baseline has nothing synthetic, got {name_of(arm)}; name one such as cutmix")
        return arm


class EvaluationSpec(Spec):
    """How the gain of a classifier is measured.

    Attributes:
        arms: the arms to compare, each the name of one of :data:`augmentor.experiment.arms.PRESETS` or the
            fields of an :class:`augmentor.experiment.arms.Arm` or
            :class:`augmentor.experiment.arms.Derived`. Where none are named, those of
            :data:`DEFAULT_ARMS` that the model can train.
        seeds: number of repetitions of every arm, each with its own initial weights and batches.
        primary_metric: what choices and the verdict are made by, one of the question's; for classification
            balanced_accuracy, macro_auroc or accuracy.
        outer_splits: how often everything is done, from the split of the data to the evaluation, each
            time with a generator of its own; 1 answers for one split and one generator. Only for data
            without a test part of their own.
        features: where synthetic and real samples are compared: "task" (features of the judge's
            classifiers), "pixels", or the path of a TorchScript network ending in .pt, which is called
            with float32 (N, C, *spatial) in [-1, 1] and gives one row per sample. Loading such a file
            runs code that it holds: name only files you trust.
        model: what every arm trains, and for how long.
        augmentation: the classical augmentation of the arms that have one.
        mixing: how synthetic rows are mixed in, and what of it is chosen on the validation part.
        decision: how a class is chosen from an arm's probabilities. "fitted": of every arm by a shift of the
            class frequencies whose strength is fitted on the validation part for the primary metric, where
            that has enough cases of the rarest class (:data:`augmentor.downstream.decision.FEWEST`); with
            "fixed", or fewer cases, by the shift of theory alone.
        statistics: margin, confidence and fixed baseline of the verdict.
    """

    arms: tuple[ArmField, ...] = DEFAULT_ARMS
    seeds: Annotated[int, Field(ge=1, le=1000)] = 10
    primary_metric: str = "balanced_accuracy"
    outer_splits: Annotated[int, Field(ge=1, le=100)] = 1
    features: str = "task"
    model: ModelSpec = ModelSpec()
    augmentation: AugmentationSpec = AugmentationSpec()
    mixing: MixingSpec = MixingSpec()
    decision: Literal["fitted", "fixed"] = "fitted"
    statistics: StatisticsSpec = StatisticsSpec()

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, values: Any) -> Any:  # noqa: ANN401 - whatever the recipe holds
        return with_usual(values) if isinstance(values, Mapping) else values

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
    def _model_can(self) -> EvaluationSpec:
        asked, question = self.model, DOWNSTREAM.get(self.model.question)
        if question is None:
            raise ValueError(f"model.question is one of {', '.join(DOWNSTREAM)}, got {asked.question!r}")
        if asked.name not in (AUTO, *question.models):
            models = ", ".join((AUTO, *question.models))
            raise ValueError(f"model.name is one of {models}, got {asked.name!r}")
        if self.primary_metric not in question.metrics:
            metrics = ", ".join(question.metrics)
            raise ValueError(f"primary_metric is one of {metrics}, got {self.primary_metric!r}")
        if idle := question.idle_setting(asked):
            raise ValueError(idle)
        for named in self.arms:
            for one in candidates_of(named):
                self._check_trainable(named, one)
        if asked.name != AUTO and question.models[asked.name].table and self.mixing.anneal:
            raise ValueError(f"mixing.anneal needs batches one by one, and {asked.name} sees one table")
        return self

    def _check_trainable(self, named: AnyArm, one: Arm) -> None:
        question, asked = self.downstream, self.model
        why = question.refusal(asked.name, one.training)
        if not why:
            return
        able = ", ".join(question.able(one.training))
        other = f", or choose one of {able}" if able else ""
        who = f"no model of {question.name}" if asked.name == AUTO else asked.name
        does = "can" if asked.name == AUTO else "cannot"
        raise ValueError(
            f"{who} {does} train the arm {name_of(named)}: {why}; take it out of evaluation.arms{other}"
        )

    def with_model_for(self, modality: Modality) -> EvaluationSpec:
        """Return the spec with the usual model for that kind of samples in the place of "auto"."""
        if self.model.name != AUTO:
            return self
        name = self.downstream.usual_model(modality)
        return self.model_copy(update={"model": self.model.model_copy(update={"name": name})})

    @property
    def downstream(self) -> Downstream:
        """The question that the model is trained for."""
        return DOWNSTREAM[self.model.question]

    @property
    def named_arms(self) -> dict[str, AnyArm]:
        """The arms by name, in the recipe's order."""
        return arms_of(self.arms)


def with_usual(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of an evaluation with what its question and model make usual, where nothing is said.

    That is the question's first metric, and the :data:`DEFAULT_ARMS` that the model can train.
    """
    model = values.get("model", {})
    question = DOWNSTREAM.get(_said(model, "question"))
    if question is None:
        return values  # refused when all of it is checked
    usual = {"primary_metric": next(iter(question.metrics)), "arms": trainable(DEFAULT_ARMS, values)}
    return {**usual, **values}


def trainable(arms: Iterable[AnyArm], values: Mapping[str, Any]) -> list[AnyArm]:
    """Return the arms that the model of an evaluation can train; all of them where there is no such model."""
    model = values.get("model", {})
    question, name = DOWNSTREAM.get(_said(model, "question")), _said(model, "name")
    if question is None or name not in (AUTO, *question.models):
        return list(arms)
    return [
        arm for arm in arms if not any(question.refusal(name, one.training) for one in candidates_of(arm))
    ]


def _said(model: object, field: str) -> str:
    if isinstance(model, ModelSpec):
        return str(getattr(model, field))
    usual = ModelSpec.model_fields[field].default
    return str(model.get(field, usual) if isinstance(model, Mapping) else usual)


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
    if spec.model.name != AUTO:
        spec.downstream.check_shape(spec.model.name, shape)
    check_oversampling(spec.named_arms.values(), shape)
