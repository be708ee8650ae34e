"""Make a run's results, facts and pictures out of made-up numbers, to try the report on.

    python tests/report/make_fixture.py FOLDER [--classes 5] [--seeds 10] [--size 28] [--colour]

Nothing in it was measured; the title says so.
"""

import argparse
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from augmentor.core.facts.evaluation import DELTAS
from augmentor.core.files import write_json
from augmentor.core.kinds import IMAGE
from augmentor.core.points import in_points
from augmentor.core.results import Results
from augmentor.experiment.arm_words import describe, title
from augmentor.experiment.arms import arms_of, pattern_of
from augmentor.report.render import render
from augmentor.report.run_facts import RunFacts
from augmentor.report.summarise import summarise

POOLED = {"rows": {"synthetic": "all", "mixing": "pooled"}}
ARMS = arms_of(("real", "balanced", "classical", POOLED, "filtered", "synthetic_only"))
CELLS = ("neutrophil", "eosinophil", "lymphocyte", "monocyte", "basophil")
CONTROLS = {"filtered": "classical", "synthetic": "classical"}
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


def facts_of(case: Case) -> RunFacts:
    """Return the facts of a made-up run; ``case.extra`` replaces fields, section by section."""
    effect = case.effect
    change = f"{in_points(effect)} points"
    pair = "“Filtered synthetic” changes balanced accuracy by " + change + " against “Classical augmentation”"
    sentence = {
        "helps": f"Synthetic data helps: {pair}.",
        "hurts": f"Synthetic data hurts: {pair}.",
        "equivalent": f"Synthetic data makes no difference above the margin of 1.0 points: {pair}.",
        "inconclusive": f"Inconclusive: {pair}, which leaves open whether that is a gain or a loss.",
    }[case.word]
    verdict = {
        "word": case.word,
        "reason": "wide" if case.word == "inconclusive" else "decided",
        "arm": "filtered",
        "baseline": "classical",
        "sentence": sentence,
        "against": {
            "best_without": "classical",
            "control": "classical",
            "fixed": "balanced",
            "hindsight": "classical",
        },
    }
    removed = [
        {"id": f"train/{i}", "duplicate_of": f"test/{i}", "part": "train", "reason": "equal"}
        for i in range(3)
    ]
    unusable = {case.classes[-1]: "the filters accepted 12 %, the floor is 20 %"}
    facts = {
        "load": {
            "dataset": case.dataset,
            "title": case.title,
            "classes": case.classes,
            "kind": asdict(IMAGE),
            "shape": (case.channels, case.size, case.size),
            "split": "stratified",
            "notes": [
                "Every number and picture of this report is made up, to show what a report looks like."
            ],
            "skipped": [
                {"path": "train/basophil/scan_0042.png", "reason": "not an image: the file is empty"}
            ],
            "removed": removed,
        },
        "evaluate": {
            "primary_metric": "balanced_accuracy",
            "seeds": range(case.seeds),
            "arms": {
                name: {
                    "title": title(arm),
                    "description": describe(arm),
                    "synthetic": pattern_of(arm).is_synthetic,
                }
                for name, arm in ARMS.items()
            },
            "verdict": verdict,
            "recommendation": {
                "use": True,
                "arm": "filtered",
                "gain": effect,
                "standard_error": 0.004,
                "sentence": f"Train with synthetic data: {change} on the validation part.",
            },
            "share": None if "shares" in case.without else 0.5,
            "share_by": "highest mean on the validation part",
            "controls": CONTROLS,
            "answers": _answers(case),
            "limits": ["One class has fewer than 30 real test cases: its recall moves in large steps."],
        },
        "measure": {
            "not_estimable": [
                {
                    "split": "synthetic",
                    "metric": "coverage",
                    "class": case.classes[0],
                    "reason": "nothing was kept",
                }
            ],
        },
        "train": None
        if "training" in case.without
        else {"history": _history(case), "chosen_checkpoint": {"images": 192_000, "merit": 0.86}},
        "filter": {"filters": {}, "unusable": unusable if len(case.classes) > 2 else {}},
        "recipe": {
            "dataset": case.dataset,
            "image": {"size": case.size, "colour": "auto"},
            "balance": "balanced",
            "training": {"images": 240_000, "seed": 0},
            "evaluation": {"arms": list(ARMS), "seeds": case.seeds, "margin": 0.01},
        },
        "seconds": {
            "load": 0.4,
            "train": 131.2,
            "sample": 3.1,
            "filter": 6.4,
            "evaluate": 148.7,
            "report": 0.9,
        },
        "device": "none: these numbers are made up",
        "versions": {"gan-augmentor": "0.1.0", "torch": "2.13.0", "numpy": "2.4.0"},
    }
    for section, fields in case.extra.items():
        both = isinstance(fields, dict) and isinstance(facts.get(section), dict)
        facts[section] = {**facts[section], **fields} if both else fields
    return RunFacts.model_validate(facts)


