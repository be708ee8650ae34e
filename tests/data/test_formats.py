"""Every form of an expanded dataset, read back by the library that it is for, and by no code of ours."""

from __future__ import annotations

import inspect
import json
import shutil
import tarfile
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import nibabel
import numpy as np
import pandas as pd
import pydicom
import pytest
from format_readers import (
    ABOUT,
    CLASSES,
    FORMS,
    REFUSED,
    Read,
    expanded,
    from_croissant,
    from_dicom,
    from_files,
    from_hugging_face,
    from_monai,
    from_nifti,
    from_png16,
    from_shards,
    samples,
    table_rows,
)
from huggingface_hub import HfApi
from PIL import Image

import datasets
from augmentor.core.calibration import Calibration
from augmentor.core.errors import ConfigError, DataError
from augmentor.core.synthetic import SyntheticSet
from augmentor.data.expanded import Expanded
from augmentor.data.export_spec import ExportOptions
from augmentor.data.load import load
from augmentor.data.spec import ImageSpec
from augmentor.data.torch_dataset import ExpandedDataset
from augmentor.data.writers.formats.table import FORMATS, write_format
from augmentor.modalities.export import export

READERS: dict[str, Callable[[Path, Expanded], Iterator[Read]]] = {
    "folders": from_files,
    "huggingface": from_hugging_face,
    "monai": from_monai,
    "webdataset": from_shards,
    "png16": from_png16,
    "nifti": from_nifti,
    "dicom": from_dicom,
    "croissant": from_croissant,
}
CASES = [
    (name, form)
    for name, one in FORMATS.items()
    for form in FORMS
    if FORMS[form].kind.name in one.kinds and (name, form) not in REFUSED
]


def test_every_format_is_read_back_here() -> None:
    assert set(READERS) == set(FORMATS)


