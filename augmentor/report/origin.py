"""What a report says about method and limits, by where the synthetic samples came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from augmentor.report.vocabulary import LIMITS, METHOD
from augmentor.report.wording import Noun

FOREIGN_METHOD = (
    "The synthetic {images} were made elsewhere and read as they are; no generator was trained here. The "
    "filters and every scaler saw the training part only. The share of synthetic {images}, the arm and the "
    "baseline were chosen on the validation part. The test part was used once, at the end."
)
FOREIGN_LIMIT = (
    "The answer holds for this dataset, this classifier and this one set of synthetic {images}; another set "
    "from the same source may give another answer."
)


def method(source: Mapping[str, Any] | None, noun: Noun) -> tuple[str, ...]:
    """Return how the numbers came about; ``source`` says where foreign samples are from, else None."""
    return tuple(map(noun.fill, (FOREIGN_METHOD, *METHOD[1:]) if source else METHOD))


def limits(source: Mapping[str, Any] | None, noun: Noun, *, several: bool = False) -> tuple[str, ...]:
    """Return what the numbers do not say; ``source`` says where foreign samples are from, else None."""
    first = (FOREIGN_LIMIT,) if source else LIMITS[:1]
    # The first is about one generator; the run says what several of them mean.
    return tuple(map(noun.fill, (*(() if several else first), *LIMITS[1:])))
