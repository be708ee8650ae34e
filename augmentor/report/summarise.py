"""Results to summary: plain JSON in which every measured number comes from the results table.

A number that cannot be estimated is ``None`` with a ``reason`` beside it, never NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from augmentor.core.errors import DataError
from augmentor.core.facts.evaluation import DELTAS, ArmFacts
from augmentor.core.results import Results
from augmentor.report.measured import (
    acceptance,
    confusion,
    generators,
    history,
    label_minimums,
    quality,
    shares,
    subgroups,
)
from augmentor.report.reliability import calibration
from augmentor.report.rows import Rows, plain, spread
from augmentor.report.run_facts import RunFacts
from augmentor.report.vocabulary import WORDS
from augmentor.statistics.agreement import agreement

SCORES = (
    "balanced_accuracy", "macro_auroc", "accuracy", "macro_f1", "sensitivity_at_specificity", "brier", "ece",
)  # fmt: skip
CLASS_SCORES = ("recall", "precision", "f1", "auroc", "sensitivity_at_specificity", "specificity_reached")
MADE_BY = ("judge", "choose", "train", "sample", "label_minimum", "filter")
"""Steps that a run without synthesis would not have."""
COUNTED_SPLITS = {
    "real": "train",
    "validation": "validation",
    "test": "test",
    "generated": "generated",
    "synthetic": "kept",
}


def summarise(results: Results, facts: RunFacts) -> dict[str, Any]:
    """Return the content of ``summary.json``.

    Args:
        results: the tidy table of everything measured.
        facts: what the steps report besides numbers.

    Returns:
        A JSON-able dictionary without NaN; ``arms.<name>`` holds mean, standard deviation (n - 1),
        interval and the value of each seed on the test part; ``verdict`` the paired change.

    Raises:
        DataError: if two rows claim to be the same number, or the verdict's word contradicts the interval
            in the results.
    """
    rows = Rows(results)
    every = models(results, facts)
    classes = list(facts.load.classes)
    primary = facts.evaluate.primary_metric
    verdict = _verdict(rows, facts, primary)
    arms = _arms(rows, facts, primary)
    return {
        "schema_version": 1,
        "title": facts.title,
        "dataset": facts.load.dataset,
        "kind": asdict(facts.load.kind),
        "classes": classes,
        "primary_metric": primary,
        "seeds": list(facts.evaluate.seeds) or rows.seeds(),
        "counts": _counts(rows, classes),
        "verdict": verdict,
        "answers": _answers(rows, facts),
        "yardsticks": _yardsticks(rows, facts),
        "cost": _cost(facts, verdict["delta"]),
        "arms": arms,
        "gains": {
            arm: {**_gain(rows, arm), "alone": _alone(rows, arm, facts.evaluate.controls.get(arm))}
            for arm in arms
            if rows.value("delta", arm=arm, split="test") is not None
        },
        "per_class": _per_class(rows, classes, verdict),
        "fidelity": quality(rows, classes, "fidelity"),
        "diversity": quality(rows, classes, "diversity"),
        "copies": quality(rows, classes, "copies"),
        "acceptance": acceptance(rows, classes),
        "confusion": {
            "before": confusion(rows, classes, verdict["baseline"]),
            "after": confusion(rows, classes, verdict["arm"]),
        },
        "calibration": calibration(rows, verdict),
        "generators": generators(rows, facts.choose, primary),
        "label_minimums": label_minimums(rows, facts.filter, primary),
        "subgroups": subgroups(rows, verdict, primary),
        "shares": shares(rows, facts.evaluate, primary),
        "training": {
            "history": history(facts.train.history if facts.train else ()),
            "chosen": plain(facts.train.chosen_checkpoint) if facts.train else None,
        },
        "models": every,
        "agreement": agreement({one["name"]: one["verdict"]["word"] for one in every}),
        "results_digest": rows.digest,
        **plain(_words(facts)),
    }


def models(results: Results, facts: RunFacts) -> list[dict[str, Any]]:
    """Return what each model of the run came to, the first one first; none where there is only one."""
    found = []
    for number in range(1 + len(facts.further_models)) if facts.further_models else ():
        own = facts.of_model(number)
        model, primary = own.evaluate.model, own.evaluate.primary_metric
        assert model is not None  # of runs of earlier versions, which had one model
        rows = Rows(results.of("model", model.name) if number else results)
        found.append(
            {
                **model.to_json(),
                "verdict": _verdict(rows, own, primary),
                "arms": _arms(rows, own, primary),
                "recommendation": own.evaluate.recommendation.to_json(),
                "notes": list(own.evaluate.notes),
            }
        )
    return found


def _words(facts: RunFacts) -> dict[str, Any]:
    """Return what the summary says as the facts say it."""
    evaluate, measure = facts.evaluate.to_json(), facts.measure.to_json()
    sample = facts.sample.to_json() if facts.sample else {"source": None}
    return {
        "notes": facts.notes,
        "limits": facts.limits,
        "skipped": [one.to_json() for one in facts.skipped],
        "not_estimable": [one.to_json() for one in facts.not_estimable],
        "removed_duplicates": len(facts.load.removed),
        "split": facts.load.split,
        "licence": facts.licence,
        "synthetic_source": sample["source"],
        "unusable": facts.filter.unusable if facts.filter else {},
        **{name: measure[name] for name in ("copies_shown", "memorisation", "quality_protocol")},
        **{
            name: evaluate[name]
            for name in ("recommendation", "classifier", "classifier_seeds", "specificity")
        },
        **{name: evaluate[name] for name in ("share_by", "share_seeds", "left_out", "resolved_to")},
        "folds": facts.folds.to_json() if facts.folds else None,
        "recipe": facts.recipe,
        "seconds": facts.seconds,
        "device": facts.device,
        "versions": facts.versions,
        "digests": facts.digests,
    }


def _interval(low: float | None, high: float | None) -> list[float] | None:
    return None if low is None or high is None else [low, high]


def _arms(rows: Rows, facts: RunFacts, primary: str) -> dict[str, Any]:
    described, skipped = facts.evaluate.arms, facts.evaluate.skipped
    names = [*described, *(name for name in rows.scored_arms(primary) if name not in described)]
    tried, decisions = facts.evaluate.tried, facts.evaluate.decisions
    return {
        name: {
            **_arm(rows, name, primary, skipped.get(name), described.get(name, ArmFacts(title=name))),
            "tried": tried.get(name),
            "decision": decisions[name].to_json() if name in decisions else None,
        }
        for name in names
    }


def _arm(rows: Rows, name: str, primary: str, why_skipped: str | None, described: ArmFacts) -> dict[str, Any]:
    scored = rows.by_seed(primary, arm=name, split="test")
    mean, sd = spread(list(scored.values()))
    validation, _ = spread(list(rows.by_seed(primary, arm=name, split="validation").values()))
    low = rows.value(f"{primary}_low", arm=name, split="test")
    high = rows.value(f"{primary}_high", arm=name, split="test")
    others = {}
    for metric in SCORES:
        values = list(rows.by_seed(metric, arm=name, split="test").values())
        if metric != primary and values:
            others[metric] = dict(zip(("mean", "sd"), spread(values), strict=True))
    reason = None if scored else (why_skipped or "this arm has no test scores in the results")
    return {
        "title": described.title,
        "synthetic": described.synthetic,
        "description": described.description,
        "mean": mean,
        "sd": sd,
        "ci": _interval(low, high),
        "seeds": list(scored.values()),
        "seed_numbers": list(scored),
        "validation_mean": validation,
        "others": others,
        "reason": reason,
    }


def _gain(rows: Rows, arm: str) -> dict[str, Any]:
    def read(metric: str) -> float | None:
        return rows.value(metric, arm=arm, split="test")

    return {
        "delta": read("delta"),
        "ci": _interval(read("delta_low"), read("delta_high")),
        "margin": read("margin"),
        "minimum_detectable": read("minimum_detectable"),
    }


def _alone(rows: Rows, arm: str, control: str | None) -> dict[str, Any] | None:
    """Return the change against the arm that differs in synthesis alone, None where there is none."""
    found = _change(rows, arm, "delta_control")
    return None if control is None or found is None else {"control": str(control), **found}


def _change(rows: Rows, arm: str, metric: str) -> dict[str, Any] | None:
    delta = rows.value(metric, arm=arm, split="test")
    if delta is None:
        return None
    ends = (rows.value(f"{metric}_{end}", arm=arm, split="test") for end in ("low", "high"))
    return {"delta": delta, "ci": _interval(*ends)}


def _yardsticks(rows: Rows, facts: RunFacts) -> list[dict[str, Any]]:
    """Return the change of the judged arm against each arm that it was held against."""
    verdict = facts.evaluate.verdict
    found = [
        (role, other, _change(rows, verdict.arm, DELTAS[role]))
        for role, other in verdict.against.items()
        if role in DELTAS
    ]
    return [{"role": role, "arm": other, **change} for role, other, change in found if change]


def _cost(facts: RunFacts, gain: float | None) -> dict[str, Any]:
    """Return the seconds that synthesis took, and those for each point gained, None without a gain."""
    seconds = sum(facts.seconds.get(name, 0.0) for name in MADE_BY)
    per_point = seconds / (100 * gain) if gain is not None and gain > 0 else None
    return {"seconds": seconds, "per_point": per_point}


def _answers(rows: Rows, facts: RunFacts) -> list[dict[str, Any]]:
    """Return the two questions with their answers and the changes that these rest on.

    Over folds the changes are in the sentences alone: the results have those of the first fold.
    """
    if facts.folds:
        return [{**one.to_json(), "over_control": None, "over_best": None} for one in facts.folds.answers]
    return [
        {
            **one.to_json(),
            "over_control": _change(rows, one.arm, "delta_control") if one.arm and one.control else None,
            "over_best": _change(rows, one.arm, "delta") if one.arm else None,
        }
        for one in facts.evaluate.answers
    ]


def _folds_gain(rows: Rows) -> dict[str, Any]:
    def read(metric: str) -> float | None:
        return rows.value(f"folds_{metric}", split="test")

    return {
        "delta": read("delta"),
        "ci": _interval(read("delta_low"), read("delta_high")),
        "margin": read("margin"),
        "minimum_detectable": read("minimum_detectable"),
    }


def _verdict(rows: Rows, facts: RunFacts, primary: str) -> dict[str, Any]:
    found = facts.verdict
    arm, baseline = found.arm, found.baseline
    gain = _folds_gain(rows) if facts.folds else _gain(rows, arm)
    word, reason = found.word, None
    if gain["delta"] is None or gain["ci"] is None:
        word, reason = "not estimable", "the results hold no paired change of a synthetic arm"
    elif word not in WORDS:
        raise DataError(f"the verdict must be one of {sorted(WORDS)}, got {word!r}")
    else:
        _refuse_contradiction(word, gain)
    scores = [rows.by_seed(primary, arm=name, split="test") for name in (baseline, arm)]
    if facts.folds:
        scores = [rows.by_seed(f"fold_{name}", arm=None, split="test") for name in ("before", "after")]
    before, after = (spread(list(values.values()))[0] for values in scores)
    return {
        "word": word,
        "arm": arm,
        "baseline": baseline,
        **gain,
        "before": before,
        "after": after,
        "sentence": found.sentence,
        "reason": reason or found.reason,
        "about": found.about,
        "beside": "" if facts.folds else found.beside,
    }


def _refuse_contradiction(word: str, gain: Mapping[str, Any]) -> None:
    """A verdict that its own interval does not bear out never reaches a reader."""
    low, high = gain["ci"]
    margin = gain["margin"]
    if not low <= gain["delta"] <= high:
        raise DataError(f"the change {gain['delta']} lies outside its own interval [{low}, {high}]")
    true = {
        "helps": low >= 0,
        "hurts": high <= 0,
        "equivalent": margin is not None and -margin <= low and high <= margin,
        "inconclusive": True,
    }
    if not true[word]:
        raise DataError(
            f"the verdict {word!r} contradicts the interval [{low}, {high}] "
            f"with margin {margin} in the results"
        )


def _counts(rows: Rows, classes: list[str]) -> dict[str, Any]:
    return {
        name: {
            key: _whole(rows.value("count", split=split, class_=name))
            for key, split in COUNTED_SPLITS.items()
        }
        for name in classes
    }


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _per_class(rows: Rows, classes: list[str], verdict: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _one_class(rows, name, verdict) for name in classes}


def _one_class(rows: Rows, name: str, verdict: Mapping[str, Any]) -> dict[str, Any]:
    def means(arm: str | None) -> dict[str, float | None]:
        found = {m: rows.by_seed(m, arm=arm, split="test", class_=name) if arm else {} for m in CLASS_SCORES}
        return {metric: spread(list(values.values()))[0] for metric, values in found.items()}

    def change(metric: str) -> float | None:
        arm = verdict["arm"]
        return rows.value(metric, arm=arm, split="test", class_=name) if arm else None

    delta = change("recall_delta")
    reason = None
    if delta is None:
        empty = rows.value("count", split="test", class_=name) == 0
        reason = "no test cases of this class" if empty else "no paired recall in the results"
    return {
        "before": means(verdict["baseline"]),
        "after": means(verdict["arm"]),
        "recall_delta": delta,
        "recall_delta_ci": _interval(change("recall_delta_low"), change("recall_delta_high")),
        "reason": reason,
    }
