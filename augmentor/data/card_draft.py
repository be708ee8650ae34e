"""A draft of a dataset card, from an inspection."""

from __future__ import annotations

import re
from typing import Any

import yaml

from augmentor.core.kinds import IMAGE, VOLUME
from augmentor.data.inspection import Inspection

HEAD = """# A draft: replace every "unknown", and say what the classes mean.
"""
GROUP = {
    "folder": """# Where file names contain the patient, say how, so that no patient is in two parts, e.g.
# group: '^(?P<group>[^_]+)_'
""",
    "npz": """# Where an array holds the patient of each case, name it, so that no patient is in two parts:
# group: patient
""",
    "memory": "",
}


def draft_card(found: Inspection) -> str:
    """Return the YAML text of a card: the card in use where there is one, with the rows found."""
    loaded = found.loaded
    rows = {part: len(samples) for part, samples in loaded.parts.items()}
    if loaded.card is not None:
        known = loaded.card.model_dump(mode="json", exclude_defaults=True)
        return _yaml({**known, "rows": rows})
    first = next(iter(loaded.parts.values()))
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", found.name).strip("_-")[:64] or "data"
    values: dict[str, Any] = {
        "name": name,
        "title": name,
        "licence": "unknown",
        "source": "unknown",
        "citation": "unknown",
        "kind": loaded.layout,
        "modality": loaded.kind.name,
        "task": "binary-class" if len(loaded.classes) == 2 else "multi-class",
        "target": "unknown",
        "classes": list(loaded.classes),
        "split": "official" if "test" in rows else "stratified",
        "rows": rows,
        **({} if first.value_range is None else {"value_range": list(first.value_range)}),
        "avoid": [],
    }
    if loaded.kind in (IMAGE, VOLUME) and max(first.shape[1:]) <= 1024:
        values["image_size"] = max(first.shape[1:])
    return HEAD + _yaml(values) + GROUP.get(loaded.layout, "")


def _yaml(values: dict[str, Any]) -> str:
    return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100))
