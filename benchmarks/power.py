"""Is "helps" said where synthetic rows do help, and does the interval hold the true gain?

The synthetic rows are real rows of a reserve that no part holds: what a perfect generator would make.
A few, some and many of them are given to the rare classes. In every trial a fresh training, validation
and reserve part are drawn, every arm of the default recipe is trained, and arm, baseline and verdict
come from :func:`augmentor.experiment.decide.decide`, as in null_calibration.py; the classifier is the
softmax regression of quick_arms.py. The test part is drawn from the reserve with replacement, so
that the reserve is the population that the test cases stand for, and the true gain is measured on
all of it: the chosen arm less the chosen baseline, trained at 30 other seeds, scored by formulas
that are not the package's.

- *digits*: odd classes 8 training images, even ones 60; about 900 rows of reserve.
- *pneumoniamnist*: 60 normal, 540 pneumonia, means of 4 x 4 blocks; at least 4,600 rows of reserve.
- *gaussian digits*: rows drawn from Gaussians fitted to the classes of digits; 4,000 of reserve.

    python benchmarks/power.py [TRIALS] [--seeds S]

Finished trials are kept in runs/benchmarks/power.jsonl; the same command goes on after them.
"""

from __future__ import annotations

import argparse
import functools
import json

import numpy as np
from null_calibration import PNEUMONIA, ROOT, dataset
from provenance import said
from quick_arms import FIRST, SHARES, Study, evidence, predict, probabilities
from scipy.stats import binomtest, rankdata

from augmentor.core.parallel import run_parallel
from augmentor.core.seeds import derive_seed, generator
from augmentor.experiment.arms import Arm
from augmentor.experiment.decide import decide
from augmentor.experiment.spec import EvaluationSpec, StatisticsSpec

FINISHED = ROOT / "runs" / "benchmarks" / "power.jsonl"
GIVEN = {"digits": (4, 16, 52), "pneumoniamnist": (20, 100, 480), "gaussian digits": (16,)}
METRICS = ("balanced_accuracy", "macro_auroc")
TESTED, RESERVE, TRUTH_SEEDS, CHUNK = 400, 4000, 30, 100


