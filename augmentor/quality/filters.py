"""Selection of candidates for the expanded dataset, with the reason of every rejection.

Filters mark rows and delete nothing. They are applied in a fixed order, and the first that rejects
a row gives the reason: ``label``, ``copy``, ``outlier``, ``duplicate``. Accepted rows beyond the
plan are ``surplus``.

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
    """The scores of every candidate; all arrays have one entry per row.

    Attributes:
        label_confidence: probability (N,) of the requested class.
        label_minimum: lowest confidence (N,) that passes.
        copy_ratio: distance to the nearest training image over the distance of a near copy (N,);
            below 1 rejects.
        exact_copy: (N,) True where the row equals a training row bit by bit.
        outlier_ratio: distance to the nearest real row over the distance of an outlier (N,), the
            larger of features (own class) and pixels; above 1 rejects.
        nearest_train_id: id (N,) of the nearest training image.
        nearest_train_distance: (N,) distance to it.
        standardised_pixels: rows (N, P) in which repeats among candidates are near to each other.
        repeat_distance: (N,) two candidates of a class nearer than this repeat each other.
    """

    label_confidence: FloatArray
    label_minimum: FloatArray
    copy_ratio: FloatArray
    exact_copy: npt.NDArray[np.bool_]
    outlier_ratio: FloatArray
    nearest_train_id: npt.NDArray[np.str_]
    nearest_train_distance: FloatArray
    standardised_pixels: npt.NDArray[np.float32]
    repeat_distance: FloatArray


@dataclass(frozen=True, eq=False)
class Selection:
    """Candidates marked as kept or not.

    Attributes:
        synthetic: the candidates with ``kept``, ``reason`` and score columns in the provenance.
        acceptance: one row per class: class, planned, candidates, accepted (by the filters), kept, and
            one count column for every reason.
        unusable: reason in words for each class that gets no synthetic sample.
        shortfall: missing samples of each class that gets fewer than planned.
    """

    synthetic: SyntheticSet
    acceptance: pd.DataFrame
    unusable: Mapping[str, str]
    shortfall: Mapping[str, int]

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
                base
                | {"split": "synthetic", "metric": "rejected", "setting": {"reason": reason}}
                | {"value": float(row[reason])}
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
        candidates: the samples of the synthesizer, in the order of generation; existing marks are
            replaced.
        scores: the scores of the same rows.
        plan: synthetic samples wanted by class.
        spec: the filters and the acceptance floor.
        foreign: whether the candidates come from elsewhere; changes the advice about an unusable class.

    Raises:
        DataError: if the scores are not of these rows, or the plan lacks a class.
    """
    samples = candidates.samples
    if len(scores.copy_ratio) != len(candidates):
        raise DataError(f"scores of {len(scores.copy_ratio)} rows for {len(candidates)} candidates")
    missing = [name for name in samples.classes if name not in plan]
    if missing:
        raise DataError(f"the plan says nothing about the classes {missing}")
    reason = first_rejections(samples.y, scores, spec)
    unusable: dict[str, str] = {}
    shortfall: dict[str, int] = {}
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
            shortfall[name] = plan[name] - kept
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
    return Selection(marked, pd.DataFrame(rows, columns=columns), unusable, shortfall)


def first_rejections(
    y: npt.NDArray[np.int64], scores: CandidateScores, spec: FiltersSpec
) -> npt.NDArray[np.str_]:
    """Return the name (N,) of the first filter that rejects each row, empty where none does."""
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
            repeated = near_repeats(scores.standardised_pixels[rows], scores.repeat_distance[rows])
            reason[rows[repeated]] = "duplicate"
    return reason


def near_repeats(pixels: npt.NDArray[np.float32], distance: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which rows (N,) are nearer than their ``distance`` to an earlier row that is no repeat."""
    squared = np.einsum("ij,ij->i", pixels, pixels)
    limit = distance**2
    again = np.zeros(len(pixels), dtype=np.bool_)
    for start in range(0, len(pixels), CHUNK):
        stop = min(start + CHUNK, len(pixels))
        earlier = np.flatnonzero(~again[:start])
        near = _squared(pixels, squared, slice(start, stop), earlier) < limit[start:stop, None]
        again[start:stop] = near.any(axis=1)
        inside = _squared(pixels, squared, slice(start, stop), np.arange(start, stop))
        for row in range(1, stop - start):
            fresh = ~again[start : start + row]
            if (inside[row, :row][fresh] < limit[start + row]).any():
                again[start + row] = True
    return again


def _squared(
    pixels: npt.NDArray[np.float32],
    squared: npt.NDArray[np.float32],
    rows: slice,
    others: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    product = pixels[rows] @ pixels[others].T
    return np.asarray(squared[rows, None] + squared[None, others] - 2 * product, dtype=np.float32)


def _mark(reason: npt.NDArray[np.str_], rejected: npt.NDArray[np.bool_], name: str) -> None:
    reason[rejected & (reason == "")] = name


def _explain(name: str, reason: npt.NDArray[np.str_], passed: int, spec: FiltersSpec, foreign: bool) -> str:
    words, counts = np.unique(reason[reason != ""], return_counts=True)
    most = words[counts.argmax()]
    advice = "train longer, or give it more real samples"
    if foreign:
        advice = "inspect its rejected samples, and make better ones"
    return (
        f"the filters accept {passed} of {len(reason)} candidates of {name!r}, under the floor of "
        f"{spec.acceptance_floor:.0%}; most were rejected for {str(most)!r}. The class gets no synthetic "
        f"samples: {advice}"
    )
