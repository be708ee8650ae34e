"""Samples that try every form of an expanded dataset, and how each is read without code of ours."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import mlcroissant
import nibabel
import numpy as np
import numpy.typing as npt
import pandas as pd
import pydicom
from monai.data import NumpyReader, PILReader, load_decathlon_datalist
from PIL import Image

import datasets
from augmentor.core.kinds import IMAGE, SERIES, VOLUME, Kind
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.data.expanded import About, Expanded

CLASSES = ("normal", "=cmd|x")
ABOUT = About("demo", "Demo <b>set</b>", "CC BY 4.0", "https://example.org/demo", "Doe 2020")


@dataclass(frozen=True)
class Form:
    """A kind of samples, their type and the values they may take."""

    kind: Kind
    shape: tuple[int, ...]
    dtype: str
    low: float
    high: float


FORMS = {
    "grey": Form(IMAGE, (1, 5, 6), "uint8", 0, 255),
    "digits": Form(IMAGE, (1, 5, 6), "uint8", 0, 16),
    "colour": Form(IMAGE, (3, 5, 6), "uint8", 0, 255),
    "scan": Form(IMAGE, (1, 5, 6), "uint16", 0, 4095),
    "deep colour": Form(IMAGE, (3, 5, 6), "uint16", 0, 65535),
    "floats": Form(IMAGE, (1, 5, 6), "float32", -1024, 3071),
    "volume": Form(VOLUME, (1, 4, 5, 6), "uint8", 0, 255),
    "deep volume": Form(VOLUME, (1, 4, 5, 6), "float32", -1000, 1000),
    "channels": Form(VOLUME, (2, 4, 5, 6), "uint16", 0, 4095),
    "series": Form(SERIES, (2, 7), "float32", -3, 3),
}
REFUSED = {("dicom", "deep colour"), ("dicom", "channels")}


def samples(form: Form, n: int, seed: int, **more: Any) -> Samples:
    x = np.random.default_rng(seed).uniform(form.low, form.high, (n, *form.shape))
    x[0].flat[:2] = form.low, form.high
    dtype = np.dtype(form.dtype)
    return Samples(
        x=(np.rint(x) if dtype.kind == "u" else x).astype(dtype),
        y=np.arange(n) % 2,
        classes=CLASSES,
        ids=np.array([f"Anna/{seed}-{row}" for row in range(n)]),
        value_range=(form.low, form.high),
        kind=form.kind,
        **more,
    )


def expanded(name: str) -> Expanded:
    form = FORMS[name]
    real = samples(form, 5, 0, group=np.array(["Anna", "Anna", "Bert", "Bert", "Cleo"]))
    made = replace(samples(form, 3, 1), ids=np.array(["gan-0", "gan-1", "gan-2"]))
    table = pd.DataFrame(
        {
            "synthesizer": ["5" * 64] * 3,
            "seed": [2**62 + n for n in range(3)],
            "label_confidence": [0.5, 0.25, 1],
        }
    )
    kept = np.array([True, False, True])
    return Expanded.of(real, SyntheticSet(made, table, kept, np.where(kept, "", "copy")), ABOUT)


@dataclass(frozen=True)
class Read:
    """A row as a foreign library gives it."""

    name: str
    x: npt.NDArray[Any]
    label: int
    label_name: str
    source: str
    provenance: tuple[str, str]


def table_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def of_table(row: dict[str, str], x: npt.NDArray[Any]) -> Read:
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())
    return Read(
        Path(row["file_name"]).name.partition(".")[0],
        x,
        int(row["label"]),
        row["class"].removeprefix("'"),
        row["source"],
        (row["synthesizer"], row["seed"]),
    )


def channels_first(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return plane[None] if plane.ndim == 2 else np.moveaxis(plane[:, :, ::-1], 2, 0)


def from_files(folder: Path, data: Expanded) -> Iterator[Read]:
    for row in table_rows(folder):
        path = folder / row["file_name"]
        if path.suffix == ".npy":
            yield of_table(row, np.load(path, allow_pickle=False))
            continue
        pixels = channels_first(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        low, high = data.samples.value_range or (0, 0)
        value = low + pixels / np.iinfo(pixels.dtype).max * (high - low)  # as the README says
        yield of_table(row, np.rint(value) if data.samples.array.dtype.kind == "u" else value)


def from_hugging_face(folder: Path, data: Expanded) -> Iterator[Read]:
    cache = str(folder.parent / "cache")
    found = datasets.load_dataset(str(folder), cache_dir=cache, split="train")
    names = found.features["label"].names
    for row in found:
        pixels = np.asarray(row["image"]) if "image" in row else np.asarray(row["array"])
        x = pixels if "array" in row else pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)
        assert row["is_synthetic"] is (row["source"] == "synthetic")
        provenance = (row["synthesizer"] or "", "" if row["seed"] is None else str(row["seed"]))
        yield Read(row["name"], x, row["label"], names[row["label"]], row["source"], provenance)


def of_list(folder: Path, load: Callable[[str], npt.NDArray[Any]]) -> Iterator[Read]:
    names = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["labels"]
    for row in load_decathlon_datalist(folder / "dataset.json", is_segmentation=False):
        assert ("shows no real case" in row.get("note", "")) is (row["source"] == "synthetic")
        provenance = (row.get("synthesizer", ""), str(row.get("seed", "")))
        label = row["label"]
        yield Read(row["name"], load(row["image"]), label, names[str(label)], row["source"], provenance)


def from_monai(folder: Path, data: Expanded) -> Iterator[Read]:
    def load(place: str) -> npt.NDArray[Any]:
        if place.endswith(".npy"):
            reader = NumpyReader()
            return np.asarray(reader.get_data(reader.read(place))[0])
        # MONAI's reader of pictures gives (width, height[, colours]).
        pictures = PILReader()
        found = np.asarray(pictures.get_data(pictures.read(place))[0])
        return found.T[None] if found.ndim == 2 else np.transpose(found, (2, 1, 0))

    return of_list(folder, load)


def from_nifti(folder: Path, data: Expanded) -> Iterator[Read]:
    def load(place: str) -> npt.NDArray[Any]:
        image = nibabel.load(place)
        assert image.header["qform_code"] == image.header["sform_code"] == 0
        said = "synthetic" in str(image.header["descrip"])
        assert said is Path(place).name.startswith("synthetic")
        x = np.asanyarray(image.dataobj)
        x = x[:, :, :, 0] if x.ndim == 5 else x[..., None]
        x = np.transpose(x, (3, 2, 1, 0))
        return x[:, 0] if data.samples.kind == IMAGE else x

    return of_list(folder, load)


def from_shards(folder: Path, data: Expanded) -> Iterator[Read]:
    for path in sorted(folder.glob("train-*.tar")):
        with tarfile.open(path) as shard:
            files = {member.name: shard.extractfile(member).read() for member in shard}
        for name in sorted({file.partition(".")[0] for file in files}):
            facts = json.loads(files[f"{name}.json"])
            assert ("shows no real case" in facts.get("note", "")) is (facts["source"] == "synthetic")
            if f"{name}.png" in files:
                pixels = np.asarray(Image.open(io.BytesIO(files[f"{name}.png"])))
                x = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)
            else:
                x = np.load(io.BytesIO(files[f"{name}.npy"]), allow_pickle=False)
            provenance = (facts.get("synthesizer", ""), str(facts.get("seed", "")))
            yield Read(name, x, int(files[f"{name}.cls"]), facts["class"], facts["source"], provenance)


def from_png16(folder: Path, data: Expanded) -> Iterator[Read]:
    said = json.loads((folder / "values.json").read_text(encoding="utf-8"))
    assert said["value"].startswith("intercept + slope * pixel")
    for row in table_rows(folder):
        pixels = channels_first(cv2.imread(str(folder / row["file_name"]), cv2.IMREAD_UNCHANGED))
        assert pixels.dtype == np.uint16
        line = float(row.pop("slope")), float(row.pop("intercept"))
        with Image.open(folder / row["file_name"]) as picture:
            assert picture.info["Source"].startswith(row["source"])
        yield of_table(row, line[1] + line[0] * pixels)


def from_dicom(folder: Path, data: Expanded) -> Iterator[Read]:
    for row in table_rows(folder):
        found = pydicom.dcmread(folder / row["file_name"])
        assert found.SyntheticData == {"synthetic": "YES", "real": "NO"}[row["source"]]
        assert found.ImageType[0] == "DERIVED"
        x = found.pixel_array
        if found.SamplesPerPixel == 1:
            x = x * float(found.RescaleSlope) + float(found.RescaleIntercept)
        yield of_table(row, np.moveaxis(x, 2, 0) if found.SamplesPerPixel == 3 else x[None])


def from_croissant(folder: Path, data: Expanded) -> Iterator[Read]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the packages under mlcroissant
        described = mlcroissant.Dataset(folder / "croissant.json")
        assert not described.metadata.ctx.issues.errors
        records = list(described.records("samples"))
    files = {read.name: read.x for read in from_files(folder, data)}
    for record in records:
        row = {name.rpartition("/")[2]: value for name, value in record.items()}
        texts = {
            name: "" if pd.isna(value) else value.decode() if isinstance(value, bytes) else str(value)
            for name, value in row.items()
        }
        texts["seed"] = str(int(texts["seed"], 16)) if texts["seed"] else ""
        name = Path(texts["file_name"]).stem
        yield of_table(texts, files[name])
