"""The interval of a gain that still holds where a class has few test cases.

A gain is measured on the same cases for two classifiers, so that a case carries a *change*: 1 where only the
first was right, -1 where only the second, 0 where they agree, a mean of these over the training seeds. Where
a class has few cases and recall is near 1, most tables show no change at all, every estimate of the spread is
zero, and an interval made of it says that nothing can happen. The rule here has four parts.

**One unseen case each way, where it weighs most.** Two cases are added to one class, one with the change +m
and one with -m, at every seed. With m = 1 this is the Laplace adjustment of Bonett and Price (2012): with b
and c cases changed either way among n, and P = (b + 1) / (n + 2), Q = (c + 1) / (n + 2),

    P - Q  +-  z sqrt((P + Q - (P - Q)^2) / (n + 2)).                                            (1)

With no changed case (b = c = 0) its half width is z sqrt(2) / (n + 2). That is no more than is needed: where
a share q of the cases is changed, none shows with the chance (1 - q)^n, so that an interval which is to hold
93 times in 100 whatever q must reach to q = 1 - 0.07^(1/n) in a table without a change. For n = 1, 2, 5, 9,
20, 40 these are 0.93, 0.74, 0.41, 0.26, 0.12, 0.06; (1) reaches to 0.92, 0.69, 0.40, 0.25, 0.13, 0.07.

A metric sums over classes, where a changed case of class k is worth w_k / n_k, and not every class has its
unseen case at once: the chance that no change shows is prod (1 - q_k)^n_k, and for a given chance the sum of
w_k q_k is largest with all changes in the class whose cases are worth most. So only that class is lent the
two cases. Fay and Feuer (1997) do the same for weighted sums of Poisson counts: one more event, of the
largest weight. (Lent to each of ten classes of nine cases, they made the interval twice as wide as it had to
be: benchmarks/small_verdict.md.) A class of one case has no spread of its own and is always lent them.

**Size of the unseen case.** Where seeds are noisy a changed case is changed at some of them, and the unseen
one need not be larger than those seen. With u the size of one such case before anything is seen (1 for hits),
and x_n the change of case n,

    m = (u^2 + sum x_n^2) / (u + sum |x_n|),                                                     (2)

the size-weighted mean size of the changes with one prior case: u where nothing was seen, about 1 where the
changed cases changed at every seed. For the AUROC x_n is a change of placement, and
u = 1/2: an unseen case that lands anywhere among the cases of the other side loses half of them on average.

**Seeds and cases are both samples**, a two-way table as in multi-reader multi-case studies. With r the
doubly centred table of a class of G units and S seeds, V_I = G / (G - 1) sum r^2 / (S (S - 1) G^2) is its
interaction; under the two-way random model the variance of the case means has the expectation c + i, V_I has
i (Obuchowski and Rockette 1995). With V_k the variance of a class by (1), its sample part freed of V_I, and
V_S that of the means of the seeds, not below the interaction, as no true variance can be: V = V_S + sum V_k,
Student's t with Satterthwaite degrees of freedom, n_k + 1 for the class that was lent to.

**Folds.** Where every case is tested once, by models of the fold it was held out from, cases of a fold
share a training part and a generator. What the spread of F folds shows beyond that of cases,

    e = max(V_F - V_C, 0), V_F = F / (F - 1) sum_f z_f^2, V_C = n / (n - 1) sum_n z_n^2,         (3)

with z_n = w_k (x_n - mean of class k) / n_k and z_f their sum over fold f, is the variance of the mean owed
to what is drawn anew for each fold: generator, filters, fits. Given the data these are independent, so e is
added, with F - 1 degrees of freedom; with R partitions their mean e / R, with R (F - 1). The answer is then
for these data, as a run on them would train. Training parts overlap, and for another data set in their place
more would have to be added, of which no unbiased estimator exists (Bengio and Grandvalet 2004, their
theorem); the correlation 1 / F of Nadeau and Bengio (2003) would add e F / (F - 1). It costs much power and
does not reach the level where training parts matter, so it is not part of the rule: both coverages are in
benchmarks/small_verdict.md.

References:
    Bonett and Price 2012, J. Educ. Behav. Stat. 37:479. Fay and Feuer 1997, Stat. Med. 16:791. Satterthwaite
    1946, Biometrics Bull. 2:110. Obuchowski and Rockette 1995, Commun. Stat. Simul. 24:285. Nadeau and Bengio
    2003, Mach. Learn. 52:239. Bengio and Grandvalet 2004, JMLR 5:1089.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentor.core.case_values import CaseValues
from augmentor.core.errors import DataError
from augmentor.statistics.design import Design
from augmentor.statistics.student import POWER, quantile

Floats = NDArray[np.float64]

SAME = 1e-12
"""A change smaller than this is none: sums of thirds do not cancel exactly."""


@dataclass(frozen=True, eq=False)
class Changes:
    """What two classifiers do differently, case by case, and what that is worth.

    The gain is ``share * sum over classes k of weights[k] * mean of table over the cases of k``.

    Attributes:
        table: (S, N) change of each case at each seed, from -1 to 1.
        weights: (K,) how much of the metric the cases of each present class carry together: 1 / K for
            balanced accuracy, n_k / N for accuracy.
        share: 1 where the metric is a mean over cases; 1/2 for the AUROC, whose every pair is
            seen from both of its sides.
        unseen: u, the size of the change of a case of a kind that was not met, in (0, 1]: 1 for hits, 1/2 for
            placements.
    """

    table: Floats
    weights: Floats
    share: float = 1.0
    unseen: float = 1.0

    @classmethod
    def between(cls, new: CaseValues, old: CaseValues) -> Changes:
        """Return what ``new`` does differently from ``old`` on the same cases at the same seeds."""
        return cls(new.table - old.table, new.weights, new.share, new.unseen)


@dataclass(frozen=True)
class ClassPart:
    """What one class adds to the uncertainty of a gain.

    Attributes:
        units: number of cases, or groups, G.
        weight: w, what the class is worth in the metric.
        mean: mean change.
        square: sum of squared deviations of the changes of the units, freed of the seeds' noise.
        size: m of equation (2), the size of an unseen case.
        lent: whether two unseen cases were added.
        changed: number of units with any change.
    """

    units: float
    weight: float
    mean: float
    square: float
    size: float
    lent: bool
    changed: int

    @property
    def variance(self) -> float:
        """Variance of the class's part of the gain: equation (1), or the sample's where nothing was lent."""
        n = self.units
        if not self.lent:
            return self.weight**2 * self.square / (n * (n - 1))
        added = 2 * self.size**2 + 2 * n * self.mean**2 / (n + 2)
        return self.weight**2 * (self.square + added) / (n + 2) ** 2

    @property
    def degrees(self) -> float:
        """Degrees of freedom of the variance."""
        return self.units + 1 if self.lent else self.units - 1

    def times(self, factor: float) -> ClassPart:
        """Return what to expect of ``factor`` times as many units of the same kind."""
        return replace(self, units=self.units * factor, square=self.square * factor)


@dataclass(frozen=True)
class SmallInterval:
    """A gain and its two-sided interval, which holds at few cases; numbers in units of the metric.

    Attributes:
        gain: as measured.
        confidence: two-sided.
        classes: what each present class adds.
        seed: variance owed to the seeds.
        seeds: S.
        other: further variances, each with its degrees of freedom: groups of several classes, folds.
        share: see :class:`Changes`.
        discrete: whether a changed case is a whole case (hits), or a shift of its placement.
    """

    gain: float
    confidence: float
    classes: tuple[ClassPart, ...]
    seed: float
    seeds: int
    other: tuple[tuple[float, float], ...]
    share: float
    discrete: bool

    @property
    def variance(self) -> float:
        """Estimated variance of the gain."""
        return self.seed + sum(part.variance for part in self.classes) + sum(v for v, _ in self.other)

    @property
    def degrees(self) -> float:
        """Satterthwaite's degrees of freedom of the variance."""
        terms = [(part.variance, part.degrees) for part in self.classes] + list(self.other)
        if self.seeds > 1:
            terms.append((self.seed, self.seeds - 1))
        below = sum(v**2 / d for v, d in terms if v > 0)
        return self.variance**2 / below if below > 0 else math.inf

    @cached_property
    def low(self) -> float:
        """Lower end of the interval, not below what the metric can lose."""
        return max(self.centre - self._half, -self._most)

    @cached_property
    def high(self) -> float:
        """Upper end of the interval, not above what the metric can gain."""
        return min(self.centre + self._half, self._most)

    @property
    def centre(self) -> float:
        """Middle of the interval: the gain with the two cases lent, which pull it towards 0."""
        pulled = sum(part.weight * part.mean * 2 / (part.units + 2) for part in self.classes if part.lent)
        return self.gain - self.share * pulled

    @property
    def _half(self) -> float:
        return quantile(self.degrees, (1 + self.confidence) / 2) * math.sqrt(self.variance)

    @property
    def _most(self) -> float:
        return self.share * sum(part.weight for part in self.classes)

    @property
    def rarest(self) -> float:
        """The number of units of the class that has fewest."""
        return min(part.units for part in self.classes)

    @property
    def changed(self) -> int:
        """The number of units that changed at any seed."""
        return sum(part.changed for part in self.classes)

    def times(self, factor: float) -> SmallInterval:
        """Return what a study with ``factor`` times as many test units and the same seeds would show.

        The part of the seeds is kept, though its share of interaction would shrink: the answer errs on
        the side of more cases.
        """
        parts = tuple(part.times(factor) for part in self.classes)
        return replace(self, classes=parts)

    @property
    def detectable(self) -> float:
        """The smallest true gain that 4 of 5 such studies would find; infinite where there is none.

        A gain g by hits is itself made of changed cases. With q = g / W the share of changed cases in the
        classes whose cases are worth most (at least half as much as in the first of them; W is what these
        classes are worth together), their sampling adds sum w_k^2 q (1 - q) / n_k to the variance, and g =
        (t_(1 - alpha/2) + t_0.8) sqrt(V + that) is solved for g. With nine rare cases of two classes this is
        about 33 points: six of the nine.
        """
        reach = quantile(self.degrees, (1 + self.confidence) / 2) + quantile(self.degrees, POWER)
        worth = max(part.weight / part.units for part in self.classes)
        rare = [part for part in self.classes if part.weight / part.units >= worth / 2]
        weight = sum(part.weight for part in rare)
        spread = sum(part.weight**2 / part.units for part in rare) if self.discrete else 0.0
        # g^2 = reach^2 (V + spread (g / W - g^2 / W^2)), a quadratic in g.
        a = 1 + reach**2 * spread / weight**2
        b = reach**2 * spread / weight
        g = (b + math.sqrt(b**2 + 4 * a * reach**2 * self.variance)) / (2 * a)
        return g if g <= (weight if self.discrete else self._most) else math.inf


