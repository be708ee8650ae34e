"""manifest.json of a run: versions, seeds, hashes of inputs and of every output, git revision."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from augmentor.core.files import sha256_file, sha256_json, write_json
from augmentor.core.version import __version__
from augmentor.report.run_facts import RunFacts
from augmentor.run.completed import PARTS
from augmentor.run.context import RunContext

PACKAGES = ("torch", "monai", "prefect", "albumentations", "numpy", "pandas", "scikit-learn")


def write_manifest(context: RunContext, facts: RunFacts, folder: Path) -> None:
    """Write manifest.json into ``folder``, which holds every other output already."""
    completed, log = context.completed, context.access_log
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    source = facts.sample.source if facts.sample else None
    network = facts.measure.feature_network
    write_json(
        folder / "manifest.json",
        {
            "recipe": context.recipe.name,
            "recipe_sha256": context.recipe.digest,
            "created": datetime.now(tz=UTC).isoformat(timespec="seconds"),
            "versions": facts.versions,
            "git_revision": git_revision(),
            "device": context.device,
            "seeds": {
                "training": context.seed,
                "scarcity": context.recipe.scarcity.seed,
                "split": context.recipe.split.seed,
            },
            "steps": {
                name: {"key": output.key, "reused": output.reused}
                for name, output in completed.outputs.items()
            },
            "test_part": {
                "opened": log.get(completed.key("evaluate")),
                "opened_first": next(iter(log.values()), None),
                "openings": len(log),
            },
            "chosen_generator": facts.choose.chosen if facts.choose else None,
            "generator_holds_training_samples": facts.train.training_samples_held if facts.train else 0,
            "inputs": {
                "source_sha256": facts.load.source,
                "card_sha256": context.card_digest,
                "synthetic_source": source.to_json() if source else None,
                "sample_sha256": {
                    name: [str(row) for row in completed.parts[name].row_digests] for name in PARTS
                },
                "feature_network": network.to_json() if network else None,
                "models": [one.to_json() for one in facts.models],
            },
            "seen_rows": {
                step: {part: {"rows": len(rows), "sha256": sha256_json(rows)} for part, rows in given.items()}
                for step, given in completed.seen_rows.items()
            },
            "outputs": {path.relative_to(folder).as_posix(): sha256_file(path) for path in files},
        },
    )


def versions() -> dict[str, str]:
    """Return the versions that decide results."""
    return {
        "gan-augmentor": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


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
