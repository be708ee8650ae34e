"""Our metrics beside independent implementations: seconds, peak memory, and whether the numbers agree.

N real and N fake rows of F features (10,000 and 512), float64. Every implementation runs in a process of
its own with one BLAS thread; the time is processor time, which other work on the machine disturbs
little, the memory what the process's peak gained over the data (Linux only). The references are those
of the tests: prdc, torchmetrics with our features, scipy, scikit-learn; alpha-precision has no
installable one, so the definitions on scipy's full distance matrices stand in for it.

    python benchmarks/metrics_speed.py [--rows N] [--features F] [--rounds R] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import os
import platform
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from provenance import said

from augmentor.core.files import write_text
from augmentor.core.parallel import THREAD_VARIABLES

Values = list[float]


@dataclass(frozen=True)
class Data:
    """Features of real and fake rows, and scores of one classifier."""

    real: np.ndarray
    fake: np.ndarray
    p: np.ndarray
    y: np.ndarray

    @classmethod
    def of(cls, rows: int, width: int) -> Data:
        """Draw Gaussian features, and probabilities of ten classes."""
        rng = np.random.default_rng(0)
        y = rng.integers(0, 10, rows)
        logits = rng.normal(size=(rows, 10)) + 2 * np.eye(10)[y]
        p = np.exp(logits)
        return cls(
            rng.normal(size=(rows, width)),
            rng.normal(0.1, 0.9, size=(rows, width)),
            p / p.sum(axis=1, keepdims=True),
            y,
        )


def neighbourhood_ours(d: Data) -> Values:
    from augmentor.metrics.fidelity import neighbourhood

    return list(astuple(neighbourhood(d.real, d.fake)))


def neighbourhood_prdc(d: Data) -> Values:
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):
        found = compute_prdc(d.real, d.fake, nearest_k=5)
    return [found[name] for name in ("precision", "recall", "density", "coverage")]


def alpha_ours(d: Data) -> Values:
    from augmentor.metrics.alpha_precision import alpha_precision

    return list(astuple(alpha_precision(d.real, d.fake)))


def alpha_scipy(d: Data) -> Values:
    from scipy.spatial.distance import cdist

    levels = np.linspace(0, 1, 101)
    between, own = cdist(d.real, d.fake), cdist(d.real, d.real)
    own.sort(axis=1)
    to_real, core = (np.linalg.norm(d.fake - part.mean(axis=0), axis=1) for part in (d.real, d.fake))
    depth = np.linalg.norm(d.real - d.real.mean(axis=0), axis=1)
    inside = between <= own[:, 5, None]
    precision = [(to_real <= np.quantile(depth, level)).mean() for level in levels]
    recall = [inside[:, core <= np.quantile(core, level)].any(axis=1).mean() for level in levels]
    gaps = [1 - 2 * np.trapezoid(np.abs(np.array(v) - levels), levels) for v in (precision, recall)]
    return [*gaps, (between.min(axis=0) > own[between.argmin(axis=0), 1]).mean()]


def kernel_ours(d: Data) -> Values:
    from augmentor.metrics.kid import mmd2

    return [mmd2(d.real, d.fake)]


def kernel_torchmetrics(d: Data) -> Values:
    import torch
    from torchmetrics.image.kid import poly_mmd

    return [float(poly_mmd(torch.from_numpy(d.real), torch.from_numpy(d.fake)))]


def frechet_ours(d: Data) -> Values:
    from augmentor.metrics.frechet import frechet_distance

    return [frechet_distance(d.real, d.fake).value]


def frechet_torchmetrics(d: Data) -> Values:
    import torch
    from torchmetrics.image.fid import _compute_fid

    rows = [torch.from_numpy(part) for part in (d.real, d.fake)]
    moments = [moment for part in rows for moment in (part.mean(dim=0), torch.cov(part.T))]
    return [float(_compute_fid(*moments))]


def frechet_scipy(d: Data) -> Values:
    from scipy.linalg import sqrtm

    a, b = np.cov(d.real.T), np.cov(d.fake.T)
    gap = d.real.mean(axis=0) - d.fake.mean(axis=0)
    return [float(gap @ gap + np.trace(a + b - 2 * sqrtm(a @ b).real))]


def nearest_ours(d: Data) -> Values:
    from augmentor.metrics.distances import nearest

    return nearest(d.real, d.fake)[0].tolist()


def nearest_sklearn(d: Data) -> Values:
    from sklearn.neighbors import NearestNeighbors

    return (
        NearestNeighbors(n_neighbors=1, algorithm="brute").fit(d.fake).kneighbors(d.real)[0].ravel().tolist()
    )


def within_ours(d: Data) -> Values:
    from augmentor.metrics.diversity import within_distance

    return [within_distance(d.real)]


def within_scipy(d: Data) -> Values:
    from scipy.spatial.distance import pdist

    return [float(pdist(d.real).mean())]


def within_sklearn(d: Data) -> Values:
    from sklearn.metrics import pairwise_distances

    n = len(d.real)
    return [float(pairwise_distances(d.real).sum() / (n * (n - 1)))]


def attack_ours(d: Data) -> Values:
    from augmentor.metrics.membership import membership_attack

    half = len(d.real) // 2
    found = membership_attack(d.real[:half], d.real[half:], d.fake)
    return [found.auroc, found.tpr]


def attack_sklearn(d: Data) -> Values:
    from sklearn.metrics import roc_auc_score, roc_curve
    from sklearn.neighbors import NearestNeighbors

    half = len(d.real) // 2
    near = -NearestNeighbors(n_neighbors=1, algorithm="brute").fit(d.fake).kneighbors(d.real)[0].ravel()
    member = np.arange(len(near)) < half
    fpr, tpr, _ = roc_curve(member, near, drop_intermediate=False)
    return [float(roc_auc_score(member, near)), float(tpr[fpr <= 0.01].max())]


def scores_ours(d: Data) -> Values:
    from augmentor.downstream.scores import score

    rows = score(d.p, d.y, [str(k) for k in range(10)])
    wanted = ("balanced_accuracy", "accuracy", "macro_f1", "macro_auroc", "brier", "ece")
    found = {row["metric"]: row["value"] for row in rows if row["class"] is None}
    return [found[name] for name in wanted]


def scores_sklearn(d: Data) -> Values:
    import torch
    from sklearn import metrics
    from torchmetrics.functional.classification import multiclass_calibration_error

    guess, truth = d.p.argmax(axis=1), np.eye(10)[d.y]
    metrics.precision_recall_fscore_support(d.y, guess, zero_division=0)
    metrics.confusion_matrix(d.y, guess)
    ece = multiclass_calibration_error(torch.from_numpy(d.p), torch.from_numpy(d.y), 10, n_bins=15)
    return [
        metrics.balanced_accuracy_score(d.y, guess),
        metrics.accuracy_score(d.y, guess),
        metrics.f1_score(d.y, guess, average="macro"),
        metrics.roc_auc_score(truth, d.p, average="macro"),
        metrics.brier_score_loss(d.y, d.p, scale_by_half=False),
        float(ece),
    ]


@dataclass(frozen=True)
class Case:
    """Implementations of one metric; the first is ours. ``tolerance`` is absolute and relative."""

    implementations: dict[str, Callable[[Data], Values]]
    tolerance: float


CASES = {
    "precision, recall, density, coverage": Case(
        {"ours": neighbourhood_ours, "prdc": neighbourhood_prdc}, 1e-12
    ),
    "alpha-precision, beta-recall, authenticity": Case(
        {"ours": alpha_ours, "scipy's distances": alpha_scipy}, 1e-12
    ),
    "KID": Case({"ours": kernel_ours, "torchmetrics": kernel_torchmetrics}, 1e-9),
    "Fréchet distance": Case(
        {"ours": frechet_ours, "torchmetrics": frechet_torchmetrics, "scipy": frechet_scipy}, 1e-9
    ),
    "nearest row": Case({"ours": nearest_ours, "scikit-learn": nearest_sklearn}, 1e-9),
    "mean distance": Case({"ours": within_ours, "scipy": within_scipy, "scikit-learn": within_sklearn}, 1e-9),
    "membership attack (ours with its control)": Case(
        {"ours": attack_ours, "scikit-learn": attack_sklearn}, 1e-12
    ),
    "scores of one classifier, 10 classes": Case(
        {"ours": scores_ours, "scikit-learn, torchmetrics": scores_sklearn}, 1e-6
    ),
    # Ours draws seeds too and is as wide as its variance components say: alike, not equal.
}


def memory(field: str) -> int:
    """Return a size of this process in bytes, from /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}")