def _answers(case):
    plural = case.extra.get("load", {}).get("kind", asdict(IMAGE))["plural"]
    says = {
        "helps": "Yes.",
        "hurts": "No, they do harm.",
        "equivalent": "It makes no difference that matters.",
        "inconclusive": "Not shown.",
    }[case.word]
    return [
        {
            "question": "synthetic_rows",
            "asked": f"Do the synthetic {plural} help?",
            "word": case.word,
            "reason": "decided",
            "arm": "filtered",
            "control": "classical",
            "sentence": f"{says} “Filtered synthetic” changes balanced accuracy by {in_points(case.effect)} "
            f"points against “Classical augmentation”, the same training without synthetic {plural} and the "
            "best model without synthesis.",
        },
        {
            "question": "critic_start",
            "asked": "Does starting from the GAN's critic help?",
            "sentence": "Not asked: no arm of this run can tell.",
        },
    ]


def _history(case):
    rng = np.random.default_rng(3)
    rows = []
    for step in range(0, 240_001, 2_000):
        t = step / 240_000
        row = {
            "images": step,
            "step": step // 64,
            "critic_loss": float(1.3 - 0.5 * t + rng.normal(0, 0.05)),
            "generator_loss": float(1.0 + 0.5 * t + rng.normal(0, 0.09)),
        }
        if step and step % 24_000 == 0:
            row["label_fidelity"] = float(1 - 0.75 * np.exp(-5 * t))
            row["coverage"] = float(0.9 * (1 - np.exp(-4 * t)) - 0.12 * max(0, t - 0.8))
            late = 0.95 - 0.5 * np.exp(-6 * t) - 0.2 * max(0, t - 0.8)
            row["diversity"] = {name: float(late - 0.02 * i % 0.3) for i, name in enumerate(case.classes)}
        rows.append(row)
    return rows


def pictures_of(case: Case) -> tuple[np.ndarray, dict]:
    """Return blobs that differ by class, and the index of the gallery."""
    rng = np.random.default_rng(11)
    images, entries = [], []

    def draw(kind: int) -> int:
        side = case.size
        grid = np.linspace(-1, 1, side)
        xx, yy = np.meshgrid(grid, grid)
        angle, stretch = rng.uniform(0, np.pi), 1 + 0.25 * (kind % 4)
        u = xx * np.cos(angle) + yy * np.sin(angle) + rng.normal(0, 0.08)
        w = (yy * np.cos(angle) - xx * np.sin(angle)) * stretch + rng.normal(0, 0.08)
        cell = np.clip(1.15 - 1.3 * np.hypot(u, w), 0, 1) ** 0.7
        core = np.exp(-12 * (np.hypot(u - 0.15, w) - 0.12 * (kind % 3)) ** 2)
        base = 225 - 70 * cell - 90 * core * (0.6 + 0.1 * (kind % 5)) + rng.normal(0, 4, xx.shape)
        tint = (1.0,) if case.channels == 1 else (0.95, 0.75 + 0.03 * (kind % 5), 0.9)
        images.append(np.clip(np.stack([base * t for t in tint], axis=-1), 0, 255).astype(np.uint8))
        return len(images) - 1

    for kind, name in enumerate(case.classes):
        entries.append(
            {
                "name": name,
                "real": [draw(kind) for _ in range(12)],
                "kept": [draw(kind) for _ in range(12)],
                "rejected": [{"index": draw(kind + i), "reason": REASONS[i % 5]} for i in range(8)],
            }
        )
    copies = []
    for i in range(6):
        owner = entries[i % len(entries)]
        copies.append({"synthetic": draw(i % len(entries)), "real": owner["real"][0], "class": owner["name"]})
        copies[-1] |= {"ratio": 0.71 + 0.09 * i, "kept": i > 3}
    return np.stack(images), {"size": case.size, "classes": entries, "copies": copies}


def write_run(folder: Path, case: Case) -> dict:
    """Write summary, pictures and pages of a made-up run; return the summary."""
    folder.mkdir(parents=True, exist_ok=True)
    summary = summarise(Results.from_rows(rows_of(case)), facts_of(case))
    write_json(folder / "summary.json", summary)
    if "gallery" not in case.without:
        images, index = pictures_of(case)
        np.savez_compressed(folder / "gallery.npz", images=images)
        (folder / "gallery.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    render(folder)
    return summary


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--classes", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--colour", action="store_true")
    parser.add_argument("--word", default="helps")
    parser.add_argument("--effect", type=float, default=0.031)
    told = parser.parse_args()
    names = CELLS[: told.classes] + tuple(f"class number {i}" for i in range(5, told.classes))
    write_run(
        told.folder,
        Case(
            classes=names,
            seeds=told.seeds,
            size=told.size,
            channels=3 if told.colour else 1,
            word=told.word,
            effect=told.effect,
        ),
    )
