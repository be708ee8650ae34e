"""The patient of each file: by a card's pattern, a folder, or a table."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from augmentor.core.errors import ConfigError
from augmentor.data.cards import Card
from augmentor.data.readers.files import Found
from augmentor.data.readers.tree import Tree

PATTERN_SECONDS = 20.0
"""Longest time for a card's pattern on all file names; a plain one takes a second for a million."""
_SEARCH = """
import json, re, sys
pattern, names = json.load(sys.stdin)
found = (re.search(pattern, name) for name in names)
json.dump([match["group"] if match else None for match in found], sys.stdout)
"""


def groups_of(
    found: Sequence[Found], card: Card | None, tree: Tree
) -> tuple[npt.NDArray[np.str_] | None, list[str]]:
    """Return the group of each file, None where nobody knows it, and notes.

    The card's pattern goes before what folders or a table say.

    Raises:
        ConfigError: if the card's pattern takes too long.
    """
    if card is None or card.group is None:
        if tree.group_of is None:
            return None, []
        return np.array([tree.group_of(item.id) for item in found], dtype=np.str_), []
    names = [item.name for item in found]
    told = searched(card.group, names)
    groups = [own or f"only {item.id}" for own, item in zip(told, found, strict=True)]
    unmatched = sum(not own for own in told)
    note = (
        f"{unmatched} file names do not match the card's group {card.group!r}; each of these files is taken "
        "as a group of its own"
    )
    return np.array(groups, dtype=np.str_), [note] if unmatched else []


def searched(pattern: str, names: Sequence[str], seconds: float = PATTERN_SECONDS) -> list[str | None]:
    """Return what the part ``group`` of a pattern finds in each name, None where it does not match.

    A pattern such as ``(a+)+b`` can take longer than the age of the world, and Python's own matching cannot
    be stopped; so it runs in a process of its own, which can.

    Raises:
        ConfigError: if it takes longer than ``seconds``.
    """
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, and a script written here
            [sys.executable, "-I", "-c", _SEARCH],
            input=json.dumps([pattern, list(names)]),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(
            f"the card's group {pattern!r} takes more than {seconds:g} seconds on {len(names)} file names; a "
            "repeat inside a repeat, as in (a+)+, does that. Write it without, e.g. '^(?P<group>[^_]+)_'"
        ) from error
    result: list[str | None] = json.loads(done.stdout)
    return result


def joined_groups(first: npt.NDArray[np.str_], second: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    """Return groups in which rows that share either group are together; each has the name of its first row.

    Two studies of one patient lie in two folders; a folder may hold files of several patients.

    Example:
        >>> joined_groups(np.array(["a", "b", "c"]), np.array(["x", "y", "x"])).tolist()
        ['a', 'b', 'a']
    """
    n = len(first)
    codes = [np.unique(one, return_inverse=True)[1] for one in (first, second)]
    nodes = np.concatenate([codes[0] + n, codes[1] + 2 * n])
    ends = (np.tile(np.arange(n), 2), nodes)
    graph = coo_matrix((np.ones(2 * n), ends), shape=(3 * n, 3 * n))
    found = connected_components(graph, directed=False)[1][:n]
    _, at, member = np.unique(found, return_index=True, return_inverse=True)
    return np.asarray(first[at][member], dtype=np.str_)
