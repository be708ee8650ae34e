"""The rule of augmentor/statistics/small_samples.py on many studies at once, for small_verdict.py alone.

The same formulas over a leading axis of trials; :func:`check` holds them against the package in every cell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from augmentor.statistics.design import Design
from augmentor.statistics.exact import MOST, sign_flip_p
from augmentor.statistics.paired_verdict import Paired
from augmentor.statistics.small_samples import SAME, Changes
from augmentor.statistics.student import POWER


@dataclass(frozen=True, eq=False)
class Batch:
    """Parts of the intervals of T trials; arrays (T, K) by class and (T,) elsewhere."""

    units: np.ndarray
    weights: np.ndarray
    mean: np.ndarray
    square: np.ndarray
    size: np.ndarray
    lent: np.ndarray
    seed: np.ndarray
    seeds: int
    folds: np.ndarray
    fold_degrees: float
    share: float
    changed: np.ndarray
    averages: np.ndarray
    y: np.ndarray

    @classmethod
    def of(cls, table: np.ndarray, y: np.ndarray, like: Changes, fold: np.ndarray | None) -> Batch:
        """Measure changes (T, S, N) of labels (N,); ``like`` has weights, share and size of the unseen."""
        trials, seeds, _ = table.shape
        w = like.weights
        n = np.bincount(y).astype(float)
        average = table.mean(axis=1)
        mean, square, size, interaction = (np.zeros((trials, n.size)) for _ in range(4))
        of_seeds = np.zeros((trials, seeds))
        plain = np.zeros(trials)
        for k, count in enumerate(n):
            x, a = table[:, :, y == k], average[:, y == k]
            mean[:, k] = a.mean(axis=1)
            centred = a - mean[:, k, None]
            square[:, k] = (centred**2).sum(axis=1)
            means = x.mean(axis=2)
            of_seeds += like.share * w[k] * means
            if count > 1:
                plain += w[k] ** 2 * square[:, k] / count**2
                # The sum of squares of doubly centred values, without another array of that size.
                rest = (x**2).sum(axis=(1, 2)) - seeds * (a**2).sum(axis=1)
                rest += count * (seeds * mean[:, k] ** 2 - (means**2).sum(axis=1))
                noise = np.maximum(rest, 0) / (seeds * (seeds - 1))
                interaction[:, k] = w[k] ** 2 * noise / (count * (count - 1))
                square[:, k] = np.maximum(square[:, k] - noise, 0)
            sizes = np.abs(a)
            size[:, k] = (like.unseen**2 + (sizes**2).sum(axis=1)) / (like.unseen + sizes.sum(axis=1))
        seed = np.maximum(of_seeds.var(axis=1, ddof=1) / seeds, interaction.sum(axis=1))
        excess, degrees = np.zeros(trials), 1.0
        if fold is not None:
            f = int(fold.max()) + 1
            z = (average - mean[:, y]) * (w / n)[y]
            sums = np.stack([z[:, fold == j].sum(axis=1) for j in range(f)])
            excess = np.maximum(f / (f - 1) * (sums**2).sum(axis=0) - y.size / (y.size - 1) * plain, 0)
            degrees = f - 1.0
        lent = (w * size / (n + 2)).argmax(axis=1)[:, None] == np.arange(n.size)
        changed = (np.abs(table) > SAME).any(axis=1).sum(axis=1)
        return cls(
            units=n,
            weights=w,
            mean=mean,
            square=square,
            size=size,
            lent=lent | (n == 1),
            seed=seed,
            seeds=seeds,
            folds=excess,
            fold_degrees=degrees,
            share=like.share,
            changed=changed,
            averages=average,
            y=y,
        )

    def ends(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return low, high, variance and degrees of freedom."""
        n, w = self.units, self.weights
        added = 2 * self.size**2 + 2 * n * self.mean**2 / (n + 2)
        part = w**2 * np.where(
            self.lent, (self.square + added) / (n + 2) ** 2, self.square / np.maximum(n * (n - 1), 1)
        )
        degrees = np.where(self.lent, n + 1, np.maximum(n - 1, 1))
        variance = self.seed + part.sum(axis=1) + self.folds
        below = (part**2 / degrees).sum(axis=1) + self.seed**2 / (self.seeds - 1)
        below = below + self.folds**2 / self.fold_degrees
        freedom = variance**2 / np.maximum(below, 1e-300)
        freedom = np.where(variance > 0, freedom, 1e6)
        pulled = (w * self.mean * 2 / (n + 2) * self.lent).sum(axis=1)
        centre = self.share * ((w * self.mean).sum(axis=1) - pulled)
        half = stdtrit(freedom, 0.975) * np.sqrt(variance)
        most = self.share * w.sum()
        return np.maximum(centre - half, -most), np.minimum(centre + half, most), variance, freedom

    def detectable(self) -> np.ndarray:
        """Return the gains that 4 of 5 such studies find, infinite where there are none."""
        _, _, variance, freedom = self.ends()
        reach = stdtrit(freedom, 0.975) + stdtrit(freedom, POWER)
        worth = self.weights / self.units
        rare = worth >= worth.max() / 2
        weight = self.weights[rare].sum()
        spread = (self.weights[rare] ** 2 / self.units[rare]).sum() if self.share == 1 else 0.0
        a, b = 1 + reach**2 * spread / weight**2, reach**2 * spread / weight
        g = (b + np.sqrt(b**2 + 4 * a * reach**2 * variance)) / (2 * a)
        return np.where(g <= (weight if self.share == 1 else self.share * self.weights.sum()), g, np.inf)

    def words(self, margin: float) -> np.ndarray:
        """Return the word of each trial."""
        low, high, _, _ = self.ends()
        sided = (low > 0) | (high < 0)
        words = np.where((low > -margin) & (high < margin), "equivalent", "inconclusive").astype(object)
        worth = (self.weights / self.units)[self.y]
        for t in np.flatnonzero(sided):
            changes = self.averages[t] * worth
            if self.share < 1 and self.units.size == 2:
                changes = changes[self.y == int(self.units.argmin())]
            p = sign_flip_p(changes) if (np.abs(changes) > SAME).sum() <= MOST else None
            if p is None or p <= 0.05 + 1e-12:
                words[t] = "helps" if low[t] > 0 else "hurts"
        return words

    def variants(self) -> dict[str, Batch]:
        """Return other rules that were tried."""
        if self.folds.any():
            more = self.folds * (1 + (self.fold_degrees + 1) / self.fold_degrees)
            return {
                "Nadeau and Bengio": replace(self, folds=more),
                "folds alike": replace(self, folds=0 * self.folds),
            }
        every = np.ones_like(self.lent)
        return {
            "nothing lent": replace(self, lent=self.lent & (self.units == 1)),
            "half a case": replace(self, size=0.5 * self.size),
            "full size": replace(self, size=np.ones_like(self.size)),
            "every class": replace(self, lent=every),
            "every class, full size": replace(self, lent=every, size=np.ones_like(self.size)),
        }


def check(
    batch: Batch, words: np.ndarray, table: np.ndarray, like: Changes, fold: np.ndarray | None, margin: float
):
    """Hold the first trials against the package, word and numbers.

    Raises:
        AssertionError: where they differ.
    """
    design = Design.of(batch.y)
    low, high, _, _ = batch.ends()
    for t in range(min(2, len(table))):
        found = Paired.of(replace(like, table=table[t]), design, folds=fold)
        shipped = (found.interval.low, found.interval.high, found.interval.detectable)
        ours = (low[t], high[t], batch.detectable()[t])
        assert np.allclose(shipped, ours, rtol=1e-6, atol=1e-9), (shipped, ours)
        assert found.word(margin)[0] == words[t]
        assert found.interval.changed == batch.changed[t]
