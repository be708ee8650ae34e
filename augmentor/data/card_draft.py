"""A draft of a dataset card, from an inspection."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

from augmentor.core.kinds import IMAGE, VOLUME
from augmentor.data.inspection import Inspection
from augmentor.data.spec import ColumnsSpec

HEAD = """# A draft: replace every "unknown", and say what the classes mean.
"""
GROUP = {
    "folder": """# Where file names contain the patient, say how, so that no patient is in two parts, e.g.
# group: '{pattern}'
""",
    "npz": """# Where an array holds the patient of each case, name it, so that no patient is in two parts:
# group: patient
""",
    "memory": "",
}
PATTERN = "^(?P<group>[^_]+)_"


def draft_card(found: Inspection, *, data: Path | None = None, beside: Path | None = None) -> str:
    """Return the YAML text of a card: the card in use where there is one, with the rows found.

    Args:
        found: the inspection.
        data: where the data lies.
        beside: the folder that the card will lie in, from which its path to the data counts.
    """
    loaded = found.loaded
    rows = {part: len(samples) for part, samples in loaded.parts.items()}
    place = {} if data is None else {"path": _path(data, beside)}
    if loaded.card is not None:
        known = loaded.card.model_dump(mode="json", exclude_defaults=True)
        return _yaml({**known, **place, **_chosen(found), "rows": rows})
    first = next(iter(loaded.parts.values()))
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", found.name).strip("_-")[:64] or "data"
    values: dict[str, Any] = {
        "name": name,
        "title": name,
        "licence": "unknown",
        "source": "unknown",
        "citation": "unknown",
        "kind": loaded.layout,
        **place,
        "modality": loaded.kind.name,
        "task": "binary-class" if len(loaded.classes) == 2 else "multi-class",
        "target": "unknown",
        "classes": list(loaded.listed or loaded.classes),
        **_chosen(found),
        "split": "official" if "test" in rows else "stratified",
        "rows": rows,
        **({} if first.value_range is None else {"value_range": list(first.value_range)}),
        "avoid": [],
    }
    if loaded.kind in (IMAGE, VOLUME) and max(first.shape[1:]) <= 1024:
        values["image_size"] = max(first.shape[1:])
    known_groups = all(part.group is not None for part in loaded.parts.values())
    hint = "" if known_groups else GROUP.get(loaded.layout, "")
    return HEAD + _yaml(values) + hint.replace("{pattern}", found.group_pattern or PATTERN)


def _chosen(found: Inspection) -> dict[str, Any]:
    """Return the columns that the data was read by, and the classes that were left out."""
    loaded = found.loaded
    columns = loaded.columns.model_dump(mode="json", exclude_none=True)
    gone = [name for name in loaded.listed if name not in loaded.classes]
    return {
        **({"columns": columns} if loaded.columns != ColumnsSpec() else {}),
        **({"exclude_classes": gone} if gone else {}),
    }


def _path(data: Path, beside: Path | None) -> str:
    """Return the path of the data from the card's folder; the whole one where they share nothing."""
    if beside is None:
        return str(data)
    try:
        return Path(os.path.relpath(data.expanduser().resolve(), beside.expanduser().resolve())).as_posix()
    except ValueError:  # another drive
        return str(data.expanduser().resolve())


def _yaml(values: dict[str, Any]) -> str:
    return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100))
