"""The facts of an evaluation: what it found besides its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from augmentor.core.facts.evaluation import (
    ONE_GENERATOR,
    AnswerFacts,
    ArmFacts,
    DecisionFacts,
    EvaluateFacts,
    FitCounts,
    RecommendationFacts,
    VerdictFacts,
)
from augmentor.core.facts.quality import MissingNumber
from augmentor.core.synthetic import SyntheticSet
from augmentor.downstream.decision import FEWEST, DecisionRule
from augmentor.experiment.arm_words import CRITIC, OVERSAMPLES, change, describe, quoted, subject
from augmentor.experiment.arms import AnyArm, Derived, controls_of, name_of, pattern_of
from augmentor.experiment.augmentation_spec import FROM_DRAWS
from augmentor.experiment.choose import Fitted
from augmentor.experiment.decide import Decision
from augmentor.experiment.held_out import HeldOut
from augmentor.experiment.model_facts import model_facts, model_notes
from augmentor.experiment.oversample import too_small
from augmentor.experiment.runner import Runner
from augmentor.experiment.starts import LABELLED, UNLABELLED, updates_worth
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
        rules: how each arm chooses a class; None where nothing is to be decided.
        at_operating_point: whether there are numbers at a fixed specificity.
    """

    arms: Mapping[str, AnyArm]
    skipped: Mapping[str, str]
    fitted: Fitted
    decision: Decision
    titles: Mapping[str, str]
    not_estimable: Sequence[Mapping[str, Any]]
    rules: Mapping[str, DecisionRule | None]
    at_operating_point: bool = False


def facts_of(outcome: Outcome, runner: Runner, held: HeldOut, predictions: str) -> EvaluateFacts:
    """Return what is said of an evaluation.

    Args:
        outcome: what it came to.
        runner: that ran its fits.
        held: what choices were made on.
        predictions: name of the file of predictions.
    """
    fitted, decision, spec = outcome.fitted, outcome.decision, runner.spec
    validation = held.samples
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
        versions=_versions_of(runner),
        tried={name: fitted.tried.get(name, 1) for name in outcome.arms},
        decisions={
            name: DecisionFacts(strength=rule.strength, how=rule.how)
            for name, rule in outcome.rules.items()
            if rule is not None
        },
        resolved_to={name: name_of(fitted.arms[name]) for name in settled},
        controls=controls_of(fitted.arms),
        skipped=dict(outcome.skipped),
        not_estimable_arms=tuple(MissingNumber.model_validate(one) for one in outcome.not_estimable),
        notes=(
            *outcome.skipped.values(),
            *model_notes(spec),
            *_resolved(settled, fitted.base, outcome.titles),
            *_notes(runner, runner.synthetic),
            *_decided(held),
            *_starts(runner),
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
    notes += _versions(runner)
    return notes


def _decided(held: HeldOut) -> list[str]:
    """Return how classes are chosen from probabilities, where that is a choice."""
    if not held.has_rules:
        return []
    if held.folds is not None:
        return [
            "Every arm chooses a class by a shift of the class frequencies whose strength was fitted on the "
            f"validation part ({held.fewest:,} cases of its rarest class); validation scores are of cases "
            "that the shift was not fitted on."
        ]
    why = (
        "the recipe asks for it"
        if held.spec.decision == "fixed"
        else f"fitting a shift takes {FEWEST} validation cases of every class, and there are {held.fewest}"
        if held.fewest < FEWEST
        else "the validation cases of a class are all of one group"
    )
    return [
        "Classes are chosen by theory alone: the most probable one, of arms trained at the frequencies of "
        f"the data after the shift that the metric asks for; {why}."
    ]


def _starts(runner: Runner) -> list[str]:
    """Return how long the controls of a start from the critic were trained."""
    starts = {pattern_of(arm).start for arm in runner.spec.named_arms.values()} & {LABELLED, UNLABELLED}
    if runner.critic is None or not starts:
        return []
    shown, model = runner.critic.images, runner.spec.model
    return [
        "A start on the critic's network without the critic's weights was trained beforehand for "
        f"{updates_worth(shown):,} updates, which takes as long as showing generator and critic {shown:,} "
        f"{runner.train.kind.plural} did; the {model.updates:,} updates of every arm come on top."
    ]


def _versions(runner: Runner) -> list[str]:
    """Return how many versions of a training row there are, and whether memory allows all that are wanted."""
    asked, found = runner.spec.augmentation, runner.versions
    if runner.modality.is_idle(asked.resolved()) or not found.real.size:
        return []
    name, least, most = runner.train.kind.name, found.real.min(), found.real.max()
    said = []
    if asked.pool_versions == FROM_DRAWS:
        said.append(
            f"Every training {name} comes in about as many augmented versions as a fit draws of it: "
            f"{least:,} to {most:,}."
        )
    if not found.whole:
        said.append(
            f"The augmented pool has at most {found.afforded:,} versions of a {name} instead of "
            f"{found.wanted:,}, to stay within evaluation.augmentation.pool_megabytes "
            f"({asked.pool_megabytes:,} MB)."
        )
    return said


def _versions_of(runner: Runner) -> dict[str, int]:
    """Return the versions of a real training row of each class that has any."""
    train = runner.train
    return {
        name: int(runner.versions.real[train.y == label].max())
        for label, name in enumerate(train.classes)
        if (train.y == label).any()
    }
