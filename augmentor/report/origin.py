"""What a report says about method and limits, by where the synthetic images came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from augmentor.report.vocabulary import LIMITS, METHOD

FOREIGN_METHOD = (
    "The synthetic images were made elsewhere and read as they are; no generator was trained here. The "
    "filters and every scaler saw the training part only. The share of synthetic images, the arm and the "
    "baseline were chosen on the validation part. The test part was used once, at the end."
)
FOREIGN_LIMIT = (
    "The answer holds for this dataset, this classifier and this one set of synthetic images; another set "
    "from the same source may give another answer."
)


def method(source: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return how the numbers came about; ``source`` tells where foreign images are from, else None."""
    return (FOREIGN_METHOD, *METHOD[1:]) if source else METHOD


def limits(source: Mapping[str, Any] | None, *, several: bool = False) -> tuple[str, ...]:
    """Return what the numbers do not say; ``source`` tells where foreign images are from, else None."""
    if several:
        return LIMITS[1:]  # the first is about one generator; the run says what several of them mean
    return (FOREIGN_LIMIT, *LIMITS[1:]) if source else LIMITS