def small_interval(
    changes: Changes,
    design: Design,
    *,
    folds: NDArray[Any] | None = None,
    confidence: float = 0.95,
) -> SmallInterval:
    """Return the gain with an interval that holds where cases are few.

    Args:
        changes: table (S, N) and what it is worth.
        design: which cases belong to which class and unit, N cases.
        folds: None for one split; (N,) the fold that each case was held out in, or (S, N) where rows of the
            table come from different partitions (repeated cross-validation).
        confidence: two-sided.

    Raises:
        DataError: if shapes do not fit or changes are not within -1 and 1.
    """
    table = np.asarray(changes.table, dtype=np.float64)
    weights = np.asarray(changes.weights, dtype=np.float64)
    if table.ndim != 2 or not table.shape[0] or table.shape[1] != design.y.size:
        raise DataError(f"changes must be (S, {design.y.size}) with S > 0, got {table.shape}")
    if weights.shape != design.present.shape:
        raise DataError(
            f"weights must be ({design.present.size},), one per present class, got {weights.shape}"
        )
    if not np.isfinite(table).all() or np.abs(table).max() > 1 + 1e-9:
        raise DataError("changes must be finite and lie between -1 and 1")
    means = design.class_means(table)
    mean = means.mean(axis=0)
    parts, interaction = _class_parts(table, mean, weights, design, changes.unseen)
    of_seeds = changes.share * means @ weights
    n_seeds = table.shape[0]
    seed = float(of_seeds.var(ddof=1)) / n_seeds if n_seeds > 1 else 0.0
    other = []
    deviation = (table - means[:, design.y]) * (weights / design.class_counts)[design.y]
    shared = _shared_units(deviation, design, sum(_plain(part) for part in parts))
    if shared > 0:
        other.append((shared, float(max(design.stratum.size - 1, 1))))
    if folds is not None:
        other.append(_fold_part(table, np.asarray(folds), design, weights))
    return SmallInterval(
        gain=float(changes.share * mean @ weights),
        confidence=confidence,
        classes=parts,
        seed=max(seed, interaction),
        seeds=n_seeds,
        other=tuple(other),
        share=changes.share,
        discrete=changes.share == 1,
    )


