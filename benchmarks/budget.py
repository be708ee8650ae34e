"""How long each budget takes: a whole `augmentor run`, in a process of its own, nothing reused.

    python benchmarks/budget.py [--recipe pneumoniamnist] [--budget quick standard] [--data PATH]

Wall-clock seconds of the whole command and of each step, and the largest memory any of its processes held. It
wants a quiet machine; the load before each run is printed. The limits are those of the project: on two cores,
for a few hundred images of 28 pixels, 5 minutes for quick and 30 for standard; thorough has a night.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from provenance import ROOT, said

from augmentor.core.files import write_text

LIMITS = {"quick": 5 * 60, "standard": 30 * 60, "thorough": 12 * 3600}


def measured(recipe: str, budget: str, data: Path | None) -> list[str]:
    """Run the recipe once and return the cells of its row."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "augmentor", "run", recipe, "--no-prefect", "--out", out]
        command += ["--set", f"budget={budget}"]
        if data is not None:
            command += ["--data", str(data)]
        begin = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds = time.monotonic() - begin
        folder = Path(done.stdout.splitlines()[-1])
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    steps = ", ".join(f"{name} {value:.0f}" for name, value in summary["seconds"].items() if value >= 1)
    verdict = summary["verdict"]
    words = f"{verdict['word']}: {verdict['arm']} {100 * verdict['delta']:+.1f} over {verdict['baseline']}"
    return [
        recipe, budget, f"{seconds:.0f}", f"{LIMITS[budget]:,}", steps, f"{peak:.0f}", f"{load:.1f}", words,
    ]  # fmt: skip


def main() -> None:
    """Run what is asked for, print the rows and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", default="pneumoniamnist")
    parser.add_argument("--budget", nargs="*", default=["quick", "standard"], choices=list(LIMITS))
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "pneumoniamnist")
    asked = parser.parse_args()
    lines = [
        "# Budgets",
        "",
        f"{said()}; {os.cpu_count()} cores, {platform.machine()}, no GPU. Wall-clock seconds of the whole",
        "command, its steps, and the largest memory of one of its processes.",
        "",
        "| recipe | budget | seconds | limit | steps, seconds | peak MiB | load before | verdict |",
        "|" + "---|" * 8,
    ]
    data = asked.data if asked.data.exists() and asked.recipe != "digits" else None
    for budget in asked.budget:
        lines.append("| " + " | ".join(measured(asked.recipe, budget, data)) + " |")
        print(lines[-1], flush=True)
    write_text(Path(__file__).with_suffix(".md"), "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