@pytest.mark.parametrize(("name", "form"), CASES)
def test_a_round_trip_gives_the_same_samples_labels_and_provenance(
    tmp_path: Path, name: str, form: str
) -> None:
    data = expanded(form)
    write_format(name, tmp_path / "out", data)
    found = {read.name: read for read in READERS[name](tmp_path / "out", data)}
    assert sorted(found) == sorted(data.samples.ids)
    error = FORMATS[name].error(data.samples)
    for row, key in enumerate(data.samples.ids):
        read, facts = found[str(key)], data.rows.iloc[row]
        x = data.samples.array[row]
        assert read.x.shape == x.shape
        if error == 0:
            np.testing.assert_array_equal(read.x, x)
        else:  # and the rounding of 32-bit floats
            assert np.abs(read.x - x).max() <= error + np.abs(x).max() * 1e-7
            assert np.abs(read.x - x).max() > error / 10  # the stated error is not a wild guess
        assert (read.label, read.label_name) == (facts["label"], facts["class"])
        assert read.source == facts["source"]
        seed = "" if pd.isna(facts["seed"]) else str(facts["seed"])
        assert read.provenance == (facts["synthesizer"] if seed else "", seed)
    readme = (tmp_path / "out/README.md").read_text(encoding="utf-8")
    assert "show no real case" in readme
    assert "CC BY 4.0" in readme
    assert "<b>" not in readme.rpartition("---\n\n#")[2]  # before it is YAML, not Markdown
    # Neither a patient's name nor the path of a file in the hospital leaves.
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"Anna" not in written


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_rows_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    for folder in ("one", "two"):
        write_format(name, tmp_path / folder, expanded("grey"))
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert all(
        (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files
    )


VALUES: dict[str, Any] = {"samples_per_shard": 2, "spacing": (0.5, 0.25), "window": (10.0, 200.0)}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("option", ExportOptions.model_fields)
def test_an_option_changes_what_is_written_or_is_refused(tmp_path: Path, name: str, option: str) -> None:
    options = ExportOptions(**{option: VALUES[option]})
    if option not in FORMATS[name].options:
        with pytest.raises(ConfigError, match=f"does not read {option}, which is for"):
            write_format(name, tmp_path / "out", expanded("grey"), options)
        return
    for folder, wanted in (("plain", None), ("asked", options)):
        write_format(name, tmp_path / folder, expanded("grey"), wanted)
    plain, asked = (
        {path.relative_to(tmp_path / folder): path.read_bytes() for path in (tmp_path / folder).rglob("*.*")}
        for folder in ("plain", "asked")
        if (tmp_path / folder).is_dir()
    )
    assert plain != asked


def test_spacing_and_window_are_where_viewers_look(tmp_path: Path) -> None:
    flat = ExportOptions(spacing=(0.5, 0.25), window=(-160, 240))
    deep = ExportOptions(spacing=(3, 0.5, 0.25), window=(-160, 240))
    write_format("nifti", tmp_path / "nifti", expanded("deep volume"), deep)
    head = nibabel.load(tmp_path / "nifti/imagesTr/real-000000.nii.gz").header
    assert tuple(head.get_zooms()) == (0.25, 0.5, 3)
    assert head.get_xyzt_units()[0] == "mm"
    assert (head["cal_min"], head["cal_max"]) == (-160, 240)
    write_format("dicom", tmp_path / "dicom", expanded("deep volume"), deep)
    found = pydicom.dcmread(tmp_path / "dicom/train/normal/real-000000.dcm")
    assert (list(found.PixelSpacing), found.SpacingBetweenSlices) == ([0.5, 0.25], 3)
    assert (found.WindowCenter, found.WindowWidth, found.VOILUTFunction) == (40, 400, "LINEAR_EXACT")
    assert found.NumberOfFrames == 4
    write_format("png16", tmp_path / "png16", expanded("floats"), flat)
    said = json.loads((tmp_path / "png16/values.json").read_text(encoding="utf-8"))
    assert said["window"] == [-160, 240]
    row = table_rows(tmp_path / "png16")[0]
    assert (row["spacing_height"], row["spacing_width"]) == ("0.5", "0.25")
    with Image.open(tmp_path / "png16/train/normal/real-000000.png") as picture:
        # 0.25 mm between columns and 0.5 mm between rows are 101.6 and 50.8 dots per inch.
        assert picture.info["dpi"] == pytest.approx((101.6, 50.8))


def test_dicom_files_have_their_own_identity(tmp_path: Path) -> None:
    write_format("dicom", tmp_path / "out", expanded("grey"))
    found = [pydicom.dcmread(path) for path in sorted((tmp_path / "out").rglob("*.dcm"))]
    for name in ("SOPInstanceUID", "SeriesInstanceUID"):
        assert len({getattr(one, name) for one in found}) == len(found) == 7
    # Anna's and Bert's two pictures are a study each, Cleo's one and each synthetic one.
    assert len({one.StudyInstanceUID for one in found}) == 5
    assert all(one.SOPClassUID.name == "Secondary Capture Image Storage" for one in found)
    made = [one for one in found if one.SyntheticData == "YES"]
    assert len(made) == 2
    for one in made:
        assert one.ConversionType == "SYN"
        assert "shows no real case" in one.DerivationDescription
        assert str(one.PatientID).startswith("SYNTHETIC-")
    assert {str(one.StudyDate) + str(one.PatientBirthDate) for one in found} == {""}


@pytest.mark.parametrize(("name", "form"), sorted(REFUSED))
def test_what_a_secondary_capture_does_not_hold_is_refused(tmp_path: Path, name: str, form: str) -> None:
    with pytest.raises(DataError, match=r"is grey, or an 8-bit picture.*nifti holds them"):
        write_format(name, tmp_path / "out", expanded(form))
    assert not (tmp_path / "out").exists()


def test_a_format_that_does_not_fit_names_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no format 'tfrecord'; there are folders, huggingface"):
        write_format("tfrecord", tmp_path / "out", expanded("grey"))
    with pytest.raises(DataError, match=r"nifti holds image and volume, and these are series; folders"):
        write_format("nifti", tmp_path / "out", expanded("series"))
    with pytest.raises(ConfigError, match=r"each of the 3 axes of a volume, got \[1.0, 1.0\]"):
        write_format("nifti", tmp_path / "out", expanded("volume"), ExportOptions(spacing=(1, 1)))


def test_a_missing_package_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "nifti", replace(FORMATS["nifti"], packages=("no_such_package",)))
    with pytest.raises(ConfigError, match=r"needs no_such_package.*pip install 'gan-augmentor\[medical\]'"):
        write_format("nifti", tmp_path / "out", expanded("grey"))


