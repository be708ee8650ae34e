"""How often the pipeline says "helps" where synthetic data cannot help.

Three kinds of synthetic rows that carry nothing new: real training rows again (duplicates), Gaussian
noise labelled at random, and real training rows with their labels shuffled. None is filtered, which is
the hardest case. In every trial a fresh scarce training part, validation part and test part are drawn,
every arm of the default recipe is trained on the batches that the package draws for it, the share is
chosen on the validation part, and :func:`augmentor.experiment.decide.decide` chooses arm and baseline
and gives the verdict. Only the classifier is another: a softmax regression by Adam, so that 200 trials
a cell take minutes. Its "classical" arm adds a little noise to the features.

    python benchmarks/null_calibration.py [TRIALS] [--seeds S]

Finished trials are kept in runs/benchmarks/null_calibration.jsonl; the same command goes on after them.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.stats import binomtest
from sklearn.datasets import load_digits

from augmentor.core.parallel import run_parallel
from augmentor.core.seeds import derive_seed, generator
from augmentor.experiment.arms import ARMS
from augmentor.experiment.decide import decide, validation_means
from augmentor.experiment.draw import pick, rows_of

ROOT = Path(__file__).resolve().parents[1]
PNEUMONIA = ROOT.parent / "shared" / "data" / "pneumoniamnist" / "pneumoniamnist.npz"
FINISHED = ROOT / "runs" / "benchmarks" / "null_calibration.jsonl"
KINDS = ("duplicates", "noise", "shuffled labels")
PLAIN = ("real", "balanced", "classical", "synthetic", "synthetic_only")
SHARES = (0.25, 0.5)
UPDATES, BATCH, RATE, JITTER = 80, 64, 0.08, 0.1
CHUNK = 100


@functools.cache
def dataset(name: str) -> tuple[np.ndarray, np.ndarray, dict[int, int], int, int]:
    """Return features (N, F), labels, training rows by class, and sizes of validation and test part."""
    if name == "digits":
        x, y = load_digits(return_X_y=True)
        train = {k: 8 if k % 2 else 60 for k in range(10)}
        return x / 16.0, y.astype(np.int64), train, 200, 400
    with np.load(PNEUMONIA, allow_pickle=False) as arrays:
        x = np.concatenate([arrays[f"{part}_images"] for part in ("train", "val", "test")])
        y = np.concatenate([arrays[f"{part}_labels"] for part in ("train", "val", "test")]).ravel()
    # Means of 4 x 4 blocks: 49 features of a chest.
    blocks = x.reshape(len(x), 7, 4, 7, 4).mean(axis=(2, 4)).reshape(len(x), 49)
    return blocks / 255.0, y.astype(np.int64), {0: 60, 1: 540}, 150, 400


def parts(name: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of a fresh training, validation and test part."""
    _, y, wanted, held_out, tested = dataset(name)
    order = rng.permutation(len(y))
    train = np.concatenate([order[y[order] == k][:n] for k, n in wanted.items()])
    rest = order[~np.isin(order, train)]
    return train, rest[:held_out], rest[held_out : held_out + tested]


