"""From finished steps to the run folder, which appears whole or not at all."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from augmentor.core.files import atomic_folder, sha256_file, sha256_json, write_json, write_text
from augmentor.core.leak import refuse_overlap, refuse_seen
from augmentor.core.persist import write_samples
from augmentor.core.seeds import derive_seed
from augmentor.core.version import __version__
from augmentor.experiment.spec import ONE_GENERATOR
from augmentor.run.completed import CRITIC
from augmentor.run.compose.folds import STEP
from augmentor.run.reporting import fill_report
from augmentor.run.steps import Steps
from augmentor.store.seen_rows import SEEN_ROWS
from augmentor.store.test_access import repeated_access_note

PACKAGES = ("torch", "monai", "prefect", "albumentations", "numpy", "pandas", "scikit-learn")
STATE = "state.json"
MANY_GENERATORS = (
    "The verdict is over several splits, each with a generator of its own. Arms, classes, samples and "
    "copies are shown for the first of them, and their intervals are conditional on its one GAN."
)
FILTERS = "filters.json"
"""The filters as they were used, for ``augmentor generate``."""


def publish(steps: Steps, out: Path, log: Path, seconds: dict[str, float], state: Mapping[str, Any]) -> Path:
    """Write ``<out>/<recipe>/<stamp>/`` with report, dataset, generator and manifest.

    Args:
        steps: every step finished.
        out: the folder of all runs.
        log: the JSON-lines log so far; copied in.
        seconds: what each step took when it was worked, this time or by an earlier run.
        state: what state.json says: whether the run is good, why not, and how long it took.

    Raises:
        LeakError: if a test case is found in the training part or in the expanded dataset.
    """
    check_leak(steps)
    target = free_folder(out / steps.name)
    facts = gather_facts(steps, seconds)
    if state["reasons"]:
        facts["notes"].append(f"This dataset is not published: {'; '.join(state['reasons'])}.")
    with atomic_folder(target) as folder:
        recipe = yaml.safe_dump(steps.settings, sort_keys=False, allow_unicode=True)
        write_text(folder / "recipe.yaml", recipe)
        fill_report(
            folder,
            steps.results,
            facts,
            train=steps.parts["train"],
            synthetic=steps.synthetic,
            copies=facts["copies_shown"],
            seed=derive_seed(steps.seed, "gallery"),
            traversals=steps.traversals,
        )
        export_dataset(steps, folder / "expanded")
        if "train" in steps.done:
            keep_generator(steps, facts, folder)
        shutil.copyfile(steps.done["evaluate"].folder / "predictions.npz", folder / "predictions.npz")
        steps.leave(folder)
        write_json(folder / STATE, dict(state))
        write_manifest(steps, folder)
        shutil.copyfile(log, folder / "log.jsonl")
    return target


def check_leak(steps: Steps) -> None:
    """Refuse to publish where a test case was seen by anything that learns, or is among the synthetics.

    Three witnesses, each on its own enough: the parts themselves (rows and groups), what every
    learning step wrote down when it was handed its rows, and the synthetic rows.

    Raises:
        LeakError: naming the step or part and the cases.
    """
    parts = steps.parts
    test = parts.pop("test")
    refuse_overlap({**parts, "synthetic": steps.synthetic.samples}, {"test": test})
    for step, handed in steps.seen_rows.items():
        for part, digests in handed.items():
            refuse_seen(f"{step} step's {part}", digests, test)


def free_folder(recipe_folder: Path) -> Path:
    """Return a folder name of the present second (UTC) that is not taken."""
    stamp = datetime.now(tz=UTC).strftime("%Y%m%d-%H%M%S")
    target = recipe_folder / stamp
    number = 2
    while target.exists():
        target = recipe_folder / f"{stamp}-{number}"
        number += 1
    return target


def gather_facts(steps: Steps, seconds: dict[str, float]) -> dict[str, Any]:
    """Return the words beside the numbers: what was run, on what, and what a reader must know."""
    data = steps.words("load")
    evaluation = steps.words("evaluate")
    measured = steps.words("measure")
    trained = steps.words("train") if "train" in steps.done else {"training": [], "chosen_checkpoint": None}
    made = steps.words("sample")
    card = data["card"] or {}
    outer = steps.words(STEP) if STEP in steps.done else None
    limits = evaluation["limits"]
    if outer:
        limits = [MANY_GENERATORS, *(text for text in limits if text != ONE_GENERATOR)]
    return {
        **{name: data[name] for name in ("dataset", "title", "classes", "split")},
        **{name: value for name, value in measured.items() if name != "copies_shown"},
        **evaluation,
        "recipe": steps.settings,
        "synthetic_source": made.get("synthetic_source"),
        "skipped": [*data["skipped"], *made.get("skipped", [])],
        "primary_metric": steps.recipe.evaluation.primary_metric,
        "removed_duplicates": len(data["removed"]),
        "notes": [
            *steps.notes,
            *data["notes"],
            *made.get("notes", []),
            *evaluation["notes"],
            *repeated_access_note(steps.access_log),
        ],
        "verdict": steps.verdict,
        "outer": outer,
        "limits": [
            *made.get("limits", []),
            *limits,
            *measured["limits"],
            *training_data_warning(held_samples(trained)),
        ],
        "skipped_arms": evaluation["skipped"],
        "unusable": steps.words("filter")["unusable"],
        "label_minimum": (steps.words("filter")["filters"]["label"] or {}).get("minimum"),
        "generators": steps.words("choose") if "choose" in steps.done else None,
        "training": trained["training"],
        "chosen_checkpoint": trained["chosen_checkpoint"],
        "copies_shown": measured["copies_shown"],
        "licence": card.get("licence", ""),
        "seconds": seconds,
        "device": steps.device,
        "versions": versions(),
        "digests": {"recipe": steps.recipe.digest, **{name: kept.key for name, kept in steps.done.items()}},
    }


def held_samples(trained: Mapping[str, Any]) -> int:
    """Return how many training samples the generator's own files hold: 0 for networks alone."""
    return int((trained["chosen_checkpoint"] or {}).get("training_samples_held", 0))


