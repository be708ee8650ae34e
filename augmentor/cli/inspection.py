"""``augmentor inspect``: what is in the data, for a person, and the draft of its card."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from augmentor.cli.console import is_terminal, open_progress
from augmentor.cli.data_options import ANY_DATA, DataOptions
from augmentor.cli.streams import clean, print_notice, print_result, stdout_for_results
from augmentor.core.errors import ConfigError
from augmentor.core.files import write_text

_TITLES = ("class ", "what a run ", "notes:", "warnings:")
_COLOURS = {"a run can start": "bold green", "a run would stop before training": "bold red"}


def inspect_target(
    target: str, *, data: Path | None, write_card: Path | None, force: bool, reading: DataOptions = ANY_DATA
) -> None:
    """Print what is in ``target``; with ``write_card``, draft its card too.

    Raises:
        ConfigError: if the card's file exists already and ``force`` is not given, or the card
            named as ``target`` is unknown or invalid.
        DataError: if the data cannot be read at all.
    """
    card = None if write_card is None else write_card.expanduser()
    if card is not None and card.exists() and not force:
        raise ConfigError(f"--write-card {write_card} exists already; add --force to replace it")
    with open_progress() as progress, stdout_for_results():
        from augmentor.data.card_draft import draft_card
        from augmentor.data.inspect import inspect
        from augmentor.data.inspection_text import inspection_lines
        from augmentor.run.outlook import outlook

        found = inspect(target, data=data, image=reading.image, reading=reading.spec, progress=progress)
        text = None if card is None else draft_card(found, data=_place(target, data), beside=card.parent)
        progress.log("timing a few steps")
        ahead = outlook(found)
    show(inspection_lines(found, ahead))
    if card is not None and text is not None:
        write_text(card, text)
        print_notice(
            f"The drafted card is in {card}. Read it and correct it, then use it: "
            f"augmentor run default --data {shlex.quote(str(card))}"
        )


def _place(target: str, data: Path | None) -> Path | None:
    """Return where the inspected data lies, None where only a shipped card knows."""
    from augmentor.data.load import source_path

    path = Path(target).expanduser()
    if data is not None or not path.exists():
        return data
    return source_path(target) if path.suffix.lower() in {".yaml", ".yml"} else path


def show(lines: Sequence[str]) -> None:
    """Print the findings: coloured and folded to the width on a terminal, as they are elsewhere."""
    if not is_terminal(sys.stdout):
        print_result("\n".join(lines))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for line, style in zip(lines, _styles(lines), strict=True):
        text = clean(line)
        words = text.lstrip(" -")
        # The folded rest of an item stands under its first word.
        indent = len(text) - len(words)
        folded = Text(words, style).wrap(console, max(20, console.width - indent)) or [Text()]
        for number, part in enumerate(folded):
            part.rstrip()
            console.print(Text(" " * indent if number else text[:indent]) + part, soft_wrap=True)


def _styles(lines: Sequence[str]) -> list[str]:
    """Return a style a line: titles bold, warnings yellow, blockers red, the conclusion coloured."""
    styles = []
    section = ""
    for number, line in enumerate(lines):
        if line.endswith(":") and not line.startswith(" "):
            section = line
        if line in _COLOURS:
            styles.append(_COLOURS[line])
        elif number == 0 or line.startswith((*_TITLES, "blockers:")):
            styles.append("bold")
        elif line.startswith("  - "):
            styles.append({"warnings:": "yellow", "blockers:": "red"}.get(section, ""))
        else:
            styles.append("")
    return styles