def _class_parts(
    table: Floats, mean: Floats, weights: Floats, design: Design, unseen: float
) -> tuple[tuple[ClassPart, ...], float]:
    """Return the part of every class, and the variance of the gain owed to the interaction."""
    found = []
    interaction = 0.0
    for k, units in enumerate(design.class_units(table)):
        n_seeds, n = units.shape
        x = units * (n / design.class_counts[k])  # changes of units of mean size: their mean is the class's
        average = x.mean(axis=0)
        centred = average - average.mean()
        square = float((centred**2).sum())
        if n_seeds > 1 and n > 1:
            rest = x - x.mean(axis=1, keepdims=True) - centred
            noise = float((rest**2).sum()) / (n_seeds * (n_seeds - 1))
            interaction += float(weights[k] ** 2) * noise / (n * (n - 1))
            square = max(square - noise, 0.0)
        sizes = np.abs(average)
        size = (unseen**2 + float((sizes**2).sum())) / (unseen + float(sizes.sum()))
        changed = int((np.abs(x) > SAME).any(axis=0).sum())
        found.append(ClassPart(n, float(weights[k]), float(mean[k]), square, size, n == 1, changed))
    widest = max(found, key=lambda part: part.weight * part.size / (part.units + 2))
    return tuple(replace(part, lent=part.lent or part is widest) for part in found), interaction


