"""How samples are translated from richer classes. Torch-free, so that recipes are read quickly."""

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
        starts: samples of each class that the fitted synthesizer keeps to start from.
    """

    beta: float = Field(default=0.999, ge=0, lt=1)
    smoothness: float = Field(default=0.05, ge=0, le=0.5)
    change: float = Field(default=0.05, gt=0, le=1)
    starts: int = Field(default=2000, ge=1)


class StarganSpec(StartsSpec):
    """Translation by a generator (Choi 2018, StarGAN), or by one for each class (Zhu 2017, CycleGAN).

    Attributes:
        cycle: weight of the cycle reconstruction (lambda_rec of Choi 2018; lambda of Zhu 2017, equation 3),
            see :func:`augmentor.objectives.cycle.cycle_loss`; 0 leaves it out.
    """

    cycle: float = Field(default=10.0, ge=0)


class TranslationSpec(StartsSpec):
    """Translation down a classifier's gradient (Kim, Jeong and Shin 2020, M2m).

    Attributes:
        penalty: lambda, weight of the source class's logit.
        gamma: a sample is accepted, and moves no further, where the guide gives the target class at least
            this probability.
        steps: gradient steps from the start, at most.
        step: root mean square of one step's change over a sample's values in [-1, 1]; gradients pass the
            low-pass filter too.
        noise: the classifiers learn under noise of up to this standard deviation in units of [-1, 1],
            and half of it lies on a sample whenever they are asked for a gradient.
        attempts: starts tried for a sample until one is accepted; after the last, the one with the highest
            probability stands.
    """

    penalty: float = Field(default=0.1, ge=0)
    gamma: float = Field(default=0.9, gt=0, lt=1)
    steps: int = Field(default=60, ge=1, le=1000)
    step: float = Field(default=0.01, gt=0, le=1)
    noise: float = Field(default=0.3, ge=0, le=2)
    attempts: int = Field(default=4, ge=1, le=100)
