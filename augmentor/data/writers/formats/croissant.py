"""Class folders with a description in Croissant, the vocabulary of MLCommons for datasets (JSON-LD)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from augmentor.core.files import json_text, sha256_file
from augmentor.core.version import __version__
from augmentor.data.expanded import Expanded
from augmentor.data.export_spec import ExportOptions
from augmentor.data.writers.formats import folders
from augmentor.data.writers.formats.base import ARTIFICIAL, write_card, write_table

CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context of Croissant 1.0, word for word: mlcroissant warns of any other."""
COLUMNS: Final = {
    "file_name": ("sc:Text", "path of the file"),
    "label": ("sc:Integer", "number of the class"),
    "class": ("sc:Text", "name of the class"),
    "source": ("sc:Text", f"real, or {ARTIFICIAL}"),
    "synthesizer": ("sc:Text", "of a synthetic row: SHA-256 of the generator that made it"),
    "seed": ("sc:Text", "of a synthetic row: what its randomness derives from, hexadecimal"),
}
TABLE: Final = "metadata.csv"


def write(folder: Path, data: Expanded, options: ExportOptions) -> None:
    """Write the class folders, metadata.csv and croissant.json."""
    places = folders.write_files(folder, data)
    write_table(folder / TABLE, data, places, hexadecimal=True)
    (folder / "croissant.json").write_text(json_text(_described(folder, data)), encoding="utf-8")
    write_card(
        folder,
        data,
        folders.error(data.samples),
        files=f"`croissant.json` describes `{TABLE}` and `train/<class>/<name>` in Croissant 1.0; "
        "`mlcroissant.Dataset('croissant.json').records('samples')` reads the rows. "
        + folders.WRITERS[data.samples.kind.name].describe(data.samples),
    )


def _described(folder: Path, data: Expanded) -> dict[str, Any]:
    ending = folders.WRITERS[data.samples.kind.name].ending
    kind = data.samples.kind
    about = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": data.about.name,
        "description": f"{data.about.title}: {sum(data.counts('real').values())} real training {kind.plural} "
        f"and {sum(data.counts('synthetic').values())} synthetic ones. Synthetic {kind.plural} were made "
        f"by a "
        "generative model and show no real case; the column source tells them apart.",
        "version": __version__,
        "license": data.about.licence or "unknown",
        "keywords": ["synthetic data", "data augmentation", kind.name],
        "rai:dataCollection": "Synthetic rows were sampled from a generative model that was trained on the "
        "real "
        "training part alone, and filtered.",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": TABLE,
                "name": TABLE,
                "contentUrl": TABLE,
                "encodingFormat": "text/csv",
                "sha256": sha256_file(folder / TABLE),
            },
            {
                "@type": "cr:FileSet",
                "@id": "files",
                "name": "files",
                "description": f"a file for each {kind.name}",
                "encodingFormat": "image/png" if ending == "png" else "application/x-npy",
                "includes": f"train/*/*.{ending}",
            },
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "samples",
                "name": "samples",
                "key": {"@id": "samples/file_name"},
                "field": [_field(name, *said) for name, said in COLUMNS.items()],
            }
        ],
    }
    if data.about.citation:
        about["citeAs"] = data.about.citation
    if data.about.source.startswith(("http://", "https://")):
        about["url"] = data.about.source
    return about


def _field(name: str, kind: str, meaning: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"samples/{name}",
        "name": name,
        "description": meaning,
        "dataType": kind,
        "source": {"fileObject": {"@id": TABLE}, "extract": {"column": name}},
    }
