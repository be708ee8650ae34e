"""Where the shipped recipes, cards and report templates lie, installed or in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Room = Literal["pipelines", "datasets", "reports"]


def shipped(room: Room) -> Path:
    """Return the folder of ``room``.

    A wheel carries the rooms in ``augmentor/_shipped``; a checkout has them beside the package.

    Raises:
        FileNotFoundError: if neither exists, naming both.
    """
    package = Path(__file__).resolve().parents[1]
    candidates = [package / "_shipped" / room, package.parent / room]
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"the shipped folder {room!r} is in neither {candidates[0]} nor {candidates[1]}; "
        "install gan-augmentor again"
    )
