"""Which candidates go into the expanded dataset, and why the others do not.

Filters mark and explain, they delete nothing. They are asked in a fixed order, and the first that
objects gives the reason: ``label``, ``copy``, ``outlier``, ``duplicate``. What passes beyond the
plan is ``surplus``.

Surplus is cut in the order of generation. Candidates of a class are independent draws, so the
first n accepted are a fair sample of what the generator can do. Keeping the most confident would
narrow the class to its easy centre; picking far-apart ones (k-centre) would favour its rim, where
the mistakes are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from augmentor.core.errors import DataError
from augmentor.core.results import Results
from augmentor.core.samples import FloatArray
from augmentor.core.synthetic import SyntheticSet
from augmentor.quality.filters_spec import FiltersSpec

REASONS = ("label", "copy", "outlier", "duplicate", "surplus")
CHUNK = 256


@dataclass(frozen=True, eq=False)
class CandidateScores:
    """What is known about every candidate; all arrays have one entry a row.

    Attributes:
        label_confidence: probability (N,) of the asked class.
        label_minimum: lowest confidence (N,) that passes.
        copy_ratio: distance to the nearest training image over the distance of a near copy (N,);
            below 1 rejects.
        exact_copy: (N,) True where the row equals a training row bit by bit.
        outlier_ratio: distance to the nearest real row over the distance of an outlier (N,), the
            larger of features (own class) and pixels; above 1 rejects.
        nearest_train_id: id (N,) of the nearest training image.
        nearest_train_distance: (N,) distance to it.
        look: rows (N, P) in which repeats among candidates are near to each other.
        repeat_distance: (N,) two candidates of a class nearer than this repeat each other.
    """

    label_confidence: FloatArray
    label_minimum: FloatArray
    copy_ratio: FloatArray
    exact_copy: npt.NDArray[np.bool_]
    outlier_ratio: FloatArray
    nearest_train_id: npt.NDArray[np.str_]
    nearest_train_distance: FloatArray
    look: npt.NDArray[np.float32]
    repeat_distance: FloatArray


@dataclass(frozen=True, eq=False)
class Selection:
    """Candidates marked as kept or not.

    Attributes:
        synthetic: the candidates with ``kept``, ``reason`` and score columns in the provenance.
        acceptance: one row a class: class, planned, candidates, accepted (by the filters), kept, and
            one count column for every reason.
        unusable: reason in words for each class that gets no synthetic sample.
        short: missing samples of each class that gets fewer than planned.
    """

    synthetic: SyntheticSet
    acceptance: pd.DataFrame
    unusable: Mapping[str, str]
    short: Mapping[str, int]

    def results(self, dataset: str) -> Results:
        """Return acceptance, rejections and counts as rows of the results table."""
        rows = []
        for row in self.acceptance.to_dict("records"):
            base = {"dataset": dataset, "class": row["class"]}
            rows += [
                base | {"split": "generated", "metric": "count", "value": float(row["candidates"])},
                base | {"split": "kept", "metric": "count", "value": float(row["kept"])},
            ]
            if not row["candidates"]:
                continue
            share = row["accepted"] / row["candidates"]
            rows.append(
                base
                | {"split": "synthetic", "metric": "acceptance", "value": share, "greater_is_better": True}
            )
            rows += [
                base | {"split": "synthetic", "metric": f"rejected:{reason}", "value": float(row[reason])}
                for reason in REASONS
            ]
        return Results.from_rows(rows)


def select(
    candidates: SyntheticSet,
    scores: CandidateScores,
    plan: Mapping[str, int],
    spec: FiltersSpec,
    *,
    foreign: bool = False,
) -> Selection:
    """Mark every candidate.

    Args:
        candidates: what the synthesizer made, in the order of generation; marks that they carry
            are replaced.
        scores: of the same rows.
        plan: synthetic samples wanted by class.
        spec: which filters are on, and the floor of acceptance.
        foreign: whether the candidates were made elsewhere; decides the advice on an unusable class.

    Raises:
        DataError: if the scores are not of these rows, or the plan lacks a class.
    """
    samples = candidates.samples
    if len(scores.copy_ratio) != len(candidates):
        raise DataError(f"scores of {len(scores.copy_ratio)} rows for {len(candidates)} candidates")
    missing = [name for name in samples.classes if name not in plan]
    if missing:
        raise DataError(f"the plan says nothing about the classes {missing}")
    reason = objections(samples.y, scores, spec)
    unusable: dict[str, str] = {}
    short: dict[str, int] = {}
    rows = []
    for label, name in enumerate(samples.classes):
        members = np.flatnonzero(samples.y == label)
        passed = members[reason[members] == ""]
        share = len(passed) / len(members) if len(members) else 0.0
        wanted = plan[name]
        if len(members) and share < spec.acceptance_floor:
            unusable[name] = _explain(name, reason[members], len(passed), spec, foreign)
            wanted = 0
        reason[passed[wanted:]] = "surplus"
        kept = min(wanted, len(passed))
        if kept < plan[name]:
            short[name] = plan[name] - kept
        rows.append(
            {"class": name, "planned": plan[name], "candidates": len(members)}
            | {"accepted": len(passed), "kept": kept}
            | {word: int((reason[members] == word).sum()) for word in REASONS}
        )
    provenance = candidates.provenance.assign(
        label_confidence=scores.label_confidence,
        copy_ratio=scores.copy_ratio,
        outlier_ratio=scores.outlier_ratio,
        nearest_train_id=scores.nearest_train_id,
        nearest_train_distance=scores.nearest_train_distance,
    )
    marked = SyntheticSet(samples, provenance, reason == "", reason)
    columns = ["class", "planned", "candidates", "accepted", "kept", *REASONS]
    return Selection(marked, pd.DataFrame(rows, columns=columns), unusable, short)


def objections(y: npt.NDArray[np.int64], scores: CandidateScores, spec: FiltersSpec) -> npt.NDArray[np.str_]:
    """Return the first filter that objects to each row (N,), empty where none does."""
    reason = np.full(len(y), "", dtype="<U16")
    if spec.label is not None:
        _mark(reason, scores.label_confidence < scores.label_minimum, "label")
    if spec.copies is not None:
        _mark(reason, (scores.copy_ratio < 1) | scores.exact_copy, "copy")
    if spec.outliers is not None:
        _mark(reason, scores.outlier_ratio > 1, "outlier")
    if spec.duplicates is not None:
        for label in np.unique(y):
            # Only rows that passed so far: a repeat of a rejected row is no repeat in the dataset.
            rows = np.flatnonzero((y == label) & (reason == ""))
            again = repeats(scores.look[rows], scores.repeat_distance[rows])
            reason[rows[again]] = "duplicate"
    return reason


def repeats(look: npt.NDArray[np.float32], distance: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which rows (N,) lie nearer than their ``distance`` to an earlier row that is no repeat."""
    squared = np.einsum("ij,ij->i", look, look)
    limit = distance**2
    again = np.zeros(len(look), dtype=np.bool_)
    for start in range(0, len(look), CHUNK):
        stop = min(start + CHUNK, len(look))
        earlier = np.flatnonzero(~again[:start])
        near = _squared(look, squared, slice(start, stop), earlier) < limit[start:stop, None]
        again[start:stop] = near.any(axis=1)
        inside = _squared(look, squared, slice(start, stop), np.arange(start, stop))
        for row in range(1, stop - start):
            fresh = ~again[start : start + row]
            if (inside[row, :row][fresh] < limit[start + row]).any():
                again[start + row] = True
    return again


def _squared(
    look: npt.NDArray[np.float32],
    squared: npt.NDArray[np.float32],
    rows: slice,
    others: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    product = look[rows] @ look[others].T
    return np.asarray(squared[rows, None] + squared[None, others] - 2 * product, dtype=np.float32)


def _mark(reason: npt.NDArray[np.str_], objects: npt.NDArray[np.bool_], word: str) -> None:
    reason[objects & (reason == "")] = word


def _explain(name: str, reason: npt.NDArray[np.str_], passed: int, spec: FiltersSpec, foreign: bool) -> str:
    words, counts = np.unique(reason[reason != ""], return_counts=True)
    most = words[counts.argmax()]
    advice = "train longer, or give it more real images"
    if foreign:
        advice = "look at its rejected samples, and make better ones"
    return (
        f"the filters accept {passed} of {len(reason)} candidates of {name!r}, under the floor of "
        f"{spec.acceptance_floor:.0%}; most were refused for {str(most)!r}. The class gets no synthetic "
        f"samples: {advice}"
    )
