"""Scores of candidates by the judge, as the filters need them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from augmentor.core.samples import FloatArray, IntArray, Samples
from augmentor.metrics.distances import nearest
from augmentor.metrics.scale import DistanceScale, distance_scale
from augmentor.modalities.base import Grid
from augmentor.quality.filters import CandidateScores
from augmentor.quality.filters_spec import (
    CopyFilter,
    DuplicateFilter,
    FiltersSpec,
    LabelFilter,
    OutlierFilter,
)
from augmentor.quality.judge import MIN_HELD_OUT, TaskJudge

REAL_SHARE = 0.75
"""Share of the real images of a class that the label filter must let pass."""


@dataclass(frozen=True, eq=False)
class CopyScale:
    """Usual distances of real images to their nearest training image.

    Attributes:
        scale: medians and near-copy thresholds by class.
        held_out: (N,) distance of every held-out image to its nearest training image.
        distance: (M,) the distances of real images from which the scale was made.
        y: (M,) their classes.
    """

    scale: DistanceScale
    held_out: FloatArray
    distance: FloatArray
    y: IntArray

    def far(self, judge: TaskJudge, quantile: float) -> DistanceScale:
        """Return the scale for images unlike every training image.

        A classifier may assign noise to a class with high confidence, and its features may place the
        noise among real images of that class; its pixels do not.
        """
        scale = distance_scale(self.distance, self.y, judge.train.n_classes, quantile)
        return scale.widened(_few(judge), float(np.median(self.distance)))


def copy_scale(judge: TaskJudge, quantile: float) -> CopyScale:
    """Return the usual distances to the nearest training image.

    Held-out images alone give them where there are at least 1 / quantile: training parts hold
    several images of one patient, whose distances would lower the usual one. With fewer, and for
    classes with fewer than five, the distances of training images to each other (of other groups)
    are added.
    """
    train, held_out = judge.train, judge.held_out
    images = copy_view(judge, train)
    groups = np.unique(train.ids if train.group is None else train.group, return_inverse=True)[1]
    among, _ = judge.modality.nearest(images, images, exclude=(groups, groups))
    outside, _ = judge.modality.nearest(copy_view(judge, held_out), images)
    few = _few(judge) | (len(outside) < 1 / quantile)
    distance = np.concatenate([outside, among[few[train.y]]])
    y = np.concatenate([held_out.y, train.y[few[train.y]]])
    return CopyScale(distance_scale(distance, y, train.n_classes, quantile), outside, distance, y)


def copy_view(judge: TaskJudge, samples: Samples) -> Grid:
    """Return samples as the arrays among which copies are searched."""
    return judge.modality.copy_view(judge.encode(samples).numpy())


def exact_copies(samples: Samples, train: Samples) -> npt.NDArray[np.bool_]:
    """Return which rows (N,) equal a training row bit by bit, in the units of the data."""
    return np.isin(samples.row_digests, train.row_digests)


def label_minimum(judge: TaskJudge, default: float) -> FloatArray:
    """Return the lowest confidence (K,) required of each class.

    It is ``default``, or the confidence that three quarters of the real images of the class reach,
    where that is lower: held-out images, and training images out of fold where fewer than five
    are held out. A synthetic image need not exceed what most real ones reach.
    """
    held_out = judge.probabilities(judge.held_out)
    result = np.full(judge.train.n_classes, default)
    for label in range(judge.train.n_classes):
        rows = judge.held_out.y == label
        own = held_out[rows, label]
        if rows.sum() < MIN_HELD_OUT:
            own = np.concatenate([own, judge.out_of_fold[judge.train.y == label, label]])
        if len(own):
            result[label] = min(default, float(np.quantile(own, 1 - REAL_SHARE)))
    return result


def score_candidates(samples: Samples, judge: TaskJudge, spec: FiltersSpec) -> CandidateScores:
    """Return the scores of candidates (N rows) for :func:`augmentor.quality.filters.select`.

    Scores of filters that are off are computed with the defaults, for the report.
    """
    train = judge.train
    rows = np.arange(len(samples))
    images = copy_view(judge, samples)
    known = copy_scale(judge, (spec.copies or CopyFilter()).quantile)
    copies = known.scale
    far = (spec.outliers or OutlierFilter()).quantile
    distance, index = judge.modality.nearest(images, copy_view(judge, train))
    minimum = label_minimum(judge, (spec.label or LabelFilter()).minimum)
    repeat = (spec.duplicates or DuplicateFilter()).ratio * copies.threshold
    return CandidateScores(
        label_confidence=judge.probabilities(samples)[rows, samples.y],
        label_minimum=minimum[samples.y],
        copy_ratio=copies.relative_to_threshold(distance, samples.y),
        exact_copy=exact_copies(samples, train),
        outlier_ratio=np.maximum(
            _outlier_ratio(samples, judge, far),
            known.far(judge, far).relative_to_threshold(distance, samples.y),
        ),
        nearest_train_id=train.ids[index],
        nearest_train_distance=distance,
        standardised_pixels=judge.modality.copy_vectors(images),
        repeat_distance=repeat[samples.y],
    )


def _outlier_ratio(samples: Samples, judge: TaskJudge, quantile: float) -> FloatArray:
    """Return the distance to the nearest training row of the class over that of a real outlier.

    The scale comes from held-out rows, which the networks were not trained on, like the samples. The
    median of three rows is no scale: a class with fewer than five has the common one where that is wider.
    """
    y = judge.held_out.y
    distance = _to_own_class(judge.features(judge.held_out), y, judge)
    scale = distance_scale(distance, y, judge.train.n_classes, quantile)
    scale = scale.widened(_few(judge), float(np.median(distance)))
    return scale.relative_to_threshold(_to_own_class(judge.features(samples), samples.y, judge), samples.y)


def _few(judge: TaskJudge) -> npt.NDArray[np.bool_]:
    """Return which classes (K,) have too few held-out rows for a scale of their own."""
    return np.asarray(np.bincount(judge.held_out.y, minlength=judge.train.n_classes) < MIN_HELD_OUT)


def _to_own_class(features: FloatArray, y: IntArray, judge: TaskJudge) -> FloatArray:
    distance = np.full(len(y), np.inf)
    for label in np.unique(y):
        training = judge.references[label].training
        if len(training):
            distance[y == label] = nearest(features[y == label], training)[0]
    return distance