def measure(job: tuple[str, str, int, int, int]) -> tuple[float, float, Values]:
    """Return the least seconds of the rounds, the peak gained in MB, and the numbers."""
    name, implementation, rows, width, rounds = job
    function = CASES[name].implementations[implementation]
    warnings.simplefilter("ignore")
    function(Data.of(60, 8))  # imports and first calls are not measured
    data, seconds = Data.of(rows, width), []
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of making the data
    before = memory("VmRSS")
    for _ in range(rounds):
        begin = time.process_time()
        values = function(data)
        seconds.append(time.process_time() - begin)
    return min(seconds), (memory("VmHWM") - before) / 1e6, [float(v) for v in values]


def compare(name: str, rows: int, width: int, rounds: int) -> list[str]:
    """Return the lines of the table of one metric."""
    found = {}
    for implementation in CASES[name].implementations:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            found[implementation] = pool.submit(measure, (name, implementation, rows, width, rounds)).result()
    (ours, our_peak, values), lines = found.pop("ours"), []
    for reference, (seconds, peak, theirs) in found.items():
        agree = np.allclose(values, theirs, rtol=CASES[name].tolerance, atol=CASES[name].tolerance)
        worst = float(np.max(np.abs(np.subtract(values, theirs))))
        cells = [name, reference, f"{ours:.2f} s", f"{seconds:.2f} s", f"{ours / seconds:.2f}"]
        cells += [f"{our_peak:.0f} MB", f"{peak:.0f} MB", f"{worst:.0e}" + ("" if agree else " TOO MUCH")]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    asked = parser.parse_args()
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    lines = [
        "# Metrics beside their references",
        "",
        f"{said()}; {asked.rows:,} real and {asked.rows:,} fake rows of {asked.features} features, float64, "
        f"one thread, processor time, least of {asked.rounds} rounds; {platform.machine()}. A ratio below "
        "1 is faster than the reference. Peak is what the process gained over the data.",
        "",
        "| metric | reference | ours | theirs | ratio | our peak | their peak | largest difference |",
        "|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    for name in asked.only:
        for line in compare(name, asked.rows, asked.features, asked.rounds):
            lines.append(line)
            print(line, flush=True)
    write_text(asked.out, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
