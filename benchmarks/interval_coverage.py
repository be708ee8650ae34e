"""How often the 95 % interval of a gain holds the true gain: five intervals, few seeds, few cases.

Predictions are drawn from a model whose true gain has a closed form, so that coverage is measured
against the truth. A case has a difficulty, an arm sees each case a little differently, a training
seed shifts the threshold and the quality of an arm, and every (seed, case) has noise of its own:

    L[a, s, n] = mu_a + d_n + e_an + q_as +- t_as + eps_asn   (+ for class 1, - for class 0)

A case is classified right where L > 0, so recall is Phi(mu / sd(L)) and the AUROC, with score L for
class 1 and -L for class 0, is Phi(2 mu / sd(L_1 + L_0)).

    python benchmarks/interval_coverage.py [TRIALS] [WORLD ...] [METRIC ...] [fresh]

``fresh`` draws other cases than those by which the form of the interval was chosen.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from augmentor.downstream.classification import Classification
from augmentor.downstream.scores import contributions
from augmentor.statistics.design import Design
from augmentor.statistics.intervals import intervals, replicate
from augmentor.statistics.variance import quantile

REPLICATES = 500


@dataclass(frozen=True)
class World:
    """Standard deviations of the parts of the model, and the means of the two arms."""

    case: float = 1.0
    case_arm: float = 0.3
    quality: float = 0.1
    threshold: float = 0.3
    noise: float = 0.5
    arm: float = 1.6
    baseline: float = 1.4

    def truth(self, metric: str) -> float:
        """Return the true difference of the metric."""
        per_case = self.case**2 + self.case_arm**2 + self.noise**2
        if metric == "macro_auroc":
            # q counts twice in L_1 + L_0, t cancels.
            sd = np.sqrt(2 * per_case + 4 * self.quality**2)
            return float(norm.cdf(2 * self.arm / sd) - norm.cdf(2 * self.baseline / sd))
        sd = np.sqrt(per_case + self.quality**2 + self.threshold**2)
        return float(norm.cdf(self.arm / sd) - norm.cdf(self.baseline / sd))

    def draw(self, rng: np.random.Generator, y: np.ndarray, seeds: int) -> np.ndarray:
        """Draw probabilities (2, S, N, 2): the arm, then the baseline."""
        n = y.size
        sign = np.where(y == 1, 1.0, -1.0)
        latent = np.array([self.arm, self.baseline])[:, None, None] + rng.normal(0, self.case, n)
        latent = latent + rng.normal(0, self.case_arm, (2, 1, n))
        latent = latent + rng.normal(0, self.quality, (2, seeds, 1))
        latent = latent + sign * rng.normal(0, self.threshold, (2, seeds, 1))
        latent = latent + rng.normal(0, self.noise, (2, seeds, n))
        one = 1 / (1 + np.exp(-sign * latent))
        return np.stack([1 - one, one], axis=-1)


WORLDS = {
    "seed-quiet": World(quality=0.02, threshold=0.1, noise=0.3),
    "middle": World(),
    "seed-loud": World(quality=0.3, threshold=0.6, noise=0.8),
    "same": World(arm=1.5, baseline=1.5),
}


METRICS = ("balanced_accuracy", "macro_auroc")


def candidates(tables: np.ndarray, y: np.ndarray, seed: int, metric: str) -> dict[str, tuple[float, float]]:
    """Return the candidate intervals of the difference; the last is the one of the package."""
    design = Design.of(y)
    table, one = tables[0] - tables[1], np.ones((1, 1, 2))
    options = {"replicates": REPLICATES, "seed": seed}
    shipped = intervals(table[None], one, design, unseen=Classification.metrics[metric].unseen, **options)[0]
    plain = intervals(table[None], one, design, **options)[0]
    drawn = replicate(table[None], one, design, replicates=REPLICATES, seed=seed)[:, 0]
    middle, error = plain.estimate, plain.standard_error
    half = quantile(plain.degrees, 0.975) * error
    shape = (drawn - drawn.mean()) / (drawn.std() or 1.0) / quantile(np.inf, 0.975)
    low, high = np.quantile(shape, [0.025, 0.975])
    return {
        "percentile": tuple(np.quantile(drawn, [0.025, 0.975])),
        "BCa": _bca(drawn, middle, table, design),
        "t": (middle - half, middle + half),
        "scaled percentile": (middle + half * low, middle + half * high),
        "without unseen": (plain.low, plain.high),
        "shipped": (shipped.low, shipped.high),
    }


def _bca(drawn, estimate, table, design) -> tuple[float, float]:
    if drawn.std() == 0:
        return estimate, estimate
    means = design.class_means(table)
    cases = ((table - means[:, design.y]) / design.class_counts[design.y]).mean(axis=0)
    seeds = (means.sum(axis=1) - means.sum(axis=1).mean()) / table.shape[0]
    influence = np.concatenate([cases, seeds])
    a = (influence**3).sum() / (6 * (influence**2).sum() ** 1.5)
    below = np.clip((drawn < estimate).mean() + 0.5 * (drawn == estimate).mean(), 1e-3, 1 - 1e-3)
    z0 = norm.ppf(below)
    z = z0 + norm.ppf([0.025, 0.975])
    return tuple(np.quantile(drawn, norm.cdf(z0 + z / (1 - a * z))))


def coverage(world: World, metric: str, seeds: int, cases: int, trials: int, seed: int = 0):
    """Return for each interval: share that hold the truth, share wholly above it, mean width."""
    y = (np.arange(cases) < cases // 5).astype(np.int64)  # one case in five is of the rare class
    truth = world.truth(metric)
    found: dict[str, list[tuple[bool, bool, float]]] = {}
    for trial in range(trials):
        rng = np.random.default_rng([seed, seeds, cases, trial])
        tables = contributions(metric, world.draw(rng, y, seeds), y)
        for name, (low, high) in candidates(tables, y, trial, metric).items():
            found.setdefault(name, []).append((low <= truth <= high, low > truth, high - low))
    return {name: np.mean(values, axis=0) for name, values in found.items()}


def main() -> None:
    """Print the table."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    asked = sys.argv[2:]
    metrics = [name for name in METRICS if name in asked] or list(METRICS)
    worlds = [name for name in WORLDS if name in asked] or list(WORLDS)
    seed = 1 if "fresh" in asked else 0
    names = ["percentile", "BCa", "t", "scaled percentile", "without unseen", "shipped"]
    print(
        f"coverage of the 95 % interval in % (share above the truth; mean width in points), {trials} trials"
    )
    print("| metric | world | seeds | cases | " + " | ".join(names) + " |")
    print("|" + "---|" * (4 + len(names)))
    for metric in metrics:
        for name in worlds:
            for seeds in (3, 5, 10):
                for cases in (60, 200, 600):
                    got = coverage(WORLDS[name], metric, seeds, cases, trials, seed)
                    cells = [
                        f"{100 * c:.1f} ({100 * a:.1f}; {100 * w:.1f})" for c, a, w in (got[n] for n in names)
                    ]
                    print(
                        f"| {metric} | {name} | {seeds} | {cases} | " + " | ".join(cells) + " |", flush=True
                    )


if __name__ == "__main__":
    main()
