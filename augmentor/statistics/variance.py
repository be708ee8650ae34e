"""Where the uncertainty of a mean over seeds and cases comes from, and what it can show.

A score of S seeds on the same cases is a two-way table with both sides drawn at random, the
design of multi-reader multi-case studies with seeds as readers. Its variance has a part that
more seeds make small, a part that more cases make small, and one that either does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from augmentor.core.errors import DataError
from augmentor.statistics.design import Design

Floats = NDArray[np.float64]

POWER = 0.8


@dataclass(frozen=True)
class Components:
    """Estimated variance of a mean over ``seeds`` seeds and ``units`` resampling units.

    Attributes:
        seed: variance of the mean owed to seeds with the interaction, max(V_S, V_I) with
            V_S = s^2(seed means) / S; 0 where there is one seed only (it cannot be seen).
        case: variance owed to cases alone, interaction taken off: max(V_C - V_I, 0).
        interaction: V_I, already contained in ``seed``.
        seeds: S.
        units: G, the number of cases or groups.
        case_degrees: Satterthwaite degrees of freedom of the case part.
        unseen: variance lent for kinds of cases that were not met, see :func:`components`.
    """

    seed: float
    case: float
    interaction: float
    seeds: int
    units: int
    case_degrees: float
    unseen: float = 0.0

    @property
    def variance(self) -> float:
        """The variance of the mean: max(V_S, V_I) + max(V_C - V_I, 0) + what is lent, no part below zero."""
        return self.seed + self.case + self.unseen

    @property
    def standard_error(self) -> float:
        """The square root of :attr:`variance`."""
        return math.sqrt(self.variance)

    @property
    def degrees(self) -> float:
        """Satterthwaite degrees of freedom of what was estimated; infinite where that is zero.

        V^2 / (V_S^2 / (S - 1) + V_case^2 / df_case): Hillis (2007) for the seed
        term, with the term of the cases kept because a class may have few of them.
        """
        total = self.case**2 / self.case_degrees
        if self.seeds > 1:
            total += self.seed**2 / (self.seeds - 1)
        return (self.seed + self.case) ** 2 / total if total > 0 else math.inf

    def at(self, *, seeds: int, units: float) -> Components:
        """Return what to expect with other numbers of seeds and units of the same kind.

        The pure seed part shrinks with the seeds, the case part with the units, the interaction
        with both.
        """
        more_seeds, more_units = self.seeds / seeds, self.units / units
        interaction = self.interaction * more_seeds * more_units
        pure = (self.seed - self.interaction) * more_seeds
        return Components(
            seed=pure + interaction,
            case=self.case * more_units,
            interaction=interaction,
            seeds=seeds,
            units=math.ceil(units),
            case_degrees=self.case_degrees / more_units,
            unseen=self.unseen * more_units**2,
        )

    def detectable(self, confidence: float = 0.95) -> float:
        """Return the smallest true effect found in 80 % of such studies.

        (t_{1 - alpha/2} + t_{0.8}) SE with the degrees of freedom of the interval; with many
        degrees this is the normal form (1.960 + 0.842) SE.
        """
        if self.variance <= 0:
            return 0.0
        return float(
            (quantile(self.degrees, (1 + confidence) / 2) + quantile(self.degrees, POWER))
            * self.standard_error
        )


def quantile(degrees: float, probability: float) -> float:
    """Return the quantile of Student's t, or of the normal where ``degrees`` are infinite."""
    return float(ndtri(probability) if math.isinf(degrees) else stdtrit(degrees, probability))


def below(degrees: float, value: float) -> float:
    """Return the chance of a smaller value under Student's t, or the normal."""
    return float(ndtr(value) if math.isinf(degrees) else stdtr(degrees, value))


