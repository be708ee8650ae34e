"""Copies among the synthetic samples: counts, examples, and a membership-inference attack."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.facts.quality import Memorisation, MissingNumber, ShownCopy
from augmentor.core.samples import FloatArray, IntArray, Samples
from augmentor.core.seeds import generator
from augmentor.core.synthetic import SyntheticSet
from augmentor.metrics.alpha_precision import alpha_precision
from augmentor.metrics.estimate import Estimate, NotEstimable, is_number
from augmentor.metrics.membership import MembershipAttack, membership_attack
from augmentor.quality.candidate_scores import CopyScale, copy_scale, copy_view, exact_copies
from augmentor.quality.filters_spec import CopyFilter
from augmentor.quality.judge import TaskJudge
from augmentor.quality.memorisation import assess_memorisation

SHOWN = 12


def copy_rows(
    judge: TaskJudge, held_out: Samples, synthetic: SyntheticSet, dataset: str, seed: int
) -> tuple[list[dict[str, Any]], list[MissingNumber], Memorisation]:
    """Return the results on copies, the numbers that are missing and why, and the verdict on memorisation.

    Splits are ``synthetic`` (all), ``kept``, and ``real`` (held-out). ``near_copies`` leaves out the
    exact ones; ``nearest_ratio`` is 1 where samples keep the distance from training images that
    real held-out images keep.
    """
    usual = copy_scale(judge, CopyFilter().quantile)
    distance, _ = _nearest(judge, synthetic)
    exact = exact_copies(synthetic.samples, judge.train)
    y, kept = synthetic.samples.y, synthetic.kept
    parts = [
        ("synthetic", exact, distance, y),
        ("kept", exact[kept], distance[kept], y[kept]),
        ("real", np.zeros(len(usual.held_out), dtype=np.bool_), usual.held_out, judge.held_out.y),
    ]
    rows: list[dict[str, Any]] = [
        {"dataset": dataset, "split": split, "metric": metric, "value": value, "greater_is_better": better}
        for split, same, far, label in parts
        for metric, (value, better) in _counts(usual, same, far, label).items()
    ]
    shared = len(held_out) - len(judge.held_out)
    for row in rows:
        if row["split"] == "real" and row["metric"] == "exact_copies":
            row["value"] = float(shared)  # the judge left them out of its held-out part
    found, more = _attack(judge, synthetic, dataset, seed)
    near = (usual.scale.relative_to_threshold(distance, y) < 1) | exact
    alarms = usual.scale.relative_to_threshold(usual.held_out, judge.held_out.y) < 1
    memorisation = assess_memorisation(
        int(near.sum()), len(near), int(alarms.sum()), len(alarms), found, judge.train.kind
    )
    rows += more
    missing = [
        MissingNumber(split=row["split"], metric=row["metric"], reason=str(row["value"]))
        for row in rows
        if not is_number(row["value"])
    ]
    return [row for row in rows if is_number(row["value"])], missing, memorisation


def shown_copies(judge: TaskJudge, synthetic: SyntheticSet, most: int = SHOWN) -> list[ShownCopy]:
    """Return the most copy-like samples, kept or not, the nearest first.

    A training sample is shown once, beside its closest synthetic one: twelve copies of one sample say no
    more than one.
    """
    scale = copy_scale(judge, CopyFilter().quantile).scale
    distance, index = _nearest(judge, synthetic)
    ratio = scale.relative_to_threshold(distance, synthetic.samples.y)
    ratio[exact_copies(synthetic.samples, judge.train)] = 0.0
    shown: list[ShownCopy] = []
    seen: set[int] = set()
    for row in np.argsort(ratio, kind="stable"):
        real = int(index[row])
        if real in seen:
            continue
        seen.add(real)
        shown.append(
            ShownCopy(
                synthetic=int(row),
                real=real,
                real_id=str(judge.train.ids[real]),
                class_=synthetic.samples.classes[synthetic.samples.y[row]],
                ratio=float(ratio[row]),
                kept=bool(synthetic.kept[row]),
            )
        )
        if len(shown) == most:
            break
    return shown


def _nearest(judge: TaskJudge, synthetic: SyntheticSet) -> tuple[FloatArray, IntArray]:
    """Return distance and row of the nearest training image, from the provenance where it has them."""
    table = synthetic.provenance
    if {"nearest_train_distance", "nearest_train_id"} <= set(table.columns):
        place = {name: row for row, name in enumerate(judge.train.ids)}
        rows = [place.get(name, -1) for name in table["nearest_train_id"]]
        if min(rows, default=0) >= 0:
            return table["nearest_train_distance"].to_numpy(np.float64), np.array(rows, dtype=np.int64)
    return judge.modality.nearest(copy_view(judge, synthetic.samples), copy_view(judge, judge.train))


def _counts(
    usual: CopyScale, exact: npt.NDArray[np.bool_], distance: FloatArray, y: IntArray
) -> dict[str, tuple[Estimate, bool | None]]:
    near = (usual.scale.relative_to_threshold(distance, y) < 1) & ~exact
    none = NotEstimable("there is no sample to compare")
    result: dict[str, tuple[Estimate, bool | None]] = {
        "exact_copies": (float(exact.sum()), False),
        "near_copies": (float(near.sum()), False),
        "copy_rate": (none, False),
        "nearest_ratio": (none, None),
    }
    if len(y):
        result["copy_rate"] = (float((near | exact).mean()), False)
        result["nearest_ratio"] = (float(np.median(usual.scale.relative_to_median(distance, y))), None)
    return result


def _attack(
    judge: TaskJudge, synthetic: SyntheticSet, dataset: str, seed: int
) -> tuple[MembershipAttack, list[dict[str, Any]]]:
    """Return the membership attack and its rows, authenticity among them, in pixels.

    No network takes part, as the networks have seen the members. Members and held-out rows are brought to
    the same class mix: a difference in mix would tell them apart without any membership.
    """

    def pixels(samples: Samples) -> npt.NDArray[np.float32]:
        return judge.modality.copy_vectors(copy_view(judge, samples))

    everyone, kept = pixels(judge.train), synthetic.kept_samples
    one, other = match_class_mix(judge.train.y, judge.held_out.y, np.unique(kept.y), seed)
    members, others, made = everyone[one], pixels(judge.held_out.take(other)), pixels(kept)
    found = membership_attack(members, others, made, seed=seed)
    control = found.control
    low, high = (control, control) if isinstance(control, NotEstimable) else control
    numbers = [
        ("synthetic", "authenticity", alpha_precision(everyone, made).authenticity, True),
        ("real", "authenticity", alpha_precision(everyone, others).authenticity, True),
        ("synthetic", "membership_auroc", found.auroc, False),
        ("synthetic", "membership_auroc_control_low", low, None),
        ("synthetic", "membership_auroc_control_high", high, None),
        ("synthetic", "membership_tpr_at_1_fpr", found.tpr, False),
    ]
    rows = [
        {"dataset": dataset, "split": split, "metric": metric, "value": value, "greater_is_better": better}
        for split, metric, value, better in numbers
    ]
    return found, rows


def match_class_mix(a: IntArray, b: IntArray, labels: IntArray, seed: int) -> tuple[IntArray, IntArray]:
    """Return rows of two parts with the same mix of ``labels``.

    Where ``b`` has at least t times as many rows of every label, t >= 1, all of ``a`` are taken and
    t times as many of ``b``: a false alarm of 1 % needs many rows that were not trained on. Otherwise as
    many rows of each label are taken from both as the one with fewer has.
    """
    rng = generator(seed, "same mix")  # a seed path: part of the recorded numbers
    pairs = [tuple(np.flatnonzero(y == label) for y in (a, b)) for label in labels]
    times = min((len(others) / len(members) for members, others in pairs if len(members)), default=0.0)
    chosen: tuple[list[IntArray], list[IntArray]] = ([], [])
    for members, others in pairs:
        n = min(len(members), len(others))
        sizes = (n, int(times * len(members)) if times >= 1 else n)
        for place, found, size in zip(chosen, (members, others), sizes, strict=True):
            place.append(np.sort(rng.choice(found, size=size, replace=False)))
    empty = np.zeros(0, dtype=np.int64)
    return np.concatenate([empty, *chosen[0]]), np.concatenate([empty, *chosen[1]])
