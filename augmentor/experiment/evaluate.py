"""From real parts and synthetic samples to what a classifier gains: fits, choices, gains, verdict.

Choices - the synthetic share, which synthetic arm and which baseline the verdict is about - are made
on the validation part and on nothing else. Folds of the training part could not serve: the generator
and the filters have seen all of it, so synthetic images carry the labels and the looks of any fold
held out of it, and a choice made there favours them. The validation part was held out before the
generator saw anything. The test part is read after every choice is made, and nothing follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.facts.evaluation import (
    ONE_GENERATOR,
    ArmFacts,
    EvaluateFacts,
    FitCounts,
    NeededFacts,
    RecommendationFacts,
    VerdictFacts,
)
from augmentor.core.facts.quality import MissingNumber
from augmentor.core.files import atomic_file
from augmentor.core.leak import refuse_overlap
from augmentor.core.parallel import Mapper, run_parallel
from augmentor.core.progress import Progress, Silent
from augmentor.core.results import Results
from augmentor.core.samples import Samples
from augmentor.core.seeds import derive_seed
from augmentor.core.synthetic import SyntheticSet
from augmentor.downstream.scores import score
from augmentor.experiment.arm_words import change, describe, title
from augmentor.experiment.arms import AnyArm, Arm, Derived, controls_of, name_of, needs_critic, pattern_of
from augmentor.experiment.choose import Fitted, empty_arms, fit_arms, stacked
from augmentor.experiment.classifiers import CLASSIFIERS, why_not
from augmentor.experiment.decide import Decision, decide
from augmentor.experiment.draw import passing
from augmentor.experiment.gan_train import gan_train_rows
from augmentor.experiment.oversample import too_small
from augmentor.experiment.runner import Runner
from augmentor.experiment.selected import FOLDS, SELECTIONS
from augmentor.experiment.spec import EvaluationSpec, check_shape
from augmentor.metrics.calibration import calibration_rows
from augmentor.modalities.policies import Policy
from augmentor.modalities.table import modality_of
from augmentor.quality.cross_fit import assign_folds
from augmentor.synthesizers.critic import KeptCritic

Probabilities = npt.NDArray[np.float64]

PREDICTIONS = "predictions.npz"
SILENT: Progress = Silent()


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The numbers and the words of one evaluation.

    Attributes:
        results: scores of every arm, seed and part; intervals; gains; the choice of the share.
        facts: what is said beside the numbers.
    """

    results: Results
    facts: EvaluateFacts