def useless(
    kind: str, x: np.ndarray, y: np.ndarray, n_classes: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return synthetic rows that level the classes and hold nothing new."""
    counts = np.bincount(y, minlength=n_classes)
    labels = np.repeat(np.arange(n_classes), np.maximum(counts.max() - counts, 20))
    if kind == "noise":
        made = rng.normal(x.mean(axis=0), x.std(axis=0), (len(labels), x.shape[1]))
        return made, rng.permutation(labels)
    rows = np.array([rng.choice(np.flatnonzero(y == k)) for k in labels])
    return x[rows], labels if kind == "duplicates" else rng.permutation(labels)


def fit(arm_name: str, real, synthetic, n_classes: int, share: float, seed: int) -> np.ndarray:
    """Return the weights (F + 1, K) of a softmax regression trained on the arm's batches."""
    arm = ARMS[arm_name]
    everything = np.ones(len(synthetic[1]), dtype=np.bool_)
    rows = rows_of(arm, real[1], synthetic[1], everything, everything, n_classes, seed=seed)
    rng = generator(seed, "fit")
    # All batches in one draw, then shuffled: a draw a step would take longer than the step.
    got = pick(
        arm,
        rows,
        step=0,
        updates=1,
        batch=BATCH * UPDATES,
        versions=8 if arm.augmented else 1,
        share=share,
        seed=seed,
    )
    x = np.concatenate([real[0], synthetic[0]])[got.row + len(real[0]) * got.synthetic]
    x = x + JITTER * rng.normal(size=x.shape) * (got.version > 0)[:, None]
    x = np.hstack([x, np.ones((len(x), 1))])
    order = rng.permutation(len(x)).reshape(UPDATES, BATCH)
    weights = rng.normal(0, 0.01, (x.shape[1], n_classes))
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    target = np.eye(n_classes)[got.y]
    for step, batch in enumerate(order):
        slope = x[batch].T @ (softmax(x[batch] @ weights) - target[batch]) / BATCH
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope**2
        corrected = first / (1 - 0.9 ** (step + 1))
        spread = np.sqrt(second / (1 - 0.99 ** (step + 1))) + 1e-8
        weights -= RATE * (1 - step / UPDATES) * corrected / spread
    return weights


def softmax(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def trial(job: tuple[str, str, int, int]) -> dict[str, object]:
    """Run one trial and return its verdict."""
    name, kind, number, seeds = job
    features, labels, wanted, _, _ = dataset(name)
    n_classes = len(wanted)
    base = derive_seed(0, "null", name, kind, number)
    rng = generator(base, "parts")
    train, held_out, tested = parts(name, rng)
    centre, spread = features[train].mean(axis=0), features[train].std(axis=0) + 1e-3
    x = (features - centre) / spread
    real = (x[train], labels[train])
    synthetic = useless(kind, *real, n_classes, rng)

    def predict(arm: str, share: float) -> dict[str, np.ndarray]:
        fits = [
            fit(arm, real, synthetic, n_classes, share, derive_seed(base, "classifier", s))
            for s in range(seeds)
        ]
        return {
            part: np.stack([softmax(np.hstack([x[rows], np.ones((len(rows), 1))]) @ w) for w in fits])
            for part, rows in (("validation", held_out), ("test", tested))
        }

    found = {arm: predict(arm, 0.0) for arm in PLAIN}
    tried = {share: predict("filtered", share) for share in SHARES}
    means = validation_means(
        {str(share): p["validation"] for share, p in tried.items()}, labels[held_out], "balanced_accuracy"
    )
    found["filtered"] = tried[float(max(means, key=means.__getitem__))]
    order = sorted(found, key=lambda arm: arm != "filtered")
    decision = decide(
        {arm: found[arm]["test"] for arm in order},
        {arm: found[arm]["validation"] for arm in order},
        labels[tested],
        labels[held_out],
        [str(k) for k in range(n_classes)],
        replicates=500,
        seed=base,
    )
    return {
        "dataset": name,
        "kind": kind,
        "trial": number,
        "seeds": seeds,
        "word": decision.verdict.word,
        "arm": decision.arm,
        "baseline": decision.baseline,
        "gain": decision.verdict.interval.estimate,
    }


def read() -> list[dict[str, object]]:
    if not FINISHED.is_file():
        return []
    return [json.loads(line) for line in FINISHED.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    """Run the missing trials and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("trials", nargs="?", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    names = ["digits", *(["pneumoniamnist"] if PNEUMONIA.is_file() else [])]
    jobs = [(n, k, t, asked.seeds) for n in names for k in KINDS for t in range(asked.trials)]
    known = {(r["dataset"], r["kind"], r["trial"], r["seeds"]) for r in read()}
    missing = [job for job in jobs if job not in known]
    FINISHED.parent.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(missing), CHUNK):
        rows = run_parallel(trial, missing[start : start + CHUNK])
        with FINISHED.open("a", encoding="utf-8") as handle:
            handle.writelines(json.dumps(row) + "\n" for row in rows)
    rows = [r for r in read() if (r["dataset"], r["kind"], r["trial"], r["seeds"]) in set(jobs)]
    print(f"{asked.trials} trials a row, {asked.seeds} seeds, softmax regression, no filter")
    print("| data | synthetic rows | helps | 95 % interval | hurts | equivalent | inconclusive | mean gain |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        for kind in KINDS:
            here = [r for r in rows if (r["dataset"], r["kind"]) == (name, kind)]
            words = Counter(str(r["word"]) for r in here)
            exact = binomtest(words["helps"], len(here)).proportion_ci(method="exact")
            gain = float(np.mean([float(str(r["gain"])) for r in here]))
            print(
                f"| {name} | {kind} | {words['helps']} ({words['helps'] / len(here):.1%}) "
                f"| {exact.low:.1%} to {exact.high:.1%} | {words['hurts']} | {words['equivalent']} "
                f"| {words['inconclusive']} | {100 * gain:+.2f} points |"
            )
    if len(names) == 1:
        print("\npneumoniamnist was left out: its file is not on this machine")


if __name__ == "__main__":
    main()
