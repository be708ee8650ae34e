"""Asking a synthesizer for counts by class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from augmentor.core.conditions import Conditions
from augmentor.core.errors import ConfigError
from augmentor.core.synthetic import SupportsSample, SyntheticSet
from augmentor.quality.filters import Selection, select
from augmentor.quality.filters_spec import FiltersSpec

if TYPE_CHECKING:
    from augmentor.quality.judge import TaskJudge


def sample(
    synthesizer: SupportsSample, counts: Mapping[str, int], classes: tuple[str, ...], *, seed: int
) -> SyntheticSet:
    """Return ``counts[name]`` samples of each class, in label order, all marked as kept.

    Args:
        synthesizer: a fitted synthesizer.
        counts: samples by class name; a class that is not named gets none.
        classes: the class names in label order.
        seed: the same seed gives the same samples.

    Raises:
        ConfigError: if a class is unknown.
    """
    unknown = [name for name in counts if name not in classes]
    if unknown:
        raise ConfigError(f"there is no class {unknown[0]!r}; the classes are {', '.join(classes)}")
    numbers = [counts.get(name, 0) for name in classes]
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), numbers)
    samples = synthesizer.sample(Conditions(labels), seed=seed)
    return SyntheticSet(
        samples=samples,
        provenance=pd.DataFrame({"synthesizer": synthesizer.digest, "seed": np.full(len(labels), seed)}),
        kept=np.ones(len(labels), dtype=np.bool_),
        reason=np.full(len(labels), "", dtype=np.str_),
    )


def filter(
    candidates: SyntheticSet,
    *,
    judge: TaskJudge,
    plan: Mapping[str, int],
    spec: FiltersSpec | None = None,
) -> SyntheticSet:
    """Mark which candidates are kept, and why the others are not.

    Args:
        candidates: what :func:`sample` made.
        judge: fitted on the training part the synthesizer learnt from.
        plan: synthetic samples wanted by class.
        spec: which filters are on; all of them by default.
    """
    return mark(candidates, judge=judge, plan=plan, spec=spec or FiltersSpec()).synthetic


def mark(
    candidates: SyntheticSet,
    *,
    judge: TaskJudge,
    plan: Mapping[str, int],
    spec: FiltersSpec,
    foreign: bool = False,
) -> Selection:
    """Return the marked candidates with their acceptance and the unusable classes.

    ``foreign`` says that the candidates came from elsewhere, so that advice is not about a generator here.
    """
    from augmentor.quality.candidate_scores import score_candidates

    return select(candidates, score_candidates(candidates.samples, judge, spec), plan, spec, foreign=foreign)
