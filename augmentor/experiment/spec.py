"""What a recipe may say about the evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from augmentor.core.spec import Spec
from augmentor.downstream.base import Downstream
from augmentor.downstream.model_spec import AUTO, ModelSpec
from augmentor.downstream.table import DOWNSTREAM
from augmentor.experiment.arm_checks import candidates_of, check_arms, pairs_of
from augmentor.experiment.arms import (
    PRESETS,
    AnyArm,
    Arm,
    ArmField,
    Rows,
    arms_of,
    is_mixing,
    name_of,
    needs_critic,
    pattern_of,
)
from augmentor.experiment.augmentation_spec import AugmentationSpec
from augmentor.modalities.base import Modality
from augmentor.quality.feature_names import BUILT_IN_FEATURES

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
        specificity: at which the sensitivity for each class is shown; its threshold is found on the
            validation part.
        fixed_baseline: an arm without synthesis that the gain is shown over as well, fixed before anything is
            known, where it is among the arms.
    """

    margin: Annotated[float, Field(gt=0, lt=1)] = 0.01
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    specificity: Annotated[float, Field(gt=0, lt=1)] = 0.9
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
        features: where synthetic and real samples are compared: "task" (features of the judge's
            classifiers), "pixels", or the path of a TorchScript network ending in .pt, which is called
            with float32 (N, C, *spatial) in [-1, 1] and gives one row per sample. Loading such a file
            runs code that it holds: name only files you trust.
        model: what every arm trains, and for how long.
        further_models: models that the same question is asked of, each with all arms that it can train and a
            verdict of its own; updates and batch are those of ``model`` where they are not named.
        augmentation: the classical augmentation of the arms that have one.
        mixing: how synthetic rows are mixed in, and what of it is chosen on the validation part.
        decision: how a class is chosen from an arm's probabilities. "fitted": of every arm by a shift of the
            class frequencies whose strength is fitted on the validation part for the primary metric, where
            that has enough cases of the rarest class (:data:`augmentor.downstream.decision.FEWEST`); with
            "fixed", or fewer cases, by the shift of theory alone.
        fewest_to_choose: cases (or groups) of the rarest class that the validation part must have for a
            choice between arms. With fewer, nothing is chosen on it: the share is the middle one of
            ``mixing.shares``, "best_real" and the baseline are ``statistics.fixed_baseline``, and the judged
            arm is the first synthetic one whose control that baseline is.
        statistics: margin, confidence and fixed baseline of the verdict.
    """

    arms: tuple[ArmField, ...] = DEFAULT_ARMS
    seeds: Annotated[int, Field(ge=1, le=1000)] = 10
    primary_metric: str = "balanced_accuracy"
    features: str = "task"
    model: ModelSpec = ModelSpec()
    further_models: tuple[ModelSpec, ...] = ()
    augmentation: AugmentationSpec = AugmentationSpec()
    mixing: MixingSpec = MixingSpec()
    decision: Literal["fitted", "fixed"] = "fitted"
    fewest_to_choose: Annotated[int, Field(ge=1)] = 10
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
        question = DOWNSTREAM.get(self.model.question)
        if question is None:
            known = ", ".join(DOWNSTREAM)
            raise ValueError(f"model.question is one of {known}, got {self.model.question!r}")
        if self.primary_metric not in question.metrics:
            metrics = ", ".join(question.metrics)
            raise ValueError(f"primary_metric is one of {metrics}, got {self.primary_metric!r}")
        for model in self.models:
            self._check_model(question, model)
        if len(set(map(repr, self.models))) < len(self.models):
            raise ValueError("further_models names a model twice; each is asked once")
        check_trainable(self, critic=True)
        return self

    def _check_model(self, question: Downstream, model: ModelSpec) -> None:
        if model.question != question.name:
            raise ValueError(f"all models answer one question, got {question.name} and {model.question}")
        kind = question.kind_of(model.name)
        if model.name != AUTO and kind is None:
            models = ", ".join((AUTO, *question.models))
            raise ValueError(f"model.name is one of {models}, got {model.name!r}")
        if idle := question.idle_setting(model):
            raise ValueError(idle)
        if kind is not None and kind.table and self.mixing.anneal:
            raise ValueError(f"mixing.anneal needs batches one by one, and {model.name} sees one table")
        for arm, one in pairs_of(() if self.further_models else self.arms):
            if why := question.refusal(model, one.training):
                others = ", ".join(question.able(one.training))
                other = f", or choose one of {others}" if others else ""
                who = f"no model of {question.name}" if model.name == AUTO else model.name
                does = "can" if model.name == AUTO else "cannot"
                raise ValueError(
                    f"{who} {does} train the arm {name_of(arm)}: {why}; take it out of evaluation.arms{other}"
                )

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        """Every model that the question is asked of; the run's own verdict is that of the first."""
        return (self.model, *self.further_models)

    @property
    def model_names(self) -> tuple[str, ...]:
        """What the models are called beside each other; no two alike."""
        found: list[str] = []
        for number, model in enumerate(self.models, start=1):
            file, colon, function = model.name.rpartition(":")
            said = f"{PurePath(file).name}:{function}" if colon and "/" in file else model.name
            if model.weights is not None and "weights" in model.said:
                said += " frozen" if model.frozen else " pretrained"
            found.append(f"{said} ({number})" if said in found else said)
        return tuple(found)

    def alone(self, number: int) -> EvaluationSpec:
        """Return the evaluation of the model of that number, counted from 0, and no other."""
        return self.model_copy(update={"model": self.models[number], "further_models": ()})

    def with_model_for(self, modality: Modality) -> EvaluationSpec:
        """Return the spec with the usual model for that kind of samples in the place of "auto"."""
        if AUTO not in {model.name for model in self.models}:
            return self
        usual = {"name": self.downstream.usual_model(modality)}
        own, *further = (
            model.model_copy(update=usual) if model.name == AUTO else model for model in self.models
        )
        return self.model_copy(update={"model": own, "further_models": tuple(further)})

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each file of the model, by name; nothing for a built-in one without weights.

        Raises:
            ConfigError: if one is not there.
        """
        return {} if self.model.name == AUTO else self.downstream.digests(self.model)

    @property
    def downstream(self) -> Downstream:
        """The question that the model is trained for."""
        return DOWNSTREAM[self.model.question]

    @property
    def named_arms(self) -> dict[str, AnyArm]:
        """The arms by name, in the recipe's order."""
        return arms_of(self.arms)


