"""Options of a recipe about balance and filters. Free of torch."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from augmentor.core.spec import Spec
from augmentor.quality.plan import Balance as _Balance

FILTERS = ("label", "copies", "outliers", "duplicates")
"""The filters, in the order in which they are applied."""


def _balance(value: Any) -> Any:  # noqa: ANN401 - raw YAML
    if isinstance(value, bool) or value is None:
        raise ValueError(f"is 'balanced', a ratio above 0 or samples by class ({{class: n}}), got {value!r}")
    if isinstance(value, str) and value != "balanced":
        raise ValueError(f"is 'balanced', a ratio above 0 or samples by class ({{class: n}}), got {value!r}")
    if isinstance(value, int | float) and not 0 < value < float("inf"):
        raise ValueError(f"a ratio must be above 0 (1 is the same as 'balanced'), got {value!r}")
    if isinstance(value, Mapping):
        for name, n in value.items():
            if isinstance(n, bool) or not isinstance(n, int) or n < 0:
                raise ValueError(f"{name!r} needs a whole number of samples from 0 up, got {n!r}")
    return value


Balance = Annotated[_Balance, BeforeValidator(_balance)]
"""``balanced``, a ratio above 0, or samples by class; see :func:`augmentor.quality.plan.plan`."""


class LabelFilter(Spec):
    """Reject samples that classifiers of real training data do not assign to the requested class.

    Attributes:
        minimum: lowest probability of the requested label. Low on purpose: hard but correct samples
            teach a classifier more than easy ones. It is lowered for a class of which more than
            a quarter of the real images are below it: a judge that does not recognise a class cannot
            reject its samples.
    """

    minimum: float = Field(default=0.5, ge=0, le=1)


class CopyFilter(Spec):
    """Reject near copies of training images.

    Attributes:
        quantile: share of real images, none of them a copy, that may be this close to a training image:
            the false positive rate that the filter accepts.
    """

    quantile: float = Field(default=0.01, gt=0, le=0.5)


class OutlierFilter(Spec):
    """Reject samples far from all real images of their class in features, or from all in pixels.

    Attributes:
        quantile: share of real held-out images that are nearer to the training images of their
            class than the distance from which a sample is an outlier.
    """

    quantile: float = Field(default=0.99, ge=0.5, lt=1)


class DuplicateFilter(Spec):
    """Reject samples that nearly repeat an earlier sample of their class.

    Attributes:
        ratio: a repeat is closer than this times the distance of a near copy. Below 1,
            because many samples lie closer together than a few real images do.
    """

    ratio: float = Field(default=0.75, gt=0, le=1)


class FiltersSpec(Spec):
    """Which candidates go into the expanded dataset.

    In YAML a mapping of filter names to options, ``true`` (defaults) or ``false`` (off), where a
    filter that is not named stays on; or a list of the names to use, the others being off; or
    ``null``, ``false`` or ``[]`` for none.

    Attributes:
        label: see :class:`LabelFilter`; None when off, as for the others.
        copies: see :class:`CopyFilter`.
        outliers: see :class:`OutlierFilter`.
        duplicates: see :class:`DuplicateFilter`.
        oversampling: candidates generated for each planned sample.
        minimum_candidates: candidates generated of every class at least.
        acceptance_floor: a class of which the filters accept less than this share gets no
            synthetic sample at all and is named unusable: the few that pass are the filters'
            mistakes as likely as good samples.
    """

    label: LabelFilter | None = LabelFilter()
    copies: CopyFilter | None = CopyFilter()
    outliers: OutlierFilter | None = OutlierFilter()
    duplicates: DuplicateFilter | None = DuplicateFilter()
    oversampling: float = Field(default=3.0, ge=1, le=100)
    minimum_candidates: int = Field(default=100, ge=2, le=100_000)
    acceptance_floor: float = Field(default=0.1, ge=0, le=1)

    def at(self, minimum: float) -> FiltersSpec:
        """Return these filters with another ``label.minimum``; the label filter is on."""
        label = (self.label or LabelFilter()).model_copy(update={"minimum": minimum})
        return self.model_copy(update={"label": label})

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:  # noqa: ANN401 - raw YAML
        if value is None or value is False:
            value = []
        if value is True:
            value = {}
        if isinstance(value, list | tuple):
            for name in value:
                if name not in FILTERS:
                    near = difflib.get_close_matches(str(name), FILTERS, n=1, cutoff=0.5)
                    hint = f"did you mean {near[0]!r}?" if near else f"the filters are {', '.join(FILTERS)}"
                    raise ValueError(f"there is no filter {name!r}; {hint}")
            value = {name: name in value for name in FILTERS}
        if not isinstance(value, Mapping):
            return value
        switch: dict[object, Any] = {True: {}, False: None}
        return {
            key: switch[entry] if key in FILTERS and isinstance(entry, bool) else entry
            for key, entry in value.items()
        }
