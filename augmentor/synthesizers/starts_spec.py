"""Which training samples a translation starts from. Torch-free, so that recipes are read quickly."""

from __future__ import annotations

from pydantic import Field

from augmentor.core.spec import Spec


class StartsSpec(Spec):
    """Which training samples a translation starts from, see :class:`augmentor.synthesizers.starts.Starts`.

    Attributes:
        beta: how much richer a class must be to lend its samples; see
            :func:`augmentor.objectives.translation.source_probabilities`.
        smoothness: standard deviation of the low-pass filter over the longest side.
        change: root mean square of the smooth noise that every start begins with.
        held: samples of each class that the fitted synthesizer keeps to start from.
    """

    beta: float = Field(default=0.999, ge=0, lt=1)
    smoothness: float = Field(default=0.05, ge=0, le=0.5)
    change: float = Field(default=0.05, gt=0, le=1)
    held: int = Field(default=2000, ge=1)