def check_trainable(spec: EvaluationSpec, *, critic: bool) -> None:
    """Refuse arms of which a model cannot train both sides of a comparison.

    Args:
        spec: arms and models.
        critic: whether the generator leaves a critic to start from.

    Raises:
        ValueError: naming the model and what is missing.
    """
    for model in spec.models if spec.further_models or not critic else ():
        able = [
            arm
            for arm in spec.arms
            if (critic or not needs_critic(arm)) and _trains(spec.downstream, model, arm)
        ]
        try:
            check_arms(able)
        except ValueError as error:
            if not spec.further_models:
                raise
            raise ValueError(f"without the arms that {model.name} cannot train: {error}") from error


def with_usual(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of an evaluation with what its question and models make usual, where nothing is said.

    That is the question's first metric, the :data:`DEFAULT_ARMS` that one of the models can train, and for
    further models the budget of the first.
    """
    model = values.get("model", {})
    question = DOWNSTREAM.get(_said(model, "question"))
    if question is None:
        return values  # refused when all of it is checked
    usual = {"primary_metric": next(iter(question.metrics)), "arms": trainable(DEFAULT_ARMS, values)}
    further = values.get("further_models")
    if isinstance(further, list | tuple) and isinstance(model, Mapping):
        budget = {key: model[key] for key in ("question", "updates", "batch") if key in model}
        values = {
            **values,
            "further_models": [{**budget, **one} if isinstance(one, Mapping) else one for one in further],
        }
    return {**usual, **values}


def trainable(arms: Iterable[AnyArm], values: Mapping[str, Any]) -> list[AnyArm]:
    """Return the arms that a model of an evaluation can train; all of them where a model is not known."""
    model, further = values.get("model", {}), values.get("further_models") or ()
    question = DOWNSTREAM.get(_said(model, "question"))
    every = [_named(one) for one in (model, *(further if isinstance(further, list | tuple) else ()))]
    if question is None or any(one is None for one in every):
        return list(arms)
    models = [one for one in every if one is not None]
    if not all(one.name == AUTO or question.kind_of(one.name) for one in models):
        return list(arms)
    return [arm for arm in arms if any(_trains(question, one, arm) for one in models)]


def _trains(question: Downstream, model: ModelSpec, arm: AnyArm) -> bool:
    return not any(question.refusal(model, one.training) for one in candidates_of(arm))


def _named(model: object) -> ModelSpec | None:
    """Return a model that may still be what a recipe holds; None where it is refused when all is checked."""
    if isinstance(model, ModelSpec):
        return model
    try:
        return ModelSpec.model_validate(model)
    except ValidationError:
        return None


def _said(model: object, field: str) -> str:
    if isinstance(model, ModelSpec):
        return str(getattr(model, field))
    usual = ModelSpec.model_fields[field].default
    return str(model.get(field, usual) if isinstance(model, Mapping) else usual)


def mixing_arm(spec: EvaluationSpec) -> Arm:
    """Return the arm that settings of a generator are tried in: the first that mixes rows at a share.

    It is one that the first model can train. Derived arms are settled too late for that. Where there is none
    it is the classical arm with the rows that passed the filters.
    """
    mixing = (
        arm
        for arm in spec.arms
        if isinstance(arm, Arm) and is_mixing(arm) and not spec.downstream.refusal(spec.model, arm.training)
    )
    return next(mixing, Arm(rows=Rows(synthetic="passing")))
