"""``augmentor inspect``: what is in the data, for a person, and the draft of its card."""

from __future__ import annotations

from pathlib import Path

from augmentor.cli.streams import say, stdout_for_results, tell
from augmentor.core.errors import ConfigError
from augmentor.core.files import write_text


def inspect_target(target: str, *, data: Path | None, write_card: Path | None, force: bool) -> None:
    """Print what is in ``target``; with ``write_card``, draft its card too.

    Raises:
        ConfigError: if the card's file exists already and ``force`` is not given.
        DataError: if the data cannot be read at all.
    """
    card = None if write_card is None else write_card.expanduser()
    if card is not None and card.exists() and not force:
        raise ConfigError(f"--write-card {write_card} exists already; add --force to replace it")
    with stdout_for_results():
        from augmentor.data.inspect import draft_card, inspect

        found = inspect(target, data=data)
        text = None if card is None else draft_card(found)
    for line in found.to_lines():
        say(line)
    if card is not None and text is not None:
        write_text(card, text)
        tell(f"The drafted card is in {card}. Read it, correct it, and name it in a recipe: dataset: {card}")
