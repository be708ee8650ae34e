"""Location of the shipped recipes, cards and report templates, installed or in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

FolderName = Literal["pipelines", "datasets", "reports"]


def shipped(name: FolderName) -> Path:
    """Return the shipped folder called ``name``.

    A wheel carries the folders in ``augmentor/_shipped``; a checkout has them beside the package.

    Raises:
        FileNotFoundError: if neither exists, naming both.
    """
    package = Path(__file__).resolve().parents[1]
    candidates = [package / "_shipped" / name, package.parent / name]
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"the shipped folder {name!r} is in neither {candidates[0]} nor {candidates[1]}; "
        "install gan-augmentor again"
    )
