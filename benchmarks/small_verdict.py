"""Does the verdict hold where a class has few test cases? The shipped rule, with controls, on known truths.

Predictions are drawn from a model whose true gain has a closed form. A case has a difficulty d, an arm sees
each case a little differently (e), a training seed shifts quality (q) and threshold (t) of an arm, every
(seed, case) has noise, and with folds all fits of a fold share what its generator (g) and its training part
(b) bring:

    L[a, s, n] = mu[a, k] + d_n + e_an + q_as +- t_as + eps_asn + g_af + b_af

A case is right where L > 0; recall is Phi(mu / sd(L)). In a share of cases ("hard") mu has the other sign.
Three arms: with synthesis, the best without, the control. Training parts of F folds overlap: b_af is the sum
of F - 1 of F block effects. A word is false where it is not true of both gains, over the best without and
over the control.

    python benchmarks/small_verdict.py [--trials T] [--part NAME ...]    simulate, 15 minutes of one core
    python benchmarks/small_verdict.py --table                           tables of small_verdict.parquet

One row of small_verdict.parquet is one cell: its settings and the counts over its trials.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm
from small_verdict_batch import Batch, check
from small_verdict_tables import tables

from augmentor.core.seeds import derive_seed
from augmentor.downstream.case_values import UNSEEN_PLACEMENT
from augmentor.statistics.small_samples import Changes

HERE = Path(__file__).resolve().parent
RAW = HERE / "small_verdict.parquet"
MARGIN = 0.01
AGAIN = 4000
TRIED = ("one split", "many classes", "large", "folds")
COUNTED = ("helps", "hurts", "equivalent", "inconclusive", "false_helps", "false_hurts", "false_equivalent")
COUNTED += ("plain_helps", "cover", "above", "below", "cover_here", "alike")
NOISE = {  # standard deviations of d, e, q, t, eps
    "quiet": (1.0, 0.3, 0.02, 0.05, 0.1),
    "noisy": (1.0, 0.3, 0.3, 0.6, 0.8),
    "alike": (1.0, 0.1, 0.05, 0.1, 0.3),
    "unlike": (0.3, 1.0, 0.1, 0.2, 0.3),
}


@dataclass(frozen=True)
class Cell:
    """One setting of the simulation. Recalls are those of each class, of the three arms in turn."""

    part: str
    world: str
    seeds: int
    counts: tuple[int, ...]
    new: tuple[float, ...]
    old: tuple[float, ...]
    control: tuple[float, ...]
    metric: str = "balanced_accuracy"
    folds: int = 0
    generator: float = 0.0
    data: float = 0.0
    hard: float = 0.0
    only_old: float = 0.0
    trials: int = 400

    @property
    def y(self) -> np.ndarray:
        """Return the label of each case."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @property
    def fold(self) -> np.ndarray | None:
        """Return the fold of each case, classes dealt out in turn."""
        return np.arange(sum(self.counts)) % self.folds if self.folds else None

    @property
    def mu(self) -> np.ndarray:
        """Return the means (3, K) that give the recalls."""
        recalls = np.clip([self.new, self.old, self.control], None, 1 - 1e-12)
        fits = 2 * (self.generator**2 + self.data**2)
        return norm.ppf(recalls) * np.sqrt(sum(v * v for v in NOISE[self.world]) + fits)


