"""Make a run's results, facts and pictures out of made-up numbers, to try the report on.

    python tests/report/make_fixture.py FOLDER [--classes 5] [--seeds 10] [--size 28] [--colour]

Nothing in it was measured; the title says so.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from made_up_pictures import pictures_of
from made_up_rows import ARMS, CELLS, CONTROLS, Case, rows_of

from augmentor.core.files import write_json
from augmentor.core.kinds import IMAGE
from augmentor.core.points import in_points
from augmentor.core.results import Results
from augmentor.experiment.arm_words import describe, title
from augmentor.experiment.arms import pattern_of
from augmentor.report.render import render
from augmentor.report.run_facts import RunFacts
from augmentor.report.summarise import summarise


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
            "tried": {"classical": 1, "filtered": 3},
            "decisions": {"filtered": {"strength": -0.15, "how": "fitted"}},
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