def training_data_warning(held: int) -> list[str]:
    """Return what readers of a report and of a model card must know of training samples in a file."""
    if not held:
        return []
    return [
        f"The generator's file holds {held} training samples, from which its synthetic ones start: whoever "
        "gets the file gets them. Synthetic samples are changed training samples of richer classes."
    ]


def versions() -> dict[str, str]:
    """Return the versions that decide results."""
    return {
        "gan-augmentor": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def export_dataset(steps: Steps, folder: Path) -> None:
    """Write ``expanded/``: the real training part and the kept synthetic rows."""
    from augmentor.data.cards import Card
    from augmentor.data.writers.export import export

    data = steps.words("load")
    export(
        folder,
        steps.parts["train"],
        steps.synthetic,
        layout=data["layout"],
        name=data["dataset"],
        card=None if data["card"] is None else Card.model_validate(data["card"]),
    )


def keep_generator(steps: Steps, facts: dict[str, Any], folder: Path) -> None:
    """Write ``generator/`` with its model card, and what filtering its samples needs."""
    shutil.copytree(
        steps.done["train"].folder,
        folder / "generator",
        ignore=shutil.ignore_patterns("done.json", "facts.json", SEEN_ROWS),
    )
    write_text(folder / "generator" / "README.md", model_card(steps, facts))
    keep_filters(steps, folder / "filters")


def keep_filters(steps: Steps, folder: Path) -> None:
    """Keep what ``augmentor generate`` needs to filter as this run did."""
    parts = steps.parts
    folder.mkdir()
    write_json(folder / FILTERS, steps.words("filter")["filters"])
    shutil.copytree(
        steps.done["judge"].folder, folder / "judge", ignore=shutil.ignore_patterns("done.json", SEEN_ROWS)
    )
    for name in ("train", "validation"):
        (folder / name).mkdir()
        write_samples(folder / name, parts[name])


def write_manifest(steps: Steps, folder: Path) -> None:
    """Write manifest.json: versions, seeds, hashes of inputs and of every output, git revision."""
    data = steps.words("load")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    write_json(
        folder / "manifest.json",
        {
            "recipe": steps.recipe.name,
            "recipe_sha256": steps.recipe.digest,
            "created": datetime.now(tz=UTC).isoformat(timespec="seconds"),
            "versions": versions(),
            "git_revision": git_revision(),
            "device": steps.device,
            "seeds": {
                "training": steps.seed,
                "scarcity": steps.recipe.scarcity.seed,
                "split": steps.recipe.split.seed,
            },
            "steps": {name: {"key": kept.key, "reused": kept.reused} for name, kept in steps.done.items()},
            "test_part": {
                "opened": steps.access_log.get(steps.done["evaluate"].key),
                "opened_first": next(iter(steps.access_log.values()), None),
                "openings": len(steps.access_log),
            },
            "chosen_generator": steps.words("choose")["chosen"] if "choose" in steps.done else None,
            "generator_holds_training_samples": (
                held_samples(steps.words("train")) if "train" in steps.done else 0
            ),
            "inputs": {
                "source_sha256": data["source"],
                "synthetic_source": steps.words("sample").get("synthetic_source"),
                "sample_sha256": data["digests"],
                "feature_network": steps.words("measure")["feature_network"],
            },
            "seen_rows": {
                step: {
                    part: {"rows": len(rows), "sha256": sha256_json(rows)} for part, rows in handed.items()
                }
                for step, handed in steps.seen_rows.items()
            },
            "outputs": {path.relative_to(folder).as_posix(): sha256_file(path) for path in files},
        },
    )


def git_revision() -> str | None:
    """Return the revision of the checkout the code runs from, or None for an installed package."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            ["git", "-C", str(root), "rev-parse", "HEAD"],  # noqa: S607 - git from the path, as the user runs it
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


CRITIC_CARD = (
    f"- **`{CRITIC}/`**: the critic that the generator was trained against. "
    f'`augmentor.load_classifier(folder / "{CRITIC}")` is a classifier that starts from it, as in the arm '
    "`critic_start_cutmix`. A critic tells training cases from others more readily than samples do: share it "
    "as you would a classifier trained on these cases.\n"
)


def model_card(steps: Steps, facts: dict[str, Any]) -> str:
    """Return the generator's model card in Markdown."""
    counts = ", ".join(f"{name} {n}" for name, n in steps.parts["train"].counts.items())
    chosen = facts["chosen_checkpoint"] or {}
    images = steps.recipe.training.images
    family: str = steps.synthesizer_spec.name
    if "choose" in steps.done:
        chosen, among = steps.words("choose")["chosen"], len(steps.recipe.generators)
        family = f"{chosen} (chosen among {among} by the validation part)"
    held = "".join(
        f"- **Holds training data**: {text}\n" for text in training_data_warning(held_samples(facts))
    )
    start = "" if steps.critic is None else CRITIC_CARD
    return f"""# Generator of {facts["title"]}

A class-conditional generator trained by gan-augmentor {__version__} with the recipe `{steps.recipe.name}`.

- **Trained on**: the training part only ({counts}); no validation or test case was seen.
- **Family**: {family}; images shown: {images:,}; seed {steps.seed}.
- **Checkpoint**: chosen by label fidelity, coverage and diversity on held-out training data: {chosen}.
- **Licence of the training data**: {facts["licence"] or "not stated; ask its owner"}.
{held}{start}- **Use**: `augmentor generate RUN --count CLASS=N --out DIR`, or
  `augmentor.load_synthesizer(folder)`.
- **Not for**: diagnosis, release as anonymous data, or use as evidence about real patients. Samples may
  resemble training cases; the report lists the closest ones. This is not a privacy guarantee.
- **Verdict of its run**: {facts["verdict"]["sentence"]}
- **Recommended by the validation part alone**: {facts["recommendation"]["sentence"]}
"""
