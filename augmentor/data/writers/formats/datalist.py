"""Lists of files as MONAI and the Medical Segmentation Decathlon write them (``dataset.json``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from augmentor.core.files import json_text
from augmentor.data.expanded import Expanded
from augmentor.data.export_spec import ExportOptions
from augmentor.data.writers.formats.base import ARTIFICIAL, encoded, ending, row_facts, write_card

FOLDER = "imagesTr"
LIST = "dataset.json"


def write(folder: Path, data: Expanded, options: ExportOptions) -> None:
    """Write ``imagesTr/<name>.png`` or ``.npy``, and the list of them."""
    (folder / FOLDER).mkdir()
    places = [f"{FOLDER}/{name}.{ending(data.samples)}" for name in data.samples.ids]
    for row, place in enumerate(places):
        (folder / place).write_bytes(encoded(data.samples, row))
    write_list(folder, data, places)
    reader = (
        "pictures are read by `LoadImaged`"
        if ending(data.samples) == "png"
        else "arrays are channels first: `LoadImaged(keys='image', reader='NumpyReader')` and "
        "`EnsureChannelFirstd(keys='image', channel_dim=0)`"
    )
    write_card(
        folder,
        data,
        0.0,
        files=f"`{LIST}` lists `{FOLDER}/`; `monai.data.load_decathlon_datalist('{LIST}', "
        f"is_segmentation=False)` "
        f"reads it, and {reader}.",
    )


def write_list(folder: Path, data: Expanded, places: list[str]) -> None:
    """Write dataset.json: a dictionary a row with ``image``, ``label`` and its provenance.

    The fields are those of the Decathlon's dataset.json; ``label`` is a number, as for classification.
    """
    rows = []
    for facts, place in zip(row_facts(data), places, strict=True):
        note = {"note": ARTIFICIAL} if facts["source"] == "synthetic" else {}
        rows.append({"image": f"./{place}", **facts, **note})
    about: dict[str, Any] = {
        "name": data.about.name,
        "description": f"{data.about.title}, expanded: real training {data.samples.kind.plural} and "
        f"synthetic "
        "ones, which `source` tells apart",
        "reference": data.about.source,
        "licence": data.about.licence or "unknown",
        "release": "",
        "tensorImageSize": f"{len(data.samples.shape) - 1}D",
        "modality": {str(channel): "unknown" for channel in range(data.samples.shape[0])},
        "labels": {str(label): name for label, name in enumerate(data.samples.classes)},
        "numTraining": len(rows),
        "numTest": 0,
        "training": rows,
        "test": [],
    }
    (folder / LIST).write_text(json_text(about), encoding="utf-8")