def evaluate(
    train: Samples,
    validation: Samples,
    test: Samples,
    synthetic: SyntheticSet,
    spec: EvaluationSpec,
    *,
    dataset: str,
    seed: int,
    folder: Path,
    processes: int | None = None,
    mapper: Mapper = run_parallel,
    critic: KeptCritic | None = None,
    progress: Progress = SILENT,
    opening: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Measure what a classifier gains from the synthetic samples.

    The same inputs and seed give the same results, byte for byte, whatever ``processes`` and ``mapper`` are.

    Args:
        train: the training part, the only real rows any arm trains on.
        validation: rows that neither the generator nor the filters saw; choices are made on them.
        test: rows that are scored at the end.
        synthetic: candidates with their marks.
        spec: arms, seeds, updates, metric, margin.
        dataset: name for the results.
        seed: everything random is derived from it.
        folder: scratch; finished fits stay in ``folder/fits``, so that a run that was killed or a
            second one with more seeds does not train them again.
        processes: how many processes; None for one per core.
        mapper: what spreads the fits; every place it runs them must see ``folder``.
        critic: the generator's critic, for arms that start from it; None where there is none.
        progress: told about every finished fit.
        opening: called once, when predictions of the test part are about to be held against its labels.

    Raises:
        DataError: if the parts do not fit together, or one is empty.
        LeakError: if a row of one part is in another.
        ConfigError: if an arm cannot take samples of this shape.
    """
    check_parts(train, validation, test, synthetic)
    modality = modality_of(train)
    spec = spec.with_classifier(modality.classifier)
    check_shape(spec, modality.fit_codec(train).shape)
    named = spec.named_arms
    arms, skipped = usable_arms(named, train, synthetic, critic, spec.model.classifier)
    parts = {"validation": validation, "test": test}
    runner = Runner(
        train, synthetic, parts, spec,
        seed=seed, folder=folder, processes=processes, progress=progress, mapper=mapper, critic=critic,
    )  # fmt: skip
    fitted = fit_arms(runner, arms, validation, spec, progress)
    jobs, share_of, rows = fitted.jobs, fitted.share_of, fitted.rows
    runner.clean()

    # Every choice but that of decide() is made, and decide() chooses on validation alone.
    opening()
    found = {part: {name: stacked(jobs[name], part) for name in arms} for part in parts}
    for part, samples in parts.items():
        for name in arms:
            rows += _score_rows(found[part][name], samples, name, part)
    gan_train, not_estimable = gan_train_rows(rows, list(arms), skipped)
    rows += gan_train
    thinned = [name for name, arm in arms.items() if isinstance(arm, Derived) and arm.base == "best_mixing"]
    empty = empty_arms(fitted.arms, synthetic, thinned, fitted.left_out)
    controls = controls_of(fitted.arms)
    decision = _decide(found, fitted.arms, validation, test, spec, seed, empty)
    rows += decision.rows
    for name in dict.fromkeys((decision.baseline, decision.arm)):
        rows += calibration_rows(name, found["validation"][name], validation.y, found["test"][name], test.y)
    _write_predictions(folder / PREDICTIONS, found)
    return Evaluation(
        results=Results.from_rows({"dataset": dataset, **row} for row in rows),
        facts=EvaluateFacts(
            primary_metric=spec.primary_metric,
            verdict=VerdictFacts(
                word=decision.verdict.word,
                arm=decision.arm,
                baseline=decision.baseline,
                sentence=decision.sentence,
            ),
            share=share_of.get(decision.arm),
            share_of=share_of,
            share_by="validation" if fitted.trials else "recipe",
            share_seeds=fitted.trials,
            left_out=fitted.left_out if thinned else None,
            seeds=tuple(range(spec.seeds)),
            classifier_seeds=tuple(runner.seeds),
            needed=NeededFacts(**asdict(decision.needed)),
            recommendation=RecommendationFacts(**asdict(decision.recommendation)),
            classifier=CLASSIFIERS[spec.model.classifier].label,
            arms={name: _arm_facts(arm) for name, arm in named.items()},
            resolved_to={
                name: name_of(fitted.arms[name]) for name, arm in arms.items() if isinstance(arm, Derived)
            },
            controls=controls,
            skipped=skipped,
            not_estimable_arms=tuple(MissingNumber.model_validate(one) for one in not_estimable),
            notes=(
                *skipped.values(),
                *_resolved(arms, fitted),
                *_notes(runner, synthetic),
                *decision.notes,
            ),
            limits=tuple(_limits(validation, spec)),
            predictions=PREDICTIONS,
            fits=FitCounts(trained=runner.trained, reused=runner.reused),
        ),
    )


def check_parts(train: Samples, validation: Samples, test: Samples, synthetic: SyntheticSet) -> None:
    """Refuse parts that cannot be compared, or of which one has seen another.

    Raises:
        DataError: if a part is empty, or classes, shapes or dtypes differ.
        LeakError: if a row, or a group, of one real part is in another, or if a held-out row is
            among the synthetic ones.
    """
    real = {"training": train, "validation": validation, "test": test}
    for name, part in real.items():
        if not len(part):
            raise DataError(f"the {name} part is empty; an evaluation needs training, validation and test")
    for name, part in {**real, "synthetic": synthetic.samples}.items():
        form, wanted = ((one.kind.name, one.classes, one.row_form) for one in (part, train))
        if form != wanted:
            raise DataError(f"the {name} part differs from the training part: {form} against {wanted}")
    for one, other in combinations(real, 2):
        refuse_overlap({one: real[one]}, {other: real[other]})
    refuse_overlap({"synthetic": synthetic.samples}, {"validation": validation, "test": test})


def usable_arms(
    arms: Mapping[str, AnyArm],
    train: Samples,
    synthetic: SyntheticSet,
    critic: KeptCritic | None = None,
    classifier: str = "auto",
) -> tuple[dict[str, AnyArm], dict[str, str]]:
    """Return the arms that can be trained, and for each of the others the reason why not."""
    passed = synthetic.samples.take(passing(synthetic)).counts
    lacking = [name for name, n in train.counts.items() if n and not passed[name]]
    skipped = {
        name: f"The arm {name} was left out: no synthetic {train.kind.name} of {', '.join(lacking)} passed "
        "the filters."
        for name, arm in arms.items()
        if not pattern_of(arm).rows.real and lacking
    }
    if critic is None:
        skipped |= {
            name: f"The arm {name} was left out: the generator has left no critic to start from."
            for name, arm in arms.items()
            if needs_critic(arm)
        }
    skipped |= {
        name: f"The arm {name} was left out: {why}."
        for name, arm in arms.items()
        if (why := why_not(classifier, arm))
    }
    choosing = [name for name, arm in arms.items() if pattern_of(arm).rows.synthetic in SELECTIONS]
    if choosing:
        try:
            assign_folds(train, FOLDS, 0)
        except DataError as error:
            skipped |= {name: f"The arm {name} was left out: {error}." for name in choosing}
    return {name: arm for name, arm in arms.items() if name not in skipped}, skipped


def _arm_facts(arm: AnyArm) -> ArmFacts:
    """Return what a report needs to know of an arm."""
    synthetic = pattern_of(arm).is_synthetic
    return ArmFacts(title=title(arm), description=describe(arm), synthetic=synthetic)


def _resolved(arms: Mapping[str, AnyArm], fitted: Fitted) -> list[str]:
    """Return what the arms derived from the best arm of real rows came to be, in words."""
    return [
        f"The arm {name} is {fitted.base} with one change: {change(arm.add)}. {fitted.base} is the best arm "
        "of real rows alone on the validation part."
        for name, arm in arms.items()
        if isinstance(arm, Derived) and arm.base == "best_real"
    ]


def _decide(
    found: Mapping[str, Mapping[str, Probabilities]],
    arms: Mapping[str, Arm],
    validation: Samples,
    test: Samples,
    spec: EvaluationSpec,
    seed: int,
    empty_arms: Sequence[str],
) -> Decision:
    # Of equals the arm named first is chosen, and that is to be a mixing one.
    order = sorted(found["test"], key=lambda name: not arms[name].by_share)
    return decide(
        {name: found["test"][name] for name in order},
        {name: found["validation"][name] for name in order},
        test.y,
        validation.y,
        test.classes,
        arms,
        groups=test.group,
        validation_groups=validation.group,
        primary_metric=spec.primary_metric,
        margin=spec.statistics.margin,
        replicates=spec.statistics.bootstrap,
        confidence=spec.statistics.confidence,
        seed=derive_seed(seed, "decision"),
        empty_arms=empty_arms,
    )


def _score_rows(probabilities: Probabilities, samples: Samples, arm: str, part: str) -> list[dict[str, Any]]:
    return [
        {"arm": arm, "seed": number, "split": part, **row}
        for number, one in enumerate(probabilities)
        for row in score(one, samples.y, samples.classes, confusion=part == "test")
    ]


def _write_predictions(path: Path, found: Mapping[str, Mapping[str, Probabilities]]) -> None:
    arrays: dict[str, Any] = {f"{part}/{name}": p for part, arms in found.items() for name, p in arms.items()}
    with atomic_file(path) as temporary, temporary.open("wb") as handle:
        np.savez(handle, **arrays)


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
            f"The arm oversampled repeats the rows of {', '.join(repeating)}: SMOTE draws between "
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


def _limits(validation: Samples, spec: EvaluationSpec) -> list[str]:
    return [
        ONE_GENERATOR,
        f"The share, the synthetic arm and the baseline were chosen on {len(validation)} validation "
        f"{validation.kind.plural} by {spec.primary_metric.replace('_', ' ')}; the test part had no say.",
    ]
