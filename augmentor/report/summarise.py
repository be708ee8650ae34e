"""Results to summary: plain JSON in which every measured number comes from the results table.

A number that cannot be estimated is ``None`` with a ``reason`` beside it, never NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from augmentor.core.errors import DataError
from augmentor.core.results import Results
from augmentor.report.measured import (
    acceptance,
    confusion,
    generators,
    history,
    label_minimums,
    quality,
    shares,
)
from augmentor.report.reliability import calibration
from augmentor.report.rows import Rows, plain, spread
from augmentor.report.vocabulary import WORDS

SCORES = ("balanced_accuracy", "macro_auroc", "accuracy", "macro_f1", "brier", "ece")
CLASS_SCORES = ("recall", "precision", "f1")
COUNTED_SPLITS = {
    "real": "train",
    "validation": "validation",
    "test": "test",
    "generated": "generated",
    "synthetic": "kept",
}
WORDS_FROM_FACTS = (
    "share_by",
    "unusable",
    "seconds",
    "device",
    "versions",
    "notes",
    "limits",
    "skipped",
    "removed_duplicates",
    "split",
    "digests",
    "command",
    "recipe",
    "copies_shown",
    "memorised",
    "needed",
    "recommendation",
    "left_out",
    "resolved_to",
    "not_estimable",
    "quality_protocol",
    "licence",
    "synthetic_source",
    "share_seeds",
    "classifier_seeds",
    "classifier",
    "outer",
)


def summarise(results: Results, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of ``summary.json``.

    Args:
        results: the tidy table of everything measured.
        facts: the words beside it (dataset, classes, verdict, recipe, versions, ...), JSON-able.

    Returns:
        A JSON-able dictionary without NaN; ``arms.<name>`` holds mean, standard deviation (n - 1),
        interval and the value of each seed on the test part; ``verdict`` the paired change.

    Raises:
        DataError: if ``facts`` lacks a needed entry, two rows claim to be the same number, or the
            verdict's word contradicts the interval in the results.
    """
    for name in ("dataset", "classes", "primary_metric"):
        if name not in facts:
            raise DataError(f"the report needs the fact {name!r}; there are {sorted(facts)}")
    rows = Rows(results)
    classes = [str(name) for name in facts["classes"]]
    primary = str(facts["primary_metric"])
    verdict = _verdict(rows, facts, primary)
    summary = {
        "schema_version": 1,
        "title": str(facts.get("title") or facts["dataset"]),
        "dataset": str(facts["dataset"]),
        "classes": classes,
        "primary_metric": primary,
        "seeds": plain(facts.get("seeds") or rows.seeds()),
        "counts": _counts(rows, classes),
        "verdict": verdict,
        "arms": _arms(rows, facts, primary),
        "gains": {
            arm: {**_gain(rows, arm), "alone": _alone(rows, arm, (facts.get("controls") or {}).get(arm))}
            for arm in rows.arms()
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
        "generators": generators(rows, facts, primary),
        "label_minimums": label_minimums(rows, facts, primary),
        "shares": shares(rows, facts, primary),
        "training": {
            "history": history(facts.get("training") or []),
            "chosen": plain(facts.get("chosen_checkpoint")),
        },
        "results_digest": rows.digest,
    }
    words: dict[str, Any] = plain({name: facts.get(name) for name in WORDS_FROM_FACTS})
    if facts.get("kind"):
        words["kind"] = str(facts["kind"])
    missing = [*(words["not_estimable"] or []), *plain(facts.get("not_estimable_arms") or [])]
    return {**summary, **words, "not_estimable": missing}


def _interval(low: float | None, high: float | None) -> list[float] | None:
    return None if low is None or high is None else [low, high]


def _arms(rows: Rows, facts: Mapping[str, Any], primary: str) -> dict[str, Any]:
    told: Mapping[str, Mapping[str, Any]] = facts.get("arms") or {}
    skipped = facts.get("skipped_arms") or {}
    names = [*told, *(name for name in rows.scored_arms(primary) if name not in told)]
    return {name: _arm(rows, name, primary, skipped.get(name), told.get(name, {})) for name in names}


def _arm(
    rows: Rows, name: str, primary: str, why_skipped: str | None, told: Mapping[str, Any]
) -> dict[str, Any]:
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
        "title": str(told.get("title") or name),
        "synthetic": bool(told.get("synthetic")),
        "description": str(told.get("description") or ""),
        "mean": mean,
        "sd": sd,
        "ci": _interval(low, high),
        "seeds": list(scored.values()),
        "seed_numbers": list(scored),
        "validation_mean": validation,
        "others": others,
        "reason": reason,
    }


def _gain(rows: Rows, arm: str | None) -> dict[str, Any]:
    def read(metric: str) -> float | None:
        return None if arm is None else rows.value(metric, arm=arm, split="test")

    return {
        "delta": read("delta"),
        "ci": _interval(read("delta_low"), read("delta_high")),
        "margin": read("margin"),
        "minimum_detectable": read("minimum_detectable"),
    }


def _alone(rows: Rows, arm: str, control: str | None) -> dict[str, Any] | None:
    """Return the change against the arm that differs in synthesis alone, None where there is none."""
    delta = rows.value("delta_control", arm=arm, split="test")
    if control is None or delta is None:
        return None
    ends = (rows.value(f"delta_control_{end}", arm=arm, split="test") for end in ("low", "high"))
    return {"control": str(control), "delta": delta, "ci": _interval(*ends)}


def _outer_gain(rows: Rows) -> dict[str, Any]:
    def read(metric: str) -> float | None:
        return rows.value(f"outer_{metric}", split="test")

    return {
        "delta": read("delta_mean"),
        "ci": _interval(read("delta_low"), read("delta_high")),
        "margin": read("margin"),
        "minimum_detectable": read("minimum_detectable"),
    }


def _verdict(rows: Rows, facts: Mapping[str, Any], primary: str) -> dict[str, Any]:
    told = facts.get("verdict") or {}
    arm, baseline = told.get("arm"), told.get("baseline")
    outer = facts.get("outer")
    gain = _outer_gain(rows) if outer else _gain(rows, arm)
    word = str(told.get("word") or "not estimable")
    reason = None
    if gain["delta"] is None or gain["ci"] is None:
        word = "not estimable"
        reason = str(told.get("sentence") or "the results hold no paired change of a synthetic arm")
    elif word not in WORDS:
        raise DataError(f"the verdict must be one of {sorted(WORDS)}, got {word!r}")
    else:
        _refuse_contradiction(word, gain)
    scores = [rows.by_seed(primary, arm=name, split="test") for name in (baseline, arm)]
    if outer:
        scores = [rows.by_seed(f"outer_{name}", arm=None, split="test") for name in ("before", "after")]
    before, after = (spread(list(values.values()))[0] for values in scores)
    return {
        "word": word,
        "arm": arm,
        "baseline": baseline,
        **gain,
        "before": before,
        "after": after,
        "sentence": str(told.get("sentence") or reason or ""),
        "reason": reason,
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
