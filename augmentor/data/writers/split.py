"""split.csv: which case of the source data is in which part."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from augmentor.core.pseudonyms import pseudonyms
from augmentor.core.samples import Samples
from augmentor.data.expanded import group_key
from augmentor.data.loaded import PARTS

SPLIT = "split.csv"


def split_table(parts: Mapping[str, Samples]) -> pd.DataFrame:
    """Return one row for each case: ``id`` as it was read, ``part``, ``class``, and ``group`` where known.

    An id is the path of a file below the data's folder, or ``<array>/<row>`` of an archive. Cases that are
    in no part (duplicates, those that scarcity left out) are not listed. Groups are pseudonyms, see
    :func:`augmentor.core.pseudonyms.pseudonyms`.

    Args:
        parts: samples by "train", "validation" and "test".
    """
    key = group_key(parts)
    tables = []
    for name in PARTS:
        if name not in parts:
            continue
        part = parts[name]
        table = pd.DataFrame(
            {"id": part.ids.astype(str), "part": name, "class": [part.classes[label] for label in part.y]}
        )
        if part.group is not None:
            table["group"] = pseudonyms([str(group) for group in part.group], key)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
