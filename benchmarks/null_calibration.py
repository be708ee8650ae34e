"""How often the pipeline says "helps" where synthetic data cannot help.

Three kinds of synthetic rows that carry nothing new: real training rows again (duplicates), Gaussian
noise labelled at random, and real training rows with their labels shuffled. None is filtered, which is
the hardest case. In every trial a fresh scarce training part, validation part and test part are drawn,
every arm of the default recipe is trained on the batches that the package draws for it, the share is
chosen on the validation part, and :func:`augmentor.experiment.decide.decide` chooses arm and baseline
and gives the verdict. Only the classifier is another: a softmax regression by Adam, so that 200 trials
a cell take minutes. Its "classical" arm adds a little noise to the features, and its critic has learnt
nothing: the arms that start from it begin with random weights, as their control does.

    python benchmarks/null_calibration.py [TRIALS] [--seeds S]

Finished trials are kept in runs/benchmarks/null_calibration_critic.jsonl; the same command goes on after
them.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections import Counter
from pathlib import Path

import numpy as np
from provenance import said
from quick_arms import Study, evidence, predict
from scipy.stats import binomtest
from sklearn.datasets import load_digits

from augmentor.core.kinds import IMAGE
from augmentor.core.parallel import run_parallel
from augmentor.core.seeds import derive_seed, generator
from augmentor.experiment.decide import Called, decide
from augmentor.experiment.spec import EvaluationSpec

ROOT = Path(__file__).resolve().parents[1]
PNEUMONIA = ROOT.parent / "shared" / "data" / "pneumoniamnist" / "pneumoniamnist.npz"
FINISHED = ROOT / "runs" / "benchmarks" / "null_calibration_critic.jsonl"
KINDS = ("duplicates", "noise", "shuffled labels")
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
    # Shuffled again: what is left of the order begins with rows of the classes that were soon complete.
    rest = rng.permutation(order[~np.isin(order, train)])
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
    study = Study(
        real,
        useless(kind, *real, n_classes, rng),
        (x[held_out], labels[held_out]),
        (x[tested], labels[tested]),
        n_classes,
        base,
    )
    found = predict(study, range(seeds))
    metric = "balanced_accuracy"
    decision = decide(
        evidence(found.validation, labels[held_out], metric),
        evidence(found.test, labels[tested], metric),
        found.arms,
        EvaluationSpec(),
        Called({name: name for name in found.arms}, IMAGE),
    )
    return {
        "dataset": name,
        "kind": kind,
        "trial": number,
        "seeds": seeds,
        "word": decision.verdict.word,
        "arm": decision.arm,
        "baseline": decision.baseline,
        "gain": decision.verdict.gain,
        "recommended": decision.recommendation.use,
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
    print(f"{said()}: {asked.trials} trials a row, {asked.seeds} seeds, softmax regression, no filter\n")
    print(
        "| data | synthetic rows | helps | 95 % interval | hurts | equivalent | inconclusive | mean gain "
        "| recommended | helps where recommended | mean gain of following |"
    )
    print("|" + "---|" * 11)
    for name in names:
        for kind in KINDS:
            here = [r for r in rows if (r["dataset"], r["kind"]) == (name, kind)]
            words = Counter(str(r["word"]) for r in here)
            exact = binomtest(words["helps"], len(here)).proportion_ci(method="exact")
            used = [r for r in here if r["recommended"]]
            gain = float(np.mean([float(str(r["gain"])) for r in here]))
            print(
                f"| {name} | {kind} | {words['helps']} ({words['helps'] / len(here):.1%}) "
                f"| {exact.low:.1%} to {exact.high:.1%} | {words['hurts']} | {words['equivalent']} "
                f"| {words['inconclusive']} | {100 * gain:+.2f} points | {len(used) / len(here):.1%} "
                f"| {sum(r['word'] == 'helps' for r in used) / len(here):.1%} "
                f"| {100 * sum(float(str(r['gain'])) for r in used) / len(here):+.2f} points |"
            )
    if len(names) == 1:
        print("\npneumoniamnist was left out: its file is not on this machine")


if __name__ == "__main__":
    main()
