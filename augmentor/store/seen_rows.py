"""Which rows a learning step was given, and which samples of two parts are nearly equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augmentor.core.files import write_json
from augmentor.core.kinds import Kind
from augmentor.core.samples import Samples

if TYPE_CHECKING:
    from augmentor.data.duplicates import NearDuplicate

SEEN_ROWS = "seen_rows.json"
"""File with the digest of every row that a learning step was given, by part."""
NAMED = 5


def record_seen_rows(output: Path, given: Mapping[str, Samples]) -> None:
    """Write which rows a learning step was given, by part; publishing compares them with the test part."""
    rows = {name: [str(row) for row in part.row_digests] for name, part in given.items()}
    write_json(output / SEEN_ROWS, rows)


def near_across(parts: Mapping[str, Samples], near: Sequence[NearDuplicate]) -> list[dict[str, Any]]:
    """Return the nearly equal pairs with one picture in the test part and one in another."""
    place = {str(name): part for part, samples in parts.items() for name in samples.ids}
    found = []
    for pair in near:
        first, second = sorted((pair.first, pair.second), key=lambda name: place[name] == "test")
        if place[second] == "test" != place[first]:
            found.append(
                {"part": place[first], "id": first, "test": second, "correlation": round(pair.correlation, 4)}
            )
    return found


def near_duplicate_note(near: Sequence[Mapping[str, Any]], kind: Kind) -> list[str]:
    """Return the note on nearly equal samples across parts, if there are any."""
    if not near:
        return []
    some = "; ".join(
        f"{pair['part']} {pair['id']} and test {pair['test']} ({pair['correlation']})"
        for pair in near[:NAMED]
    )
    return [
        f"{len(near)} test {kind.plural} have a nearly equal {kind.name} in another part (saved again with "
        f"losses, or the same case): {some}{' and more' if len(near) > NAMED else ''}. Only equal "
        f"{kind.cell}s are proof and are taken out; look at these pairs, for a test case that is known from "
        "training flatters every arm"
    ]
