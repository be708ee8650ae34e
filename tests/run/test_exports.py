"""Further forms of what a run leaves: asked for in its recipe, or written later by the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from monai.bundle import ConfigParser
from pydantic import ValidationError

import datasets
from augmentor.core.conditions import Conditions
from augmentor.core.errors import ConfigError
from augmentor.data.writers.formats.table import FORMATS
from augmentor.experiment.verdict_of import verdict
from augmentor.run.compose.expand import run_job
from augmentor.run.export_spec import GENERATOR_FORMATS, ExportSpec, check_formats
from augmentor.run.exports import expanded_of, export_run
from augmentor.run.recipe import load_recipe
from augmentor.run.session import Job
from augmentor.synthesizers.build import load_synthesizer

ASKED = ["export.formats=[huggingface,monai_bundle]"]


@pytest.fixture(scope="module")
def made(tiny_recipe: Path, tiny_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = load_recipe(str(tiny_recipe), ASKED, data=tiny_images)
    return run_job(Job(recipe, tmp_path_factory.mktemp("exported"))).folder


@pytest.mark.slow
def test_a_recipe_names_the_forms_that_its_run_leaves(made: Path, tmp_path: Path) -> None:
    assert sorted(path.name for path in (made / "exports").iterdir()) == ["huggingface", "monai_bundle"]
    found = datasets.load_dataset(str(made / "exports/huggingface"), cache_dir=str(tmp_path), split="train")
    table = pd.read_csv(made / "expanded/metadata.csv")
    assert found["source"] == list(table["source"])
    listed = json.loads((made / "manifest.json").read_text(encoding="utf-8"))["outputs"]
    assert "exports/huggingface/README.md" in listed
    assert "expanded/split.csv" in listed


@pytest.mark.slow
def test_the_verdict_of_a_run_is_recomputed_from_its_files(made: Path) -> None:
    """By what lies in the run folder alone: predictions with ids, split.csv, and the names of the arms."""
    told = json.loads((made / "facts.json").read_text(encoding="utf-8"))["evaluate"]["verdict"]
    split = pd.read_csv(made / "expanded/split.csv").set_index("id")
    with np.load(made / "predictions.npz", allow_pickle=False) as stored:
        ids, y = stored["ids/test"], stored["labels/test"]
        new, old, alone = (stored[f"test/{name}"] for name in (
            told["arm"], told["baseline"], told["against"]["control"],
        ))  # fmt: skip
    assert list(split.loc[ids, "part"]) == ["test"] * len(ids)
    classes = sorted(set(split["class"]))
    assert [classes[label] for label in y] == list(split.loc[ids, "class"])
    found = verdict(new, old, y, control=alone, classes=classes)
    summary = json.loads((made / "summary.json").read_text(encoding="utf-8"))["verdict"]
    assert (found.word, found.reason) == (summary["word"], summary["reason"])
    assert [found.gain, found.low, found.high] == pytest.approx([summary["delta"], *summary["ci"]])
    assert found.sentence.partition("(95 %")[2] == summary["sentence"].partition("(95 %")[2]


@pytest.mark.slow
def test_split_csv_says_exactly_which_case_is_in_which_part(made: Path, tiny_images: Path) -> None:
    split = pd.read_csv(made / "expanded/split.csv")
    assert list(split.columns) == ["id", "part", "class"]
    files = {path.relative_to(tiny_images).as_posix() for path in tiny_images.rglob("*.png")}
    assert set(split["id"]) == files
    assert set(split["part"]) == {"train", "validation", "test"}
    assert [Path(one).parts[0] for one in split["id"]] == list(split["class"])
    real = pd.read_csv(made / "expanded/metadata.csv").query("source == 'real'")
    assert sorted(real["original_id"]) == sorted(split.query("part == 'train'")["id"])


@pytest.mark.slow
def test_the_command_writes_a_form_of_a_finished_run(made: Path, tmp_path: Path) -> None:
    assert export_run(made, "webdataset", tmp_path / "out", ["samples_per_shard=7"]) == tmp_path / "out"
    rows = len(expanded_of(made).samples)
    assert len(list((tmp_path / "out").glob("*.tar"))) == -(-rows // 7)
    for name, options, told in (
        ("tiff", [], "no format 'tiff'; there are folders"),
        ("huggingface", ["spacing=[1,1]"], "does not read spacing"),
        ("onnx", ["spacing=[1,1]"], "has no options, got spacing"),
        ("webdataset", ["samples_per_shard=0"], "greater than or equal to 1"),
    ):
        with pytest.raises(ConfigError, match=told):
            export_run(made, name, tmp_path / "other", options)
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_the_bundle_samples_as_the_generator_does(made: Path) -> None:
    bundle = made / "exports/monai_bundle"
    parser = ConfigParser()
    parser.read_meta(bundle / "configs/metadata.json")
    parser.read_config(bundle / "configs/inference.json")
    parser["bundle_root"] = str(bundle)
    parser["seed"] = 5
    parser.parse()
    found = parser.get_parsed_content("samples")
    labels = np.repeat(np.arange(2), 8)
    direct = load_synthesizer(made / "generator").sample(Conditions(labels), seed=5)
    assert found.digest == direct.digest
    parser.get_parsed_content("run")
    with np.load(bundle / "synthetic.npz", allow_pickle=False) as written:
        np.testing.assert_array_equal(written["images"], direct.x)
        assert set(written["source"]) == {"synthetic"}
    meta = parser["_meta_"]
    # What MONAI's schema of metadata asks for, see its page on the bundle specification.
    assert {
        "version", "monai_version", "pytorch_version", "numpy_version", "required_packages_version", "task",
        "description", "authors", "copyright", "network_data_format",
    } <= set(meta)  # fmt: skip
    assert meta["network_data_format"]["outputs"]["pred"]["spatial_shape"] == [8, 8]
    assert "Not for" in (bundle / "docs/README.md").read_text(encoding="utf-8")
    assert not [path for path in bundle.rglob("*") if path.suffix in {".pt", ".pth", ".pkl"}]


@pytest.mark.slow
def test_the_onnx_file_gives_what_the_generator_gives(made: Path, tmp_path: Path) -> None:
    export_run(made, "onnx", tmp_path / "onnx")
    said = json.loads((tmp_path / "onnx/generator.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in said["inputs"]] == ["source", "label"]
    assert said["classes"] == ["disc", "ring"]
    assert 0 <= said["files"][0]["largest_difference"] <= said["tolerance"]
    place = tmp_path / "onnx/generator.onnx"
    session = onnxruntime.InferenceSession(place, providers=["CPUExecutionProvider"])
    latents = np.random.default_rng(3).normal(size=(7, *said["inputs"][0]["shape"][1:])).astype(np.float32)
    (x,) = session.run(None, {"source": latents, "label": np.arange(7) % 2})
    assert x.shape == (7, 1, 8, 8)
    assert said["value_range"][0] <= x.min() < x.max() <= said["value_range"][1]
    (other,) = session.run(None, {"source": latents, "label": (np.arange(7) + 1) % 2})
    assert np.abs(x - other).max() > 0.01  # the class matters
    props = {one.key: one.value for one in onnx.load(tmp_path / "onnx/generator.onnx").metadata_props}
    assert props["synthesizer"] == said["synthesizer"] == load_synthesizer(made / "generator").digest
    card = (tmp_path / "onnx/README.md").read_text(encoding="utf-8")
    assert "onnxruntime gives what torch gives" in card
    assert "Not for" in card


def test_formats_of_a_recipe_are_checked_when_it_is_read() -> None:
    def refused(**fields: Any) -> str:
        with pytest.raises(ValidationError) as caught:
            ExportSpec(**fields)
        return str(caught.value)

    assert "no format 'tiff'; there are folders, huggingface" in refused(formats=["tiff"])
    assert "named twice" in refused(formats=["monai", "monai"])
    assert "spacing is for the formats png16, nifti, dicom" in refused(formats=["monai"], spacing=[1, 1])
    assert "window must rise" in refused(formats=["dicom"], window=[3, 1])
    spec = ExportSpec(formats=["dicom", "webdataset"], spacing=[1, 1], samples_per_shard=5)
    assert spec.options_of("dicom").model_fields_set == {"spacing"}
    assert spec.options_of("webdataset").model_fields_set == {"samples_per_shard"}


def test_a_generator_cannot_be_asked_of_a_run_without_one() -> None:
    check_formats(ExportSpec(formats=["monai"]), has_generator=False)
    with pytest.raises(ConfigError, match="is of a generator, and this run judges synthetic samples"):
        check_formats(ExportSpec(formats=["monai", "onnx"]), has_generator=False)


def test_names_of_forms_are_documented() -> None:
    text = (Path(__file__).parents[2] / "docs/howto/use_expanded.md").read_text(encoding="utf-8")
    assert not [name for name in (*FORMATS, *GENERATOR_FORMATS) if f"`{name}`" not in text]
    meaning = ExportSpec.__doc__ or ""
    assert not [name for name in (*FORMATS, *GENERATOR_FORMATS) if name not in meaning]
