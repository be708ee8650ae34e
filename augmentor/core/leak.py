"""The rule against leaks: training data and held-out data share no case and no group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from augmentor.core.errors import LeakError
from augmentor.core.factorize import is_in
from augmentor.core.samples import Samples

SHOWN = 3


def refuse_overlap(seen: Mapping[str, Samples], held_out: Mapping[str, Samples]) -> None:
    """Refuse a held-out part that shares a row or a group with a part used for training.

    Rows are compared by the SHA-256 of their decoded values, so that another file name, another
    lossless file format or another label does not hide a case.

    Args:
        seen: by name, what a generator, filter, scaler or classifier was fitted on.
        held_out: by name, what it must not have seen.

    Raises:
        LeakError: naming both parts, the number of shared cases and the first of them.
    """
    for name, part in held_out.items():
        for other, rows in seen.items():
            seen_too = is_in(part.row_digests, rows.row_digests)
            if seen_too.any():
                _refuse(_nouns(part), other, name, part.ids[seen_too])
            if part.group is not None and rows.group is not None:
                common = np.unique(part.group[is_in(part.group, rows.group)])
                if len(common):
                    _refuse(("group", "groups"), other, name, common)


def refuse_seen(step: str, digests: Iterable[str], test: Samples) -> None:
    """Refuse a step whose record of input rows contains a test case.

    Args:
        step: the name of the step.
        digests: the row digests of all its inputs.
        test: the test part.

    Raises:
        LeakError: if one of them is a test case.
    """
    seen_too = is_in(test.row_digests, np.array(sorted(digests), dtype=np.str_))
    if seen_too.any():
        _refuse(_nouns(test), step, "test", test.ids[seen_too])


def _nouns(part: Samples) -> tuple[str, str]:
    return part.kind.name, part.kind.plural


def _refuse(nouns: tuple[str, str], seen: str, held_out: str, names: Iterable[object]) -> None:
    found = [str(name) for name in names]
    shown = ", ".join(found[:SHOWN]) + (" and more" if len(found) > SHOWN else "")
    raise LeakError(
        f"{len(found)} {nouns[len(found) > 1]} of the {held_out} part "
        f"{'are' if len(found) > 1 else 'is'} also in the {seen} part: {shown}. No result can be trusted "
        "where a case was seen before it is tested; split the data again, with duplicates removed"
    )
