"""How far the chosen baseline stays below the truly best one, by what it is chosen on (simulated).

Eight baselines of unequal worth; cases share their difficulty, and ten seeds are right about a case with a
probability of its own for each baseline. The table is in baselines.md.

    python benchmarks/baseline_choice.py
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

ARMS, SEEDS, TRIALS, RATIO = 8, 10, 400, 5
SHARED, OWN, SPREAD = 1.2, 0.6, 0.25
"""Spread, in logits, of a case's difficulty for all, of its own for each baseline, and of the baselines."""

Hits = tuple[np.ndarray, np.ndarray]


def drawn(rare: int, levels: Hits, rng: np.random.Generator) -> Hits:
    """Return how often each case of both classes is right (ARMS, cases), a mean over seeds."""
    found = []
    for n, level in zip((rare, RATIO * rare), levels, strict=True):
        logit = level[:, None] + rng.normal(0, SHARED, n) + rng.normal(0, OWN, (ARMS, n))
        found.append(rng.binomial(SEEDS, expit(logit)) / SEEDS)
    return found[0], found[1]


def score(hits: Hits) -> np.ndarray:
    """Return the balanced accuracy of each baseline."""
    return (hits[0].mean(axis=1) + hits[1].mean(axis=1)) / 2


def halves(hits: Hits) -> tuple[Hits, Hits]:
    """Return every other case, and the others."""
    first, second = ((hits[0][:, k::2], hits[1][:, k::2]) for k in (0, 1))
    return first, second


def both(one: Hits, other: Hits) -> Hits:
    """Return the cases of two parts together."""
    rare, common = (np.concatenate(pair, axis=1) for pair in zip(one, other, strict=True))
    return rare, common


def trial(validation: int, test: int, rng: np.random.Generator) -> tuple[float, ...]:
    """Return points below the best of three choices, and by how much hindsight overstates it."""
    levels = 1.0 + rng.normal(0, SPREAD, ARMS), 2.5 + rng.normal(0, SPREAD / 2, ARMS)
    spread = rng.normal(0, np.hypot(SHARED, OWN), 4000)
    true = (expit(levels[0][:, None] + spread).mean(1) + expit(levels[1][:, None] + spread).mean(1)) / 2
    held, tested = drawn(validation, levels, rng), drawn(test, levels, rng)
    on_halves = np.mean([true[score(half).argmax()] for half in halves(held)])
    crossed = np.mean([true[score(both(held, half)).argmax()] for half in halves(tested)])
    best = true.max()
    return (
        best - true[score(held).argmax()],
        best - on_halves,
        best - crossed,
        score(tested).max() - best,
    )


def main() -> None:
    """Print the rows of the table."""
    rng = np.random.default_rng(0)
    for validation, test in ((4, 9), (8, 18), (15, 40), (135, 234)):
        found = 100 * np.mean([trial(validation, test, rng) for _ in range(TRIALS)], axis=0)
        print(f"| {validation} / {test} | " + " | ".join(f"{one:.1f}" for one in found) + " |")


if __name__ == "__main__":
    main()
