"""A made-up run: what kind of run it is, and its tidy rows."""

from dataclasses import dataclass, field

import numpy as np

from augmentor.core.facts.evaluation import DELTAS
from augmentor.experiment.arms import arms_of

POOLED = {"rows": {"synthetic": "all", "mixing": "pooled"}}
ARMS = arms_of(("real", "balanced", "classical", POOLED, "filtered", "synthetic_only"))
CELLS = ("neutrophil", "eosinophil", "lymphocyte", "monocyte", "basophil")
CONTROLS = {"filtered": "classical"}
REASONS = ("label", "copy", "outlier", "duplicate", "surplus")


@dataclass
class Case:
    """What kind of run to make up."""

    classes: tuple[str, ...] = CELLS
    seeds: int = 10
    size: int = 28
    channels: int = 1
    effect: float = 0.031
    word: str = "helps"
    arms: tuple[str, ...] = tuple(ARMS)
    without: tuple[str, ...] = ()  # training, copies, quality, confusion, calibration, shares, ...
    title: str = "Example with made-up numbers"
    dataset: str = "made_up_cells"
    noise: float = 0.012
    empty_test: tuple[str, ...] = ()
    extra: dict = field(default_factory=dict)


def rows_of(case: Case) -> list[dict]:
    """Return the tidy rows of a made-up run."""
    rng = np.random.default_rng(7)
    rows: list[dict] = []

    def add(metric, value, arm=None, seed=None, split="test", class_=None, setting=None):
        rows.append(
            {
                "dataset": case.dataset,
                "arm": arm,
                "setting": setting,
                "seed": seed,
                "split": split,
                "metric": metric,
                "class": class_,
                "value": float(value),
                "greater_is_better": True,
            }
        )

    counts = _counts(case, rng)
    for name, per_fold in counts.items():
        for split, n in per_fold.items():
            add("count", n, split=split, class_=name)
    centres = dict(
        zip(ARMS, (0.742, 0.781, 0.803, 0.803 + 0.6 * case.effect, 0.803 + case.effect, 0.655), strict=True)
    )
    shared = rng.normal(0, case.noise, case.seeds)
    for arm in case.arms:
        own = np.clip(centres[arm] + shared + rng.normal(0, case.noise / 2, case.seeds), 0, 1)
        for seed in range(case.seeds):
            add("balanced_accuracy", own[seed], arm, seed)
            add("balanced_accuracy", own[seed] + rng.normal(0.004, 0.01), arm, seed, "validation")
            add("macro_auroc", min(1.0, own[seed] + 0.11), arm, seed)
            add("accuracy", min(1.0, own[seed] + 0.04), arm, seed)
            add("brier", 0.3 - own[seed] / 5, arm, seed)
            for i, name in enumerate(case.classes):
                recall = np.clip(own[seed] + 0.1 - 0.3 * i / len(case.classes), 0, 1)
                if name not in case.empty_test:
                    for metric in ("recall", "precision", "f1"):
                        add(metric, recall, arm, seed, class_=name)
                if "confusion" not in case.without:
                    n = counts[name]["test"]
                    wrong = rng.multinomial(n - round(recall * n), _others(len(case.classes), i))
                    wrong[i] += round(recall * n)
                    for j, other in enumerate(case.classes):
                        add("confusion", wrong[j], arm, seed, class_=name, setting={"predicted": other})
        half = 1.96 * own.std(ddof=1 if case.seeds > 1 else 0) / np.sqrt(case.seeds) + 0.012
        add("balanced_accuracy_low", own.mean() - half, arm)
        add("balanced_accuracy_high", own.mean() + half, arm)
        if arm in tuple(ARMS)[3:]:
            _gain(case, add, arm, centres[arm] - centres["classical"], rng)
        controls = case.extra.get("evaluate", {}).get("controls", CONTROLS)
        if control := controls.get(arm):
            change = centres[arm] - centres[control]
            for end, value in (("", change), ("_low", change - 0.01), ("_high", change + 0.01)):
                add(f"delta_control{end}", value, arm)
    if "calibration" not in case.without:
        for arm in {"classical", "filtered"} & set(case.arms):
            _calibration(case, add, arm, rng)
    _quality(case, add, rng)
    return rows


