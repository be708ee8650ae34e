"""What a study can show, said before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import gammaincc

from augmentor.core.errors import ConfigError
from augmentor.statistics.small_samples import ClassPart, SmallInterval


@dataclass(frozen=True)
class Study:
    """A planned comparison of two classifiers by balanced accuracy.

    Attributes:
        n_rare: test cases of each rare class; with folds, cases of it in all folds together, as each is
            tested once.
        n_classes: K.
        rare_classes: how many of the classes are rare.
        times: how many times as many test cases each other class has.
        seeds: S.
        folds: F for cross-validation, 0 for one test part.
        changed: share of the cases whose outcome differs between two arms that are equally good.
        seed_spread: standard deviation of the gain over training seeds.
        confidence: of the interval.
    """

    n_rare: int
    n_classes: int = 2
    rare_classes: int = 1
    times: float = 9.0
    seeds: int = 10
    folds: int = 0
    changed: float = 0.02
    seed_spread: float = 0.02
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if self.n_rare < 1 or not 1 <= self.rare_classes <= self.n_classes or self.n_classes < 2:
            raise ConfigError(
                "a study needs n_rare >= 1 test cases and 1 to n_classes rare classes of two or more, "
                f"got {self.n_rare}, {self.rare_classes} and {self.n_classes}"
            )
        if self.seeds < 2 or self.folds == 1 or self.folds < 0 or self.times < 1:
            raise ConfigError(
                "a study needs two or more seeds, no folds or two or more, and times >= 1, "
                f"got {self.seeds}, {self.folds} and {self.times}"
            )

    @classmethod
    def of(cls, counts: Sequence[int], *, seeds: int = 10, folds: int = 0) -> Study:
        """Return the study of so many test cases of each class; those of up to twice the fewest are rare.

        Raises:
            ConfigError: if fewer than two classes have cases.
        """
        n = min(counts)
        others = [one for one in counts if one > 2 * n]
        times = sum(others) / len(others) / n if others else 1.0
        return cls(
            n,
            len(counts),
            rare_classes=len(counts) - len(others),
            times=times,
            seeds=max(seeds, 2),
            folds=folds,
        )

    def expected(self) -> SmallInterval:
        """Return the interval to expect where the arms are equally good.

        A share ``changed`` of the cases of a class changes at every seed. What folds add is their chance
        excess: with e of :mod:`augmentor.statistics.small_samples` and no true difference between fits, V_F /
        V_C is about chi^2 / (F - 1) with F - 1 degrees of freedom, so that E max(V_F - V_C, 0) = V_C
        (P(chi^2_(F+1) > F - 1) - P(chi^2_(F-1) > F - 1)).
        """
        weight = 1 / self.n_classes
        parts = []
        for k in range(self.n_classes):
            units = float(self.n_rare) if k < self.rare_classes else self.n_rare * self.times
            square = self.changed * (units - 1)
            lent = k == 0 or units == 1
            parts.append(ClassPart(units, weight, 0.0, square, 1.0, lent, round(self.changed * units)))
        other: tuple[tuple[float, float], ...] = ()
        if self.folds:
            v = self.folds - 1
            # P(chi^2_d > x) is the upper incomplete gamma function at d / 2 and x / 2.
            chance = float(gammaincc((v + 2) / 2, v / 2) - gammaincc(v / 2, v / 2))
            case = sum(weight**2 * self.changed / part.units for part in parts)
            other = ((case * chance, float(v)),)
        seed = self.seed_spread**2 / self.seeds
        return SmallInterval(0.0, self.confidence, tuple(parts), seed, self.seeds, other, 1.0, True)


def detectable_gain(n_rare: int, n_classes: int = 2, *, seeds: int = 10, folds: int = 0) -> float:
    """Return the gain in balanced accuracy that 4 of 5 studies with ``n_rare`` rare test cases find.

    A gain is taken to be made in the rare class alone, by cases that change at every seed; where they
    change at some seeds only, smaller gains are seen. :class:`Study` has more to set. Held against simulation
    in benchmarks/small_verdict.md.

    Example:
        >>> round(detectable_gain(9), 2), round(detectable_gain(30, folds=5), 2)

    Args:
        n_rare: test cases of the rare class, of all folds together.
        n_classes: K, 2 or more.
        seeds: S, 2 or more.
        folds: F, or 0 for one test part.

    Returns:
        In units of the metric (0.01 is a point); infinite where the rare class is too small to show any gain.
    """
    return Study(n_rare, n_classes, seeds=seeds, folds=folds).expected().detectable


def power_sentence(
    tested: Sequence[int],
    every: Sequence[int] | None = None,
    *,
    seeds: int = 10,
    folds: int = 5,
    divided: bool = False,
) -> str:
    """Say what one test part can show and what folds over all cases could, or can.

    Example:
        >>> power_sentence([9, 81])  # shortened
        'With 9 independent test cases of the rarest class this study can see a gain of 32 points of ...'

    Args:
        tested: independent test cases (or groups of them) of each class that has some.
        every: cases of the same classes that folds would test, all there are; None where they cannot be split
            again.
        seeds: S, 1 or more; a single one is planned for as two.
        folds: F.
        divided: whether the study has these folds, so that it tests every case.
    """
    n = min(tested)
    if divided and every is not None:
        return (
            f"With {folds} folds, which test all {min(every)} independent cases of the rarest class, this "
            f"study can see {_gain(Study.of(every, seeds=seeds, folds=folds))} of balanced accuracy; one "
            f"test part of {n} could see {_gain(Study.of(tested, seeds=seeds))}."
        )
    alone = f"With {n} independent test case{'' if n == 1 else 's'} of the rarest class this study can see "
    alone += f"{_gain(Study.of(tested, seeds=seeds))} of balanced accuracy"
    if every is None:
        return f"{alone}."
    folded = _gain(Study.of(every, seeds=seeds, folds=folds))
    return f"{alone}; with {folds} folds, which test all {min(every)}, {folded}."


def _gain(study: Study) -> str:
    value = study.expected().detectable
    return f"a gain of {100 * value:.0f} points" if math.isfinite(value) else "no gain of any size"
