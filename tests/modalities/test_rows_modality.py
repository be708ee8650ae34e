"""A modality registered from the tests alone goes from recipe to report: rows of a table."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from rows_modality import ROW, RowModality, read_rows

from augmentor.core.persist import read_samples
from augmentor.data.inspect import inspect
from augmentor.data.inspection_text import inspection_lines
from augmentor.data.load import load
from augmentor.data.readers.table import READERS
from augmentor.experiment.pool import Augmentation, draw_pool, read_pool
from augmentor.modalities.policies import POLICIES
from augmentor.modalities.table import MODALITIES, load_codec, modality_of
from augmentor.run.compose.expand import run_job
from augmentor.run.compose.external import evaluate_foreign
from augmentor.run.generate import generate
from augmentor.run.recipe import load_recipe
from augmentor.run.session import Job

SETTINGS = [
    *("synthesizer.family=cgan", "synthesizer.augmentation=[]", "synthesizer.width=8"),
    "evaluation.augmentation.policy={noise: 0.02}",
    "evaluation.arms=[classical, with_synthetic, {mix: mixup, start: critic}]",
]


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """The two rows that a new modality adds to tables."""
    monkeypatch.setitem(MODALITIES, ROW.name, RowModality())
    monkeypatch.setitem(READERS, ".csv", read_rows)


@pytest.fixture
def patients(tmp_path):
    """200 rows of two classes: numbers on different scales, and a text of two or three values."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [140, 60])
    table = pd.DataFrame(
        {
            "age": rng.normal(50 + 12 * y, 10),
            "enzyme": rng.lognormal(0.2 + 0.8 * y, 0.5),
            "pressure": rng.normal(120, 15, 200),
            "smoker": np.where(rng.random(200) < 0.3 + 0.4 * y, "yes", "no"),
            "label": np.where(y, "ill", "well"),
        }
    )
    path = tmp_path / "patients.csv"
    table.to_csv(path, index=False)
    return path


def test_the_codec_gives_rows_back_and_survives_as_json(patients):
    samples = load(str(patients)).parts["all"]
    codec = modality_of(samples).fit_codec(samples)
    packed = codec.pack(samples.x)
    assert packed.shape == (200, *codec.shape) == (200, 5, 1)
    assert (packed.min(), packed.max()) == (-1, 1)
    np.testing.assert_array_equal(codec.encode(packed), codec.encode(samples.x))
    back = codec.decode(codec.encode(samples.x))
    assert list(back["smoker"]) == list(samples.x["smoker"])
    np.testing.assert_allclose(back["age"], samples.x["age"], rtol=1e-6)
    assert load_codec(codec.to_json()) == codec


def test_versions_of_rows_are_drawn_by_the_modality(patients, tmp_path):
    samples = load(str(patients)).parts["all"]
    codec = modality_of(samples).fit_codec(samples)
    for name, changed in (("medical", True), ("digits", False)):
        draw_pool(
            codec.pack(samples.x),
            Augmentation(POLICIES[name], modality_of(samples), codec.window),
            versions=np.full(200, 3),
            seed=1,
            target=tmp_path / "pool.npy",
            processes=1,
        )
        pool = read_pool(tmp_path / "pool.npy")
        assert pool.values.shape == ((600 if changed else 200), 5, 1)
        places = [pool.take(np.arange(200), np.full(200, place)) for place in (0.0, 0.9)]
        assert (places[0] != places[1]).any() == changed


def test_rows_are_inspected(patients):
    lines = "\n".join(inspection_lines(inspect(str(patients))))
    assert "patients: 200 rows, 2 classes, read as csv" in lines
    assert "run sees  4 columns" in lines


@pytest.mark.slow
def test_rows_go_from_recipe_to_report(patients, tmp_path, tiny_recipe):
    recipe = load_recipe(str(tiny_recipe), SETTINGS, patients)
    folder = run_job(Job(recipe, tmp_path / "runs", "cpu")).folder

    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["kind"] == {"name": "row", "plural": "rows", "cell": "value"}
    assert summary["verdict"]["word"] in {"helps", "hurts", "equivalent", "inconclusive"}
    assert {"coverage", "label_fidelity"} <= set(
        summary["fidelity"]["overall"] | summary["diversity"]["overall"]
    )
    assert "near_copies" in summary["copies"]["overall"]
    assert summary["classifier"].startswith("a perceptron")
    assert any("mlp" in note or "network of its own" in note for note in summary["notes"])
    gaps = {gap["reason"] for gap in summary["not_estimable"] if gap["metric"] == "within_class_ms_ssim"}
    assert any(
        "because structural similarity compares neighbours along two or three axes" in why for why in gaps
    )

    page = (folder / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<style>.*?</style>|<pre.*?</pre>", "", page))
    assert "Real, kept and rejected rows" in text
    assert "Each is a strip with a cell for each value" in text
    assert not re.search(r"\b(images?|pixels?|nan)\b", text, re.IGNORECASE)

    expanded = pd.read_csv(folder / "expanded" / "train" / "rows.csv")
    assert list(expanded.columns) == ["age", "enzyme", "pressure", "smoker", "label", "source"]
    made = expanded[expanded["source"] == "synthetic"]
    assert len(made) > 0
    assert set(made["smoker"]) <= {"yes", "no"}
    kept = read_samples(folder / "filters" / "train")
    assert kept.kind == ROW
    assert isinstance(kept.x, pd.DataFrame)

    more = generate(folder, {"ill": 3}, tmp_path / "more", seed=1)
    assert more.counts == {"ill": 3, "well": 0}

    theirs = tmp_path / "theirs.csv"
    made.drop(columns="source").to_csv(theirs, index=False)
    judged = evaluate_foreign(
        str(patients),
        theirs,
        recipe=str(tiny_recipe),
        assignments=SETTINGS[3:],
        out=tmp_path / "runs",
        device="cpu",
    )
    again = json.loads((judged.folder / "summary.json").read_text(encoding="utf-8"))
    assert again["synthetic_source"]["rows"] == len(made)