def _counts(case, rng):
    total = len(case.classes)
    out = {}
    for i, name in enumerate(case.classes):
        real = max(18, round(420 * 0.45**i)) if total < 12 else int(rng.integers(20, 420))
        kept = max(0, 420 - real)
        out[name] = {
            "train": real,
            "validation": max(4, real // 5),
            "test": 0 if name in case.empty_test else max(12, real // 3),
            "generated": round(kept * 1.9),
            "kept": kept,
        }
    return out


def _others(total, own):
    share = np.full(total, 1 / max(1, total - 1))
    share[own] = 0
    return share


def _gain(case, add, arm, delta, rng):
    half = {"helps": 0.4, "hurts": 0.4, "inconclusive": 2.2, "equivalent": 0.5}[case.word] * max(
        abs(delta), 0.008
    )
    for role, more in (("best_without", 0), ("fixed", 0.022), ("hindsight", 0)):
        for end, value in (("", delta), ("_low", delta - half), ("_high", delta + half)):
            add(f"{DELTAS[role]}{end}", value + more, arm)
    for metric, value in (
        ("minimum_detectable", 0.019),
        ("margin", 0.01),
    ):
        add(metric, value, arm)
    for i, name in enumerate(case.classes):
        if name in case.empty_test:
            continue
        change = delta * (0.2 + 2.2 * i / len(case.classes)) + rng.normal(0, 0.006)
        width = 0.012 + 0.008 * i / len(case.classes) * 5
        for metric, value in (
            ("recall_delta", change),
            ("recall_delta_low", change - width),
            ("recall_delta_high", change + width),
        ):
            add(metric, value, arm, class_=name)


def _calibration(case, add, arm, rng):
    for seed in range(case.seeds):
        for metric, value in (
            ("ece", 0.12),
            ("ece_scaled", 0.04),
            ("brier_scaled", 0.11),
            ("temperature", 1.7),
        ):
            add(metric, value + rng.normal(0, 0.005), arm, seed)
    for suffix, gap in (("", 0.12), ("_scaled", 0.02)):
        for number in range(5, 15):
            middle = (number + 0.5) / 15
            setting = {"bin": number}
            add(f"reliability_count{suffix}", 3 * number**2 if number > 5 else 2, arm, setting=setting)
            add(f"reliability_confidence{suffix}", middle, arm, setting=setting)
            add(f"reliability_accuracy{suffix}", middle - gap, arm, setting=setting)


def _quality(case, add, rng):
    pairs = {
        "label_fidelity": (0.962, 0.948),
        "precision": (0.91, 0.93),
        "density": (0.97, 1.01),
        "kid_task": (0.021, 0.004),
        "recall": (0.78, 0.92),
        "coverage": (0.86, 0.95),
        "within_class_distance": (6.1, 6.9),
        "diversity": (0.88, 1.0),
    }
    if "quality" not in case.without:
        add("label_fidelity", 0.87, split="generated")
        add("kid_task", 0.021, split="synthetic", setting={"images": 48})
    if "copies" not in case.without:
        add("near_copies", 1, split="kept")
    copies = {
        "exact_copies": (0, 0),
        "near_copies": (7, 5),
        "copy_rate": (0.009, 0.007),
        "nearest_ratio": (1.04, 1.0),
    }
    for name, values in (pairs if "quality" not in case.without else {}).items():
        for split, value in zip(("synthetic", "real"), values, strict=True):
            add(name, value, split=split)
            for class_ in case.classes:
                if name in {"label_fidelity", "coverage", "diversity"}:
                    add(name, value * rng.uniform(0.85, 1.0), split=split, class_=class_)
    for name, values in (copies if "copies" not in case.without else {}).items():
        for split, value in zip(("synthetic", "real"), values, strict=True):
            add(name, value, split=split)
    if "acceptance" not in case.without:
        for class_ in case.classes:
            add("acceptance", rng.uniform(0.6, 0.95), split="synthetic", class_=class_)
            for reason, n in zip(REASONS, rng.integers(0, 40, 5), strict=True):
                add("rejected", n, split="synthetic", class_=class_, setting={"reason": reason})
    if "shares" not in case.without:
        for share, score in ((0.25, 0.812), (0.5, 0.83), (1.0, 0.827), (2.0, 0.815)):
            for seed in range(min(3, case.seeds)):
                add(
                    "balanced_accuracy",
                    score + rng.normal(0, 0.004),
                    "filtered",
                    seed,
                    "validation",
                    setting={"share": share},
                )
