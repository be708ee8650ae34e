"""Patients guessed from file names, to be offered and never taken."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

PATTERNS = (
    r"^(?P<group>[^0-9]*[0-9]+)[_-]",
    r"^(?P<group>[^_]+)_",
    r"^(?P<group>[^-]+)-",
    r"^(?P<group>.+)[_-][0-9]+\.[^.]+$",
)
"""Names up to their first number, to their first underscore or dash, or without a number at their end."""
LOOKED_AT = 20_000
MATCHED = 0.95
TOGETHER = 0.6
"""Share of the files whose group must have another file."""


@dataclass(frozen=True)
class GuessedGroups:
    """Groups that file names may tell.

    Attributes:
        pattern: a regular expression for a card's ``group``.
        example: a file name.
        group: what the pattern finds in it.
        n: number of different groups.
    """

    pattern: str
    example: str
    group: str
    n: int


def guess_groups(names: Sequence[str], n_classes: int) -> GuessedGroups | None:
    """Return the groups that file names seem to tell, None where they tell none.

    Nearly every name must match, most groups must have several files, and there must be more than two groups
    a class on average: fewer are rather the classes, or the data set.

    Example:
        >>> guess_groups([f"p{n // 3:02d}_{n % 3}.png" for n in range(30)], 2).pattern
        '^(?P<group>[^0-9]*[0-9]+)[_-]'
    """
    some = names[:: max(1, len(names) // LOOKED_AT)]
    for pattern in PATTERNS:
        compiled = re.compile(pattern)
        found = [match["group"] if (match := compiled.search(name)) else None for name in some]
        matched = [group for group in found if group is not None]
        counts = Counter(matched)
        together = sum(n for n in counts.values() if n > 1)
        if (
            len(matched) >= MATCHED * len(some)
            and 2 * n_classes < len(counts) <= len(some) / 2
            and together >= TOGETHER * len(some)
        ):
            at = next(place for place, group in enumerate(found) if group is not None and counts[group] > 1)
            return GuessedGroups(pattern, some[at], str(found[at]), len(counts))
    return None
