"""The facts of an evaluation: what it found besides its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from augmentor.core.facts.evaluation import (
    ONE_GENERATOR,
    AnswerFacts,
    ArmFacts,
    EvaluateFacts,
    FitCounts,
    RecommendationFacts,
    VerdictFacts,
)
from augmentor.core.facts.quality import MissingNumber
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.arm_words import CRITIC, OVERSAMPLES, change, describe, quoted, subject
from augmentor.experiment.arms import AnyArm, Derived, controls_of, name_of, pattern_of
from augmentor.experiment.choose import Fitted
from augmentor.experiment.decide import Decision
from augmentor.experiment.model_facts import model_facts, model_notes
from augmentor.experiment.oversample import too_small
from augmentor.experiment.runner import Runner
from augmentor.modalities.policies import Policy


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the work of an evaluation came to.

    Attributes:
        arms: those that were trained, by name, as the recipe has them.
        skipped: for each arm that was left out, why.
        fitted: the finished fits and the choices made on the way.
        decision: verdict and advice.
        titles: what the arms are called, by name.
        not_estimable: numbers without a value, and why.
        at_operating_point: whether there are numbers at a fixed specificity.
    """

    arms: Mapping[str, AnyArm]
    skipped: Mapping[str, str]
    fitted: Fitted
    decision: Decision
    titles: Mapping[str, str]
    not_estimable: Sequence[Mapping[str, Any]]
    at_operating_point: bool = False


def facts_of(outcome: Outcome, runner: Runner, validation: Samples, predictions: str) -> EvaluateFacts:
    """Return what is said of an evaluation.

    Args:
        outcome: what it came to.
        runner: that ran its fits.
        validation: what choices were made on.
        predictions: name of the file of predictions.
    """
    fitted, decision, spec = outcome.fitted, outcome.decision, runner.spec
    settled = {name: arm for name, arm in outcome.arms.items() if isinstance(arm, Derived)}
    thins = any(arm.base == "best_mixing" for arm in settled.values())
    return EvaluateFacts(
        primary_metric=spec.primary_metric,
        verdict=VerdictFacts(
            word=decision.verdict.word,
            arm=decision.arm,
            baseline=decision.baseline,
            sentence=decision.verdict.sentence,
            reason=decision.verdict.reason,
            about="critic_start" if subject(fitted.arms[decision.arm]) == CRITIC else "synthetic_rows",
            against=decision.against,
            beside=decision.beside,
        ),
        share=fitted.share_of.get(decision.arm),
        share_of=fitted.share_of,
        share_by="validation" if fitted.trials else "recipe",
        share_seeds=fitted.trials,
        left_out=fitted.left_out if thins else None,
        seeds=tuple(range(spec.seeds)),
        classifier_seeds=tuple(runner.seeds),
        specificity=spec.statistics.specificity if outcome.at_operating_point else None,
        answers=tuple(AnswerFacts(**asdict(one)) for one in decision.answers),
        recommendation=RecommendationFacts(**asdict(decision.recommendation)),
        classifier=spec.downstream.label(spec.model),
        model=model_facts(spec),
        arms={name: _arm(arm, outcome.titles[name]) for name, arm in spec.named_arms.items()},
        resolved_to={name: name_of(fitted.arms[name]) for name in settled},
        controls=controls_of(fitted.arms),
        skipped=dict(outcome.skipped),
        not_estimable_arms=tuple(MissingNumber.model_validate(one) for one in outcome.not_estimable),
        notes=(
            *outcome.skipped.values(),
            *model_notes(spec),
            *_resolved(settled, fitted.base, outcome.titles),
            *_notes(runner, runner.synthetic),
            *decision.notes,
        ),
        limits=(
            ONE_GENERATOR,
            f"The share, the synthetic arm and the baseline were chosen on {len(validation)} validation "
            f"{validation.kind.plural} by {spec.downstream.metrics[spec.primary_metric].words}; the test "
            "part had no say.",
        ),
        predictions=predictions,
        fits=FitCounts(trained=runner.trained, reused=runner.reused),
    )


def _arm(arm: AnyArm, called: str) -> ArmFacts:
    return ArmFacts(title=called, description=describe(arm), synthetic=pattern_of(arm).is_synthetic)


def _resolved(settled: Mapping[str, Derived], base: str | None, titles: Mapping[str, str]) -> list[str]:
    """Return what the arms derived from the best arm of real rows came to be, in words."""
    if base is None:
        return []
    best = quoted(titles[base])
    return [
        f"{quoted(titles[name])} is {best} with one change: {change(arm.add)}. {best} is the best arm "
        "of real rows alone on the validation part."
        for name, arm in settled.items()
        if arm.base == "best_real"
    ]


def _notes(runner: Runner, synthetic: SyntheticSet) -> list[str]:
    notes = []
    kind, policy = runner.train.kind, runner.spec.augmentation.policy
    if not synthetic.kept.any():
        notes.append(
            f"No synthetic {kind.name} was kept: arms of kept {kind.plural} train on real ones alone."
        )
    repeating = too_small(runner.train) if "smote" in runner.oversamplers else []
    if repeating:
        notes.append(
            f"{quoted(OVERSAMPLES['smote'][0])} repeats the rows of {', '.join(repeating)}: it draws between "
            "neighbours, and a class of one or two rows has none to choose from."
        )
    if isinstance(policy, Policy) and (lacking := policy.used(runner.modality.lacking)):
        notes.append(
            f"The augmentation policy's {', '.join(lacking)} does not exist for {kind.plural}: left out."
        )
    wanted = runner.spec.augmentation
    if not runner.policy.changes_nothing and runner.versions < wanted.pool_versions:
        notes.append(
            f"The augmented pool has {runner.versions} versions of each {kind.name} instead of "
            f"{wanted.pool_versions}, to stay within {wanted.pool_megabytes} MB."
        )
    return notes