def components(table: NDArray[np.float64], design: Design, unseen: float = 0.0) -> Components:
    """Estimate the variance components of the mean over seeds of sum over classes of class means.

    With z[s, g] the deviation of unit g (its cases' ``(x - class mean) / class count``, summed),
    h a stratum with G_h units and a bar for a mean over seeds:

        V_S = sum_s (m_s - m)^2 / (S (S - 1))
        V_C = sum_h G_h / (G_h - 1) sum_g (zbar_g - zbar_h)^2
        V_I = sum_h G_h / (G_h - 1) sum_{s,g} r_sg^2 / (S (S - 1)),  r the doubly centred z.

    Under the two-way random model E V_S = a/S + i, E V_C = c + i and E V_I = i, so that
    V_S + V_C - V_I is unbiased for the variance of the mean, as in the analysis of Obuchowski and
    Rockette (1995). With few seeds V_S falls below V_I by chance, which no true variance can; it is
    raised to V_I then, which keeps the interval from being too narrow in just those studies.
    Without groups every case is a unit and V_C is the sum over classes of s_k^2 / n_k.

    Few cases of a score near its ceiling often show none of the kind that is still got wrong, and s_k^2
    is too small just then. ``unseen`` lends them one more unit of such a kind, with the chance 1 / n_k
    that Good and Turing give to what has not been seen: sum_k (2 unseen / (K n_k))^2 is lent,
    wherever anything varies at all. It adds no degrees of freedom.

    Args:
        table: (S, N), contributions of each case, see ``scores.contributions``.
        design: which cases are drawn together.
        unseen: how far that unit lies off, in units of a placement value, from 0 up.

    Raises:
        DataError: if no stratum has two units, so that the spread of cases cannot be seen.
    """
    n_seeds = table.shape[0]
    means = design.class_means(table)
    deviation = (table - means[:, design.y]) / design.class_counts[design.y]
    z = design.unit_sums(deviation)
    members = [np.flatnonzero(design.stratum == h) for h in range(int(design.stratum.max()) + 1)]
    parts = [_two_way(z[:, units]) for units in members if units.size > 1]
    degrees = [units.size - 1 for units in members if units.size > 1]
    classes = design.class_units(deviation)
    seen = [unit for unit in classes if unit.shape[1] > 1]
    if not seen:
        raise DataError("an interval needs two test cases (or groups) of some class, got one of each")
    lonely = len(classes) - len(seen)
    if lonely:
        # A class of one unit shows no spread of its own. Zero would flatter; the stand-in is the
        # mean spread of one unit in the other classes.
        alone = np.mean([[v * unit.shape[1] for v in _two_way(unit)] for unit in seen], axis=0)
        parts += [(float(alone[0]), float(alone[1]))] * lonely
        degrees += [1] * lonely
    totals = means.sum(axis=1)
    seed_part = float(totals.var(ddof=1)) / n_seeds if n_seeds > 1 else 0.0
    case, interaction = np.array(parts).T
    pure = np.maximum(case - interaction, 0.0)
    squares = float((pure**2 / degrees).sum())
    seed_part = max(seed_part, float(interaction.sum()))
    case_part = max(float(case.sum() - interaction.sum()), 0.0)
    lent = sum((2 * unseen / (len(classes) * unit.shape[1])) ** 2 for unit in classes)
    return Components(
        seed=seed_part,
        case=case_part,
        interaction=float(interaction.sum()),
        seeds=n_seeds,
        units=design.stratum.size,
        case_degrees=float(pure.sum()) ** 2 / squares if squares > 0 else float(sum(degrees)),
        unseen=lent if seed_part + case_part > 0 else 0.0,
    )


def _two_way(z: Floats) -> tuple[float, float]:
    """Return one stratum's V_C and V_I from its deviations (S, G), G > 1."""
    n_seeds, n_units = z.shape
    factor = n_units / (n_units - 1)
    average = z.mean(axis=0)
    centred = average - average.mean()
    if n_seeds == 1:
        return float(factor * (centred**2).sum()), 0.0
    rest = z - z.mean(axis=1, keepdims=True) - centred
    return (
        float(factor * (centred**2).sum()),
        float(factor * (rest**2).sum() / (n_seeds * (n_seeds - 1))),
    )


@dataclass(frozen=True)
class Needed:
    """How many would have been needed to show an effect, each with the other number as it was."""

    effect: float
    cases: int | None
    seeds: int | None


def needed(found: Components, effect: float, confidence: float = 0.95, limit: int = 10**7) -> Needed:
    """Return the test units, and the seeds, at which ``effect`` would be detected in 80 % of studies.

    Args:
        found: the components estimated from the study at hand.
        effect: the true difference to be shown, > 0.
        confidence: of the interval.
        limit: the largest number tried; None is returned where even that is not enough, which
            happens when the other source of variance alone is too large.
    """

    def enough(seeds: int, units: float) -> bool:
        return found.at(seeds=seeds, units=units).detectable(confidence) <= effect

    cases = _first(lambda n: enough(found.seeds, n), limit)
    seeds = _first(lambda n: enough(n, found.units), limit) if found.seeds > 1 else None
    return Needed(effect=effect, cases=cases, seeds=seeds)


def _first(enough: Callable[[int], bool], limit: int) -> int | None:
    """Return the smallest n in 2..limit with ``enough(n)``, which stays true once it is."""
    low, high = 1, 2
    while not enough(high):
        if high >= limit:
            return None
        low, high = high, min(2 * high, limit)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
