"""From real parts and synthetic samples to what a model gains: fits, choices, gains, verdict.

Choices - the synthetic share, which synthetic arm and which baseline the verdict is about - are made
on the validation part and on nothing else. Folds of the training part could not serve: the generator
and the filters have seen all of it, so synthetic images carry the labels and the looks of any fold
held out of it, and a choice made there favours them. The validation part was set aside before the
generator saw anything. The test part is read after every choice is made, and nothing follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augmentor.core.facts.evaluation import EvaluateFacts
from augmentor.core.files import atomic_file
from augmentor.core.results import Results
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.downstream.base import Downstream, Scored
from augmentor.downstream.decision import DecisionRule
from augmentor.experiment.arm_words import titles
from augmentor.experiment.arms import Derived
from augmentor.experiment.before_training import check_models
from augmentor.experiment.choose import Fitted, empty_arms, fit_arms
from augmentor.experiment.decide import Called, Decision, decide
from augmentor.experiment.evaluation_facts import Outcome, facts_of
from augmentor.experiment.evidence_of import evidence_of
from augmentor.experiment.fit import FitJob
from augmentor.experiment.gan_train import gan_train_rows
from augmentor.experiment.held_out import HeldOut, stacked
from augmentor.experiment.runner import Runner
from augmentor.experiment.spec import EvaluationSpec
from augmentor.experiment.subgroups import subgroup_rows
from augmentor.experiment.usable import check_parts, usable_arms
from augmentor.experiment.values import ThreeParts, Workers
from augmentor.modalities.table import modality_of
from augmentor.synthesizers.critic import KeptCritic

PREDICTIONS = "predictions.npz"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The numbers and the words of one evaluation.

    Attributes:
        results: scores of every arm, seed and part; intervals; gains; the choice of the share.
        facts: verdict, advice, what was chosen and what a reader must know.
    """

    results: Results
    facts: EvaluateFacts


def evaluate(
    parts: ThreeParts,
    synthetic: SyntheticSet,
    spec: EvaluationSpec,
    *,
    dataset: str,
    seed: int,
    workers: Workers,
    critic: KeptCritic | None = None,
    opening: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Measure what a model gains from the synthetic samples.

    The same inputs and seed give the same results, byte for byte, whatever ``workers`` are.

    Args:
        parts: training, validation and test part, as :func:`augmentor.split` returns them.
        synthetic: candidates with their marks.
        spec: arms, seeds, model, metric, margin.
        dataset: name for the results.
        seed: everything random is derived from it.
        workers: where the fits are run.
        critic: the generator's critic, for arms that start from it; None where there is none.
        opening: called once, when predictions of the test part are about to be held against its labels.

    Raises:
        DataError: if the parts do not fit together, or one is empty.
        LeakError: if a row of one part is in another.
        ConfigError: if an arm cannot take samples of this shape.
    """
    check_parts(parts, synthetic)
    modality = modality_of(parts.train)
    spec = spec.with_model_for(modality)
    check_models(spec, modality.fit_codec(parts.train).shape, parts.train.n_classes)
    arms, skipped = usable_arms(spec, parts.train, synthetic, critic)
    held_out = {"validation": parts.validation, "test": parts.test}
    runner = Runner(parts.train, synthetic, held_out, spec, seed=seed, workers=workers, critic=critic)
    held = HeldOut(runner.spec, parts.train, parts.validation)
    fitted = fit_arms(runner, arms, held)
    runner.clean()

    # Every choice but that of decide() is made, and decide() chooses on validation alone.
    opening()
    rules = {name: held.rule(fitted.jobs[name]) for name in arms}
    scored = {
        "validation": {name: held.scored(fitted.jobs[name]) for name in arms},
        "test": {name: _tested(fitted.jobs[name], rules[name], parts.test) for name in arms},
    }
    rows = [*fitted.rows, *_score_rows(spec.downstream, scored)]
    operating = [
        {"arm": name, "split": "test", **row}
        for name in arms
        for row in spec.downstream.at_operating_point(
            scored["validation"][name], scored["test"][name], spec.statistics.specificity
        )
    ]
    rows += operating
    gan_train, not_estimable = gan_train_rows(rows, spec.downstream.seen_synthetic_alone, list(arms), skipped)
    rows += gan_train
    thinned = [name for name, arm in arms.items() if isinstance(arm, Derived) and arm.base == "best_mixing"]
    empty = empty_arms(fitted.arms, synthetic, thinned, fitted.left_out)
    called = Called(titles(spec.named_arms, fitted.arms), parts.train.kind)
    decision = _decide(scored, fitted, spec, called, empty)
    rows += decision.rows
    rows += subgroup_rows(spec, scored["test"], decision.arm, decision.baseline)
    for name in dict.fromkeys((decision.baseline, decision.arm)):
        judged = scored["validation"][name], scored["test"][name]
        rows += spec.downstream.describe_judged(name, *judged)
    _write_predictions(workers.folder / PREDICTIONS, scored, rules)
    outcome = Outcome(arms, skipped, fitted, decision, called.titles, not_estimable, rules, bool(operating))
    return Evaluation(
        results=Results.from_rows({"dataset": dataset, **row} for row in rows),
        facts=facts_of(outcome, runner, held, PREDICTIONS),
    )


def _decide(
    scored: Mapping[str, Mapping[str, Scored]],
    fitted: Fitted,
    spec: EvaluationSpec,
    called: Called,
    empty: list[str],
) -> Decision:
    # Of equals the arm named first is chosen, and that is to be a mixing one.
    order = sorted(scored["test"], key=lambda name: not fitted.arms[name].by_share)
    held, tested = (
        evidence_of(spec, {name: scored[part][name] for name in order}, by_stratum=part == "test")
        for part in ("validation", "test")
    )
    return decide(held, tested, fitted.arms, spec, called, empty_arms=empty)


def _score_rows(question: Downstream, scored: Mapping[str, Mapping[str, Scored]]) -> list[dict[str, Any]]:
    return [
        {"arm": name, "seed": number, "split": part, **row}
        for part, arms in scored.items()
        for name, one in arms.items()
        for number, predictions in enumerate(one.predictions)
        for row in question.score(
            predictions,
            one.samples,
            details=part == "test",
            **({} if one.decided is None else {"decided": one.decided[number]}),
        )
    ]


def _tested(jobs: Sequence[FitJob], rule: DecisionRule | None, samples: Samples) -> Scored:
    p = stacked(jobs, "test")
    return Scored(p, samples, None if rule is None else rule.applied(p))


def _write_predictions(
    path: Path, scored: Mapping[str, Mapping[str, Scored]], rules: Mapping[str, DecisionRule | None]
) -> None:
    """Write predictions by part and arm as the models gave them, and the ids and labels of their cases.

    An arm's offsets, added to the logarithms of its probabilities, are what it chooses a class by.
    """
    arrays: dict[str, Any] = {
        f"{part}/{name}": one.predictions for part, arms in scored.items() for name, one in arms.items()
    }
    for part, arms in scored.items():
        samples = next(iter(arms.values())).samples
        arrays |= {f"ids/{part}": samples.ids.astype(str), f"labels/{part}": samples.y}
    arrays |= {f"offsets/{name}": np.array(rule.offsets) for name, rule in rules.items() if rule}
    with atomic_file(path) as temporary, temporary.open("wb") as handle:
        np.savez(handle, **arrays)