def draw(cell: Cell, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw L of ``size`` trials, (3, size, S, N), and what training parts shift in folds, (3, size, 2, F)."""
    case, arm, quality, threshold, noise = NOISE[cell.world]
    y, n, s, f = cell.y, len(cell.y), cell.seeds, max(cell.folds, 1)
    sign = np.where(y == 0, 1.0, -1.0)
    place = np.zeros(n, int) if cell.fold is None else cell.fold
    blocks = rng.normal(0, cell.data / np.sqrt(max(f - 1, 1)), (3, size, 2, f))
    shared = blocks.sum(axis=3, keepdims=True) - blocks if f > 1 else blocks
    fits = shared + rng.normal(0, cell.generator, (3, size, 2, f))
    flip = np.where(
        rng.random((3, size, 1, n)) < np.array([0, cell.only_old, 0])[:, None, None, None], -1.0, 1.0
    )
    flip *= np.where(rng.random((1, size, 1, n)) < cell.hard, -1.0, 1.0)
    values = cell.mu[:, y][:, None, None, :] * flip + rng.normal(0, case, (1, size, 1, n))
    values = values + rng.normal(0, arm, (3, size, 1, n)) + (fits[:, :, 0][..., place])[:, :, None]
    values = values + (fits[:, :, 1][..., place] * sign)[:, :, None]
    values = values + rng.normal(0, quality, (3, size, s, f))[..., place]
    spread = rng.normal(0, threshold, (3, size, s, f))[..., place]
    if len(cell.counts) > 2:  # a threshold of its own for each class
        each = rng.normal(0, threshold, (3, size, s, len(cell.counts)))
        spread = each[..., y]
        sign = np.ones(n)
    values = values + spread * sign
    return values + rng.normal(0, noise, (3, size, s, n)), shared


def truth(cell: Cell, shared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the true gains over the two others, for any training data (2,) and for these (2, size)."""
    case, arm, quality, threshold, noise = NOISE[cell.world]
    once = case**2 + arm**2 + noise**2
    if cell.metric == "macro_auroc":
        sd = np.sqrt(2 * once + 4 * quality**2)
        score = np.zeros(3)
        for a, only in enumerate((0.0, cell.only_old, 0.0)):
            wrong = cell.hard * (1 - only) + only * (1 - cell.hard)
            for one, p in ((1, 1 - wrong), (-1, wrong)):
                for two, r in ((1, 1 - wrong), (-1, wrong)):
                    score[a] += p * r * norm.cdf((one * cell.mu[a, 0] + two * cell.mu[a, 1]) / sd)
        gains = score[0] - score[1:]
        return gains, np.repeat(gains[:, None], shared.shape[1], axis=1)
    counts = np.array(cell.counts)
    weights = (
        np.full(len(counts), 1 / len(counts)) if cell.metric == "balanced_accuracy" else counts / counts.sum()
    )
    recall = np.clip([cell.new, cell.old, cell.control], None, 1 - 1e-12)
    wrong = cell.hard + np.array([[0.0], [cell.only_old], [0.0]]) * (1 - 2 * cell.hard)
    score = ((1 - wrong) * recall + wrong * (1 - recall)) @ weights
    sd = np.sqrt(once + quality**2 + threshold**2 + 2 * cell.generator**2)
    here = np.zeros(shared.shape[:2])
    for k, w in enumerate(weights):
        sign = 1.0 if k == 0 else -1.0
        shift = shared[:, :, 0] + sign * shared[:, :, 1]
        here += w * norm.cdf((cell.mu[:, k][:, None, None] + shift) / sd).mean(axis=2)
    conditional = (
        here[:1] - here[1:] if cell.data else np.repeat((score[0] - score[1:])[:, None], len(here[0]), 1)
    )
    return score[0] - score[1:], conditional


def changes(cell: Cell, values: np.ndarray) -> list[np.ndarray]:
    """Return the changes (size, S, N) of the first arm against the others; ``values`` are (3, size, S, N)."""
    if cell.metric == "macro_auroc":
        # A rare case is scored above a common one where the sum of their L is above 0: see placements().
        rare, common = values[..., cell.y == 0], values[..., cell.y == 1]
        tables = np.empty(values.shape)
        for arm in range(3):
            above = rare[arm][..., :, None] > -common[arm][..., None, :]
            tables[arm] = np.concatenate([above.mean(axis=-1), above.mean(axis=-2)], axis=-1)
    else:
        tables = (values > 0).astype(np.float64)
    return [tables[0] - other for other in tables[1:]]


def scale(cell: Cell) -> Changes:
    """Return weights, share and size of an unseen case, without a table."""
    nothing, counts = np.zeros((0, 0)), np.array(cell.counts)
    if cell.metric == "macro_auroc":
        return Changes(nothing, np.ones(2), 0.5, UNSEEN_PLACEMENT)
    even = cell.metric == "balanced_accuracy"
    return Changes(nothing, np.full(len(counts), 1 / len(counts)) if even else counts / counts.sum())


def simulate(cell: Cell) -> dict:
    """Run the trials of a cell and count."""
    rng = np.random.default_rng(derive_seed(0, "small verdict", json.dumps(asdict(cell), sort_keys=True)))
    size = max(1, min(cell.trials, 6_000_000 // (3 * cell.seeds * len(cell.y))))
    like, count, rows = scale(cell), dict.fromkeys(COUNTED, 0), []
    tried: dict[str, list[np.ndarray]] = {}
    for start in range(0, cell.trials, size):
        values, shared = draw(cell, rng, min(size, cell.trials - start))
        true, here = truth(cell, shared)
        tables = changes(cell, values)
        batches = [Batch.of(table, cell.y, like, cell.fold) for table in tables]
        words = [batch.words(MARGIN) for batch in batches]
        check(batches[0], words[0], tables[0], like, cell.fold, MARGIN)
        word = np.where(words[0] == words[1], words[0], "inconclusive")
        low, high, _, _ = batches[0].ends()
        for name in ("helps", "hurts", "equivalent", "inconclusive"):
            count[name] += int((word == name).sum())
        count["plain_helps"] += int((words[0] == "helps").sum())
        count["false_helps"] += int((word == "helps").sum()) if true.min() <= 1e-9 else 0
        count["false_hurts"] += int((word == "hurts").sum()) if true.max() >= -1e-9 else 0
        count["false_equivalent"] += int((word == "equivalent").sum()) if np.abs(true).max() > MARGIN else 0
        count["cover"] += int(((low <= true[0] + 1e-12) & (high >= true[0] - 1e-12)).sum())
        count["above"] += int((low > true[0] + 1e-12).sum())
        count["below"] += int((high < true[0] - 1e-12).sum())
        count["cover_here"] += int(((low <= here[0] + 1e-12) & (high >= here[0] - 1e-12)).sum())
        count["alike"] += int((batches[0].changed == 0).sum())
        rows.append(np.stack([high - low, np.minimum(batches[0].detectable(), 9.0)]))
        if cell.part in TRIED:
            ends = {name: np.stack(batch.ends()[:2]) for name, batch in batches[0].variants().items()}
            for name, (lower, upper) in ends.items():
                hold = (lower <= true[0] + 1e-12) & (upper >= true[0] - 1e-12)
                same = (lower > -MARGIN) & (upper < MARGIN)
                tried.setdefault(name, []).append(
                    np.stack([hold, upper - lower, lower > 0, same]).astype(float)
                )
    settings = {k: str(v) if isinstance(v, tuple) else v for k, v in asdict(cell).items()}
    width, detectable = np.concatenate(rows, axis=1)
    result = {**settings, "true": round(float(true[0]), 5), "true_control": round(float(true[1]), 5), **count}
    result |= {"width": round(float(width.mean()), 4), "detectable": round(float(np.median(detectable)), 4)}
    for name, parts in tried.items():
        means = np.concatenate(parts, axis=1).mean(axis=1)
        for what, value in zip(("cover", "width", "helps", "equivalent"), means, strict=True):
            result[f"{name}: {what}"] = round(float(value), 4)
    return result


def suspicious(row: dict) -> bool:
    """Return whether a cell looks worse than it should, by chance or not."""
    false = max(row["false_helps"], row["false_hurts"], row["false_equivalent"])
    return row["cover"] < 0.945 * row["trials"] or false > 0.03 * row["trials"]


RECALLS = (  # of the rare and the common class: with synthesis, best without
    ((0.97, 0.97), (0.97, 0.97)), ((0.95, 0.95), (0.95, 0.95)), ((1.0, 0.98), (1.0, 0.98)),
    ((0.9, 0.95), (0.9, 0.95)), ((0.92, 0.97), (0.95, 0.94)), ((0.99, 0.97), (0.97, 0.965)),
    ((1.0, 0.97), (0.97, 0.97)), ((0.97, 0.95), (0.92, 0.95)), ((1.0, 0.95), (0.9, 0.95)),
    ((0.95, 0.97), (0.99, 0.97)),
)  # fmt: skip


def capped(rare: int) -> tuple[int, int]:
    return rare, min(9 * rare, 180)


def cells() -> list[Cell]:
    """Return all cells."""
    found = []
    for rare in (1, 2, 3, 5, 9, 15, 20, 40):
        for world in NOISE:
            for seeds in (3, 10):
                for new, old in RECALLS:
                    found.append(Cell("one split", world, seeds, (rare, 9 * rare), new, old, old))
    for rare in (5, 9, 20, 40):  # synthesis is worth nothing, the best without is worse than the control
        for world in ("quiet", "noisy"):
            for recall in (0.9, 0.7):
                new = (0.97, 0.95)
                found.append(Cell("control", world, 10, (rare, 9 * rare), new, (recall, 0.95), new))
    many = ((9,) * 10, (5,) * 5 + (45,) * 5, (3,) * 5, (1,) * 5, (2, 20, 20), (9, 9, 9), (100, 100))
    for counts in many:
        for world in NOISE:
            for new, old in ((0.92, 0.92), (0.94, 0.92), (0.98, 0.92), (0.99, 0.97), (1.0, 1.0), (0.8, 0.5)):
                k = len(counts)
                found.append(Cell("many classes", world, 10, counts, (new,) * k, (old,) * k, (old,) * k))
    for counts in ((400, 400), (150, 1350)):
        for world in ("quiet", "alike"):
            for new, old in (
                (0.99, 0.99),
                (0.999, 0.987),
                (0.998, 0.983),
                (0.985, 0.97),
                (0.97, 0.955),
                (0.999, 0.999),
            ):
                found.append(Cell("large", world, 10, counts, (new,) * 2, (old,) * 2, (old,) * 2))
    for rare in (1, 2, 5, 9, 20, 40):
        for world in NOISE:
            for hard in (0.0, 0.05):
                for new, old in ((0.97, 0.97), (0.97, 0.93), (0.99, 0.97), (0.95, 0.85), (0.93, 0.95)):
                    found.append(
                        Cell("AUROC", world, 10, capped(rare), (new,) * 2, (old,) * 2, (old,) * 2,
                             metric="macro_auroc", hard=hard)
                    )  # fmt: skip
    for rare in (5, 9, 20, 40):  # a few cases that only the arm without gets wholly wrong
        found.append(
            Cell("AUROC, outliers", "quiet", 10, capped(rare), (0.97,) * 2, (0.97,) * 2, (0.97,) * 2,
                 metric="macro_auroc", only_old=0.03)
        )  # fmt: skip
    for rare in (2, 9, 40):
        for world in ("quiet", "noisy"):
            for new, old in RECALLS[:2] + RECALLS[5:9]:
                found.append(Cell("accuracy", world, 10, (rare, 9 * rare), new, old, old, metric="accuracy"))
    for counts in ((10, 90), (30, 270), (15,) * 5):
        for world in ("quiet", "noisy"):
            for generator, data in ((0.0, 0.0), (0.1, 0.0), (0.2, 0.0), (0.1, 0.1), (0.05, 0.2)):
                for new, old in ((0.95, 0.95), (0.97, 0.9), (0.8, 0.7)):
                    rest = (0.93,) * (len(counts) - 1)
                    found.append(
                        Cell("folds", world, 10, counts, (new, *rest), (old, *rest), (old, *rest), folds=5,
                             generator=generator, data=data)
                    )  # fmt: skip
    return found + power_cells()


def power_cells() -> list[Cell]:
    """Return cells of growing gains in the rare class: one split and folds."""
    found = []
    steps = (0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    for rare, folds, generator in (
        (5, 0, 0.0), (9, 0, 0.0), (20, 0, 0.0), (40, 0, 0.0), (100, 0, 0.0), (30, 5, 0.0), (30, 5, 0.1),
    ):  # fmt: skip
        for world in ("quiet", "noisy"):
            for step in steps:
                old = (0.97 - step, 0.95)
                found.append(
                    Cell("power", world, 10, (rare, 9 * rare), (0.97, 0.95), old, old, folds=folds,
                         generator=generator)
                )  # fmt: skip
    return found


def main() -> None:
    """Simulate, or print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, help="a cell, instead of its own number")
    parser.add_argument("--part", nargs="*", help="only these parts")
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    if asked.table:
        print(tables(pd.read_parquet(RAW)))
        return
    chosen = [c for c in cells() if not asked.part or c.part in asked.part]
    begun = time.process_time()
    rows = []
    for cell in chosen:
        one = replace(cell, trials=asked.trials) if asked.trials else cell
        row = simulate(one)
        if not asked.trials and suspicious(row):
            # The least of a thousand shares is low by chance: measure such a cell again, with fresh draws.
            again = simulate(replace(cell, trials=AGAIN))
            row.update({name: again[name] for name in (*COUNTED, "trials", "width", "detectable")})
        rows.append(row)
    table = pd.DataFrame(rows)
    if asked.part and RAW.is_file():
        known = pd.read_parquet(RAW)
        table = pd.concat([known[~known["part"].isin(asked.part)], table], ignore_index=True)
    table.to_parquet(RAW, index=False, compression="zstd")
    print(f"{len(chosen)} cells, {time.process_time() - begun:.0f} s of one core")


if __name__ == "__main__":
    main()
