"""Parts of the summary about the samples themselves: quality, acceptance, confusion, share, training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augmentor.core.facts.evaluation import EvaluateFacts
from augmentor.core.facts.samples import FilterFacts
from augmentor.core.facts.training import ChooseFacts
from augmentor.core.results import Scalar
from augmentor.report.rows import Rows, plain, spread
from augmentor.report.vocabulary import SAMPLE_METRICS

MOST_HISTORY = 400


def quality(rows: Rows, classes: list[str], group: str) -> dict[str, Any]:
    """Return every metric of ``group``, overall and by class, synthetic beside real.

    The folds "generated" (before the filters) and "kept" (after them) are there where they were
    measured; ``images`` is the number of images that a number depends on, where its name says it.
    """
    names = [name for name, metric in SAMPLE_METRICS.items() if metric.group == group]
    by_class = {c: _found(rows, names, c) for c in classes}
    return {
        "overall": _found(rows, names, None),
        "per_class": {c: found for c, found in by_class.items() if found},
    }


def _found(rows: Rows, names: Sequence[str], class_: str | None) -> dict[str, dict[str, float | None]]:
    numbers: dict[str, dict[str, float | None]] = {}
    for name in names:
        pair = {split: rows.value(name, split=split, class_=class_) for split in ("synthetic", "real")}
        extra = {split: rows.value(name, split=split, class_=class_) for split in ("generated", "kept")}
        pair |= {split: value for split, value in extra.items() if value is not None}
        if all(value is None for value in pair.values()):
            continue
        sizes = rows.settings(name, split="synthetic", class_=class_)
        numbers[name] = {**pair, **({"images": int(sizes[0]["images"])} if sizes else {})}
    return numbers


def history(rows: Sequence[Mapping[str, Any]], most: int = MOST_HISTORY) -> list[Any]:
    """Return the training history as plain JSON, with at most ``most`` rows beside the checkpoints.

    Rows between checkpoints are picked evenly; first, last and checkpoint rows always stay.
    """
    step = max(1, -(-len(rows) // most))
    last = len(rows) - 1
    return [
        plain(row)
        for index, row in enumerate(rows)
        if index % step == 0 or index == last or "label_fidelity" in row or "event" in row
    ]


def acceptance(rows: Rows, classes: list[str]) -> dict[str, Any]:
    """Return for every class the share that passed the filters, and the rejections by reason."""
    table = {}
    for name in classes:
        rate = rows.value("acceptance", split="synthetic", class_=name)
        rejected = {
            str(setting["reason"]): round(value)
            for setting in rows.settings("rejected", split="synthetic", class_=name)
            if (value := rows.value("rejected", split="synthetic", class_=name, setting=setting)) is not None
        }
        if rate is not None or rejected:
            table[name] = {"rate": rate, "rejected": rejected}
    return table


def confusion(rows: Rows, classes: list[str], arm: str | None) -> dict[str, Any] | None:
    """Counts averaged over the seeds: rows are true classes, columns predicted ones."""
    if arm is None:
        return None
    found = [
        [_confused(rows, arm, true=true, predicted=predicted) for predicted in classes] for true in classes
    ]
    if not any(values for row in found for values in row):
        return None
    # A cell without a row was never predicted; every fit has at least one cell.
    fits = max(len(values) for row in found for values in row)
    return {"arm": arm, "matrix": [[sum(values) / fits for values in row] for row in found], "fits": fits}


def _confused(rows: Rows, arm: str, *, true: str, predicted: str) -> list[float]:
    setting = {"predicted": predicted}
    return list(rows.by_seed("confusion", arm=arm, split="test", class_=true, setting=setting).values())


def subgroups(rows: Rows, verdict: Mapping[str, Any], primary: str) -> list[dict[str, Any]]:
    """Return score and change of the judged arm in each subgroup of the test part."""
    found = []
    for setting in rows.settings("count", split="test"):
        if "subgroup" not in setting:
            continue

        def read(metric: str, arm: str | None, setting: Mapping[str, Scalar] = setting) -> float | None:
            return rows.value(metric, arm=arm, split="test", setting=setting)

        arm = verdict["arm"]
        low, high = (read(f"delta_{end}", arm) for end in ("low", "high"))
        found.append(
            {
                "name": setting["subgroup"],
                "count": read("count", None),
                "before": read(primary, verdict["baseline"]),
                "after": read(primary, arm),
                "delta": read("delta", arm),
                "ci": None if low is None or high is None else [low, high],
            }
        )
    return found


def shares(rows: Rows, facts: EvaluateFacts, primary: str) -> dict[str, Any]:
    """Return the validation score of every share of synthetic images that was tried."""
    tried = _tried(rows, primary, "share")
    for row in tried:
        row["chosen"] = row["share"] == facts.share_of.get(row["arm"], facts.share)
    return {"chosen": facts.share, "tried": tried}


def label_minimums(rows: Rows, facts: FilterFacts | None, primary: str) -> dict[str, Any]:
    """Return the validation score of every minimum of the label filter that was tried."""
    chosen = facts.label_minimum if facts else None
    return {"chosen": chosen, "tried": _tried(rows, primary, "label_minimum")}


def generators(rows: Rows, facts: ChooseFacts | None, primary: str) -> dict[str, Any] | None:
    """Return the outcome of every generator tried, with its validation scores; None without a choice.

    A candidate without scores has ``mean`` None, and says why in ``reason``.
    """
    if facts is None:
        return None
    tried = []
    for one in facts.tried:
        setting: dict[str, Scalar] = {"candidate": one.candidate, "images": one.images}
        found = rows.by_seed(primary, arm=facts.arm, split="validation", setting=setting)
        scores = [] if one.reason else list(found.values())
        mean, sd = spread(scores)
        error = None if sd is None else sd / len(scores) ** 0.5
        tried.append({**one.to_json(), "mean": mean, "standard_error": error, "fits": len(scores)})
    return {**facts.to_json(), "tried": tried}


def _tried(rows: Rows, primary: str, name: str) -> list[dict[str, Any]]:
    tried: list[dict[str, Any]] = []
    for arm in rows.arms():
        for setting in rows.settings(primary, arm=arm, split="validation"):
            if list(setting) != [name]:
                continue
            values = list(rows.by_seed(primary, arm=arm, split="validation", setting=setting).values())
            mean, sd = spread(values)
            tried.append(
                {
                    name: setting[name], "arm": arm, "metric": primary,
                    "mean": mean, "sd": sd, "fits": len(values),
                }
            )  # fmt: skip
    tried.sort(key=lambda row: (str(row["arm"]), row[name]))
    return tried