@functools.cache
def gaussians() -> tuple[np.ndarray, np.ndarray]:
    """Return the means (K, F) and root covariances (K, F, F) of the classes of digits."""
    x, y, *_ = dataset("digits")
    roots = []
    for k in range(10):
        values, vectors = np.linalg.eigh(np.cov(x[y == k].T) + 1e-4 * np.eye(x.shape[1]))
        roots.append((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)
    return np.stack([x[y == k].mean(axis=0) for k in range(10)]), np.stack(roots)


def population(name: str, given: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return all rows (N, F) and labels of a trial: those of the data, or enough new ones."""
    if name != "gaussian digits":
        return dataset(name)[:2]
    means, roots = gaussians()
    y = rng.permutation(np.arange(RESERVE + 340 + 200 + 10 * given) % 10)
    x = rng.normal(size=(len(y), means.shape[1]))
    for k, root in enumerate(roots):
        x[y == k] = x[y == k] @ root + means[k]
    return x, y


def deal(name: str, y: np.ndarray, given: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the rows of the training, validation, synthetic and reserve part, none in two."""
    _, _, wanted, held_out, _ = dataset("digits" if name == "gaussian digits" else name)
    order = rng.permutation(len(y))
    of_class = [order[y[order] == k] for k in wanted]
    train = np.concatenate([rows[:n] for rows, n in zip(of_class, wanted.values(), strict=True)])
    fewest = min(wanted.values())
    rare = [k for k, n in wanted.items() if n == fewest]
    made = np.concatenate([of_class[k][fewest : fewest + given] for k in rare])
    rest = rng.permutation(order[~np.isin(order, np.concatenate([train, made]))])
    return [train, rest[:held_out], made, rest[held_out:]]


def truth(study: Study, arm: tuple[Arm, float], reserve: tuple[np.ndarray, np.ndarray]) -> dict:
    """Return the scores (S,) of an arm on the reserve by metric, by formulas of our own."""
    x, y = reserve
    p = probabilities(study.weights(*arm, [1000 + s for s in range(TRUTH_SEEDS)]), x)
    right = p.argmax(axis=-1) == y
    areas = []
    for k in range(study.n_classes):
        n = int((y == k).sum())
        ranks = rankdata(p[:, :, k], axis=1)[:, y == k].sum(axis=1)
        areas.append((ranks - n * (n + 1) / 2) / (n * (len(y) - n)))
    recalls = [right[:, y == k].mean(axis=1) for k in range(study.n_classes)]
    return {"balanced_accuracy": np.mean(recalls, axis=0), "macro_auroc": np.mean(areas, axis=0)}


def trial(job: tuple[str, int, int, int]) -> list[dict[str, object]]:
    """Run one trial and return its verdicts, one a metric, each with the true gain."""
    name, given, number, seeds = job
    base = derive_seed(0, "power", name, given, number)
    rng = generator(base, "parts")
    features, labels = population(name, given, rng)
    train, held_out, made, reserve = deal(name, labels, given, rng)
    tested = rng.choice(reserve, TESTED)
    centre, spread = features[train].mean(axis=0), features[train].std(axis=0) + 1e-3
    x = (features - centre) / spread
    parts = [(x[rows], labels[rows]) for rows in (train, made, held_out, tested)]
    study = Study(*parts, n_classes=int(labels.max()) + 1, base=base)
    scores = functools.cache(lambda arm, share: truth(study, (arm, share), (x[reserve], labels[reserve])))
    rows: list[dict[str, object]] = []
    for metric in METRICS:
        found = predict(study, range(seeds), metric, arms=FIRST, shares=SHARES[:2])
        decision = decide(
            evidence(found.validation, labels[held_out], metric),
            evidence(found.test, labels[tested], metric),
            found.arms,
            EvaluationSpec(primary_metric=metric, statistics=StatisticsSpec(bootstrap=500)),
            seed=base,
        )
        gains = (
            scores(found.arms[decision.arm], found.share[decision.arm])[metric]
            - scores(found.arms[decision.baseline], found.share[decision.baseline])[metric]
        )
        interval = decision.verdict.interval
        rows.append(
            {
                "world": name,
                "given": given,
                "trial": number,
                "seeds": seeds,
                "metric": metric,
                "word": decision.verdict.word,
                "arm": decision.arm,
                "baseline": decision.baseline,
                "estimate": interval.estimate,
                "low": interval.low,
                "high": interval.high,
                "error": interval.standard_error,
                "detectable": interval.minimum_detectable,
                "truth": float(gains.mean()),
                "truth_error": float(gains.std(ddof=1) / np.sqrt(len(gains))),
            }
        )
    return rows


def read() -> list[dict]:
    if not FINISHED.is_file():
        return []
    return [json.loads(line) for line in FINISHED.read_text(encoding="utf-8").splitlines()]


def share(count: int, n: int) -> str:
    if not n:
        return "none"
    exact = binomtest(count, n).proportion_ci(method="exact")
    return f"{count / n:.1%} of {n} ({exact.low:.1%} to {exact.high:.1%})"


def line(title: str, here: list[dict]) -> str:
    """Return the row of the table for these trials."""
    real = [r for r in here if r["truth"] > r["detectable"]]
    inside = sum(r["low"] <= r["truth"] <= r["high"] for r in here)
    useless = [r for r in here if r["truth"] <= 0]
    cells = [
        title,
        f"{100 * np.mean([r['truth'] for r in here]):+.2f}",
        f"{100 * np.median([r['detectable'] for r in here]):.2f}",
        share(sum(r["word"] == "helps" for r in real), len(real)),
        share(inside, len(here)),
        f"{sum(r['low'] > r['truth'] for r in here)} / {sum(r['high'] < r['truth'] for r in here)}",
        f"{sum(r['word'] == 'helps' for r in useless)} of {len(useless)}",
    ]
    return "| " + " | ".join(cells) + " |"


def table(rows: list[dict], names: list[str]) -> list[str]:
    """Return the lines of the table."""
    lines = [
        "| data, rows given to each rare class, metric | mean true gain, points | detectable, points | "
        '"helps" where the true gain is above it | the interval holds the true gain | '
        'interval above / below it | "helps" where the true gain is 0 or less |',
        "|---|---|---|---|---|---|---|",
    ]
    for metric in METRICS:
        mine = [r for r in rows if r["metric"] == metric]
        for name in names:
            for given in GIVEN[name]:
                here = [r for r in mine if (r["world"], r["given"]) == (name, given)]
                lines.append(line(f"{name}, {given}, {metric.replace('_', ' ')}", here))
        lines.append(line(f"**all, {metric.replace('_', ' ')}**", mine))
    return lines


def main() -> None:
    """Run the missing trials and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("trials", nargs="?", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    names = [name for name in GIVEN if name != "pneumoniamnist" or PNEUMONIA.is_file()]
    jobs = [(n, g, t, asked.seeds) for n in names for g in GIVEN[n] for t in range(asked.trials)]
    known = {(r["world"], r["given"], r["trial"], r["seeds"]) for r in read()}
    missing = [job for job in jobs if job not in known]
    FINISHED.parent.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(missing), CHUNK):
        found = run_parallel(trial, missing[start : start + CHUNK])
        with FINISHED.open("a", encoding="utf-8") as handle:
            handle.writelines(json.dumps(row) + "\n" for rows in found for row in rows)
    wanted = set(jobs)
    rows = [r for r in read() if (r["world"], r["given"], r["trial"], r["seeds"]) in wanted]
    wide = np.mean([r["truth_error"] / r["error"] for r in rows if r["error"] > 0])
    print(f"{said()}: {asked.trials} trials a row, {asked.seeds} seeds, {TESTED} test cases")
    print(f"error of the true gain (of {TRUTH_SEEDS} seeds) over that of the interval, mean: {wide:.0%}\n")
    print("\n".join(table(rows, names)))


if __name__ == "__main__":
    main()