def _plain(part: ClassPart) -> float:
    return replace(part, lent=False).variance if part.units > 1 else 0.0


def _shared_units(deviation: Floats, design: Design, apart: float) -> float:
    """Return the variance that groups with cases of several classes add, 0 where there are none.

    Classes are taken as independent otherwise. A covariance below zero is not taken off.
    """
    if sum(units.size for _, units, _ in design.blocks) == design.stratum.size:
        return 0.0
    z = design.unit_sums(deviation)
    total = 0.0
    for h in range(int(design.stratum.max()) + 1):
        block = z[:, design.stratum == h]
        n_seeds, n = block.shape
        if n < 2:
            continue
        centred = block.mean(axis=0) - block.mean()
        case = float((centred**2).sum())
        if n_seeds > 1:
            rest = block - block.mean(axis=1, keepdims=True) - centred
            case -= float((rest**2).sum()) / (n_seeds * (n_seeds - 1))
        total += n / (n - 1) * max(case, 0.0)
    return max(total - apart, 0.0)


def _fold_part(table: Floats, folds: NDArray[Any], design: Design, weights: Floats) -> tuple[float, float]:
    """Return the variance of the gain owed to the fits of the folds, and its degrees of freedom."""
    if folds.shape not in (table.shape, table.shape[1:]):
        raise DataError(f"folds must be ({table.shape[1]},) or {table.shape}, got {folds.shape}")
    rows = np.broadcast_to(folds, table.shape)
    partitions, member = np.unique(rows, axis=0, return_inverse=True)
    excess, counts = [], []
    for number, partition in enumerate(partitions):
        x = table[member.ravel() == number].mean(axis=0, keepdims=True)
        scaled = (x - design.class_means(x)[:, design.y]) * (weights / design.class_counts)[design.y]
        names, place = np.unique(partition, return_inverse=True)
        if names.size < 2:
            raise DataError(
                "every row of folds needs two or more folds, got one: leave folds out for one split"
            )
        z = np.bincount(place, scaled[0])
        units = design.unit_sums(scaled)[0]
        n = units.size
        of_folds = names.size / (names.size - 1) * float((z**2).sum())
        excess.append(of_folds - n / (n - 1) * float((units**2).sum()))
        counts.append(names.size)
    value = max(float(np.mean(excess)), 0.0)
    return value / len(partitions), float(len(partitions) * (min(counts) - 1))