def test_shards_hold_as_many_samples_as_asked(tmp_path: Path) -> None:
    write_format("webdataset", tmp_path / "out", expanded("grey"), ExportOptions(samples_per_shard=3))
    counts = []
    for path in sorted((tmp_path / "out").glob("*.tar")):
        with tarfile.open(path) as shard:
            counts.append(len(shard.getnames()) // 3)
    assert counts == [3, 3, 1]


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_read_from_a_run_is_written_as_what_was_made(tmp_path: Path, name: str) -> None:
    data = expanded("scan")
    real = samples(FORMS["scan"], 5, 0, group=np.array(["Anna", "Anna", "Bert", "Bert", "Cleo"]))
    made = replace(samples(FORMS["scan"], 2, 1), ids=np.array(["gan-0", "gan-2"]))
    table = pd.DataFrame({"synthesizer": ["5" * 64] * 2, "seed": [1, 2]})
    kept = np.ones(2, dtype=bool)
    synthetic = SyntheticSet(made, table, kept, np.array(["", ""]))
    export(tmp_path / "expanded", real, synthetic, layout="npz", name="demo")
    read = ExpandedDataset.from_folder(tmp_path / "expanded", about=ABOUT).data
    np.testing.assert_array_equal(read.samples.array, Expanded.of(real, synthetic).samples.array)
    write_format(name, tmp_path / "out", read)
    found = {one.name: one for one in READERS[name](tmp_path / "out", read)}
    np.testing.assert_array_equal(found["real-000003"].x, data.samples.array[3])
    assert found["synthetic-000001"].provenance == ("5" * 64, "2")


class Hub:
    """A hub in a folder; it checks calls against the signatures of the real one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.made: dict[str, Any] = {}

    def bound(self, name: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        found = inspect.signature(getattr(HfApi, name)).bind(self, *args, **kwargs)
        return dict(found.arguments)

    def create_repo(self, *args: Any, **kwargs: Any) -> None:
        self.made = self.bound("create_repo", *args, **kwargs)

    def upload_folder(self, *args: Any, **kwargs: Any) -> types.SimpleNamespace:
        said = self.bound("upload_folder", *args, **kwargs)
        assert said["repo_type"] == "dataset"
        shutil.copytree(said["folder_path"], self.root / said["repo_id"])
        return types.SimpleNamespace(commit_url=f"https://hub.example/{said['repo_id']}/commit/1")


def test_what_is_pushed_to_a_hub_is_loaded_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, tokens = Hub(tmp_path / "hub"), []
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda token: tokens.append(token) or hub)
    data = expanded("colour")
    write_format("folders", tmp_path / "expanded", data)
    dataset = ExpandedDataset.from_folder(tmp_path / "expanded", about=ABOUT)
    assert dataset.push_to_hub("me/rare", token="secret") == "https://hub.example/me/rare/commit/1"
    assert tokens == ["secret"]
    assert (hub.made["repo_id"], hub.made["private"], hub.made["exist_ok"]) == ("me/rare", True, True)
    found = datasets.load_dataset(str(hub.root / "me/rare"), cache_dir=str(tmp_path / "cache"), split="train")
    assert found.features["label"].names == list(CLASSES)
    assert sum(found["is_synthetic"]) == 2
    np.testing.assert_array_equal(np.asarray(found[0]["image"]).transpose(2, 0, 1), data.samples.array[0])


def test_a_dataset_is_saved_in_a_form_with_its_options(tmp_path: Path) -> None:
    real = samples(FORMS["grey"], 4, 0)
    dataset = ExpandedDataset(real)
    assert dataset.save_as("webdataset", tmp_path / "out", samples_per_shard=3) == tmp_path / "out"
    assert len(list((tmp_path / "out").glob("*.tar"))) == 2
    with pytest.raises(ConfigError, match=r"unknown key 'spacings'; did you mean 'spacing'"):
        dataset.save_as("nifti", tmp_path / "other", spacings=(1, 1))


@pytest.mark.parametrize("form", ["grey", "volume"])
@pytest.mark.parametrize("name", ["folders", "monai", "nifti", "dicom", "croissant"])
def test_what_is_read_as_data_again_are_the_real_rows_alone(tmp_path: Path, name: str, form: str) -> None:
    data = expanded(form)
    write_format(name, tmp_path / "out", data)
    real = ~data.is_synthetic
    tables = [
        path for path in (tmp_path / "out").glob("*.*") if path.name in {"metadata.csv", "dataset.json"}
    ]
    assert tables
    for target in (tmp_path / "out", *tables):
        loaded = load(str(target), image=ImageSpec(stack="volume" if name == "dicom" else None))
        (part,) = loaded.parts.values()
        names = {Path(str(one)).name.partition(".")[0]: row for row, one in enumerate(part.ids)}
        assert sorted(names) == sorted(data.samples.ids[real])
        assert len(loaded.skipped) == 2
        assert all("synthetic" in one.reason for one in loaded.skipped)
        order = [names[str(one)] for one in data.samples.ids[real]]
        np.testing.assert_array_equal(part.array[order], data.samples.array[real])
        # Class folders are known by their folders, tables by the names in them.
        wanted = (
            ("_cmd_x", "normal")
            if target.is_dir() and name not in {"monai", "nifti"}
            else ("=cmd|x", "normal")
        )
        assert part.classes == wanted
        assert [part.classes[label] == "normal" for label in part.y[order]] == [
            CLASSES[label] == "normal" for label in data.samples.y[real]
        ]


def test_a_column_called_source_alone_marks_nothing(tmp_path: Path) -> None:
    write_format("monai", tmp_path / "out", expanded("grey"))
    path = tmp_path / "out/dataset.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    for row in said["training"]:
        row.pop("synthesizer", None)
    path.write_text(json.dumps(said), encoding="utf-8")
    assert len(load(str(tmp_path / "out")).parts["train"]) == 7


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("nifti", "scan"),
        ("nifti", "deep volume"),
        ("dicom", "scan"),
        ("dicom", "deep volume"),
        ("png16", "scan"),
    ],
)
def test_medical_files_leave_in_the_scanners_units_and_spacing(tmp_path: Path, name: str, form: str) -> None:
    ndim = len(FORMS[form].shape) - 1
    scale = np.array([[2.0, -1024.0], [1.0, 0.0], [0.5, 10.0], [1.5, -3.0], [1.0, -1024.0]])
    spacing = np.linspace(0.5, 2.5, 5 * ndim).reshape(5, ndim)
    spacing[1] = np.nan
    real = replace(samples(FORMS[form], 5, 0), calibration=Calibration(scale, spacing, "HU"))
    made = replace(samples(FORMS[form], 2, 1), ids=np.array(["gan-0", "gan-1"]))
    table = pd.DataFrame({"synthesizer": ["5" * 64] * 2, "seed": [1, 2]})
    data = Expanded.of(real, SyntheticSet(made, table, np.ones(2, bool), np.array(["", ""])), ABOUT)
    assert data.samples.calibration is not None
    expected = data.samples.calibration.measured(data.samples.array)
    write_format(name, tmp_path / "out", data)
    found = {one.name: one.x for one in READERS[name](tmp_path / "out", data)}
    error = FORMATS[name].error(data.samples)
    for row, key in enumerate(data.samples.ids):
        slope = data.samples.calibration.scale[row, 0]
        assert (
            np.abs(found[str(key)] - expected[row]).max() <= slope * error * 1.01 + 1e-3 * (error > 0) + 1e-4
        )
    # Nobody measured a synthetic sample: it has what is typical of the real ones.
    typical = np.median(np.delete(spacing, 1, axis=0), axis=0)
    assert spacing_of(name, tmp_path / "out", "synthetic-000000") == pytest.approx(typical)
    assert spacing_of(name, tmp_path / "out", "real-000002") == pytest.approx(spacing[2])
    unknown = spacing_of(name, tmp_path / "out", "real-000001")
    assert unknown is None or np.isnan(unknown).all()


def spacing_of(name: str, folder: Path, row: str) -> Any:
    """Return what a file says of its spacing, depth first."""
    (place,) = (path for path in folder.rglob(f"{row}.*"))
    if name == "nifti":
        head = nibabel.load(place).header
        known = head.get_xyzt_units()[0] == "mm"
        flat = head["dim"][3] == 1
        return np.array(head.get_zooms()[:3][::-1])[1 if flat else 0 :] if known else None
    if name == "dicom":
        found = pydicom.dcmread(place)
        if "PixelSpacing" not in found:
            return None
        depth = [found.SpacingBetweenSlices] if "SpacingBetweenSlices" in found else []
        return np.array([*depth, *found.PixelSpacing], dtype=float)
    (line,) = (one for one in table_rows(folder) if Path(one["file_name"]).stem == row)
    return np.array([float(line[f"spacing_{side}"] or "nan") for side in ("height", "width")])


@pytest.mark.parametrize("dataset", ["pneumoniamnist", "retinamnist", "adrenalmnist3d", "indoor_movement"])
def test_real_sets_make_the_round_trip_through_every_form(
    tmp_path: Path, shared: Callable[[str], Path], dataset: str
) -> None:
    part = load(dataset, data=shared(dataset)).parts
    whole = part.get("train", part.get("all"))
    assert whole is not None
    real = whole.take(np.linspace(0, len(whole) - 1, 12).astype(int))
    # Stand-ins for what a generator makes: mirrored rows.
    made = replace(whole.take(np.arange(4)), ids=np.array([f"gan-{n}" for n in range(4)]), group=None)
    made = replace(made, x=np.ascontiguousarray(made.array[..., ::-1]))
    table = pd.DataFrame({"synthesizer": ["5" * 64] * 4, "seed": [1] * 4})
    kept = np.ones(4, dtype=bool)
    data = Expanded.of(real, SyntheticSet(made, table, kept, np.array([""] * 4)), ABOUT)
    for name, form in FORMATS.items():
        if real.kind.name not in form.kinds:
            continue
        write_format(name, tmp_path / name, data)
        found = {read.name: read for read in READERS[name](tmp_path / name, data)}
        assert len(found) == 16
        for row, key in enumerate(data.samples.ids):
            read = found[str(key)]
            assert np.abs(read.x - data.samples.array[row].astype(float)).max() <= form.error(data.samples)
            assert read.label_name == data.rows["class"].iloc[row]
            assert (read.source == "synthetic") is bool(data.is_synthetic[row])
