"""What a person may write on the command line, turned into what the commands take."""

from __future__ import annotations

from collections.abc import Sequence

from augmentor.core.errors import ConfigError


def spread(words: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return ``words`` with ``--set a=1 b=2`` written as ``--set a=1 --set b=2``.

    The option's first value is whatever follows it; further values are those that look like
    ``key=value``, so that in ``run --set evaluation.seeds=3 digits`` the recipe stays the recipe.
    Words after ``--`` are left as they are.
    """
    result: list[str] = []
    open_option: str | None = None
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word == "--":
            return [*result, word, *words[position:]]
        if word in options:
            open_option = word
            result.append(word)
            if position < len(words):
                result.append(words[position])
                position += 1
        elif open_option and "=" in word and not word.startswith("-"):
            result += [open_option, word]
        else:
            open_option = None
            result.append(word)
    return result


def parse_counts(assignments: Sequence[str]) -> dict[str, int]:
    """Return ``{class: n}`` of ``CLASS=N`` texts, in order; a class name may hold ``=`` itself.

    Raises:
        ConfigError: if there is none, one is not of that form, or a class is named twice.
    """
    example = "e.g. --count normal=500 pneumonia=100"
    if not assignments:
        raise ConfigError(f"--count says how many samples of which class to make, {example}")
    counts: dict[str, int] = {}
    for text in assignments:
        name, equals, number = text.rpartition("=")
        if not equals or not name:
            raise ConfigError(f"--count needs CLASS=N, {example}, got {text!r}")
        if not (number.isascii() and number.isdigit()) or int(number) < 1:
            raise ConfigError(f"--count {text}: N must be a whole number of at least 1, got {number!r}")
        if name in counts:
            raise ConfigError(f"--count names the class {name!r} twice; give each class once")
        counts[name] = int(number)
    return counts
