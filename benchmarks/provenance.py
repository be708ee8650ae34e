"""Which command, on which day, at which git revision: the line above every committed table."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def said() -> str:
    """Return the command line of this process with the date and the git revision, in Markdown."""
    command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    return f"`{command}`, {datetime.now(UTC):%Y-%m-%d}, git {revision()}"


def revision() -> str:
    """Return the short revision, "with changes" where tracked files differ from it."""
    try:
        short = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", "augmentor", "benchmarks")
    except (OSError, subprocess.CalledProcessError):
        return "revision not known"
    return f"{short} with changes" if changed else short


def _git(*arguments: str) -> str:
    found = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return found.stdout.strip()
