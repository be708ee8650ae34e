"""The same recipe and seed give the same bytes, wherever they run and in however many processes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from augmentor.run.compose.expand import run_job
from augmentor.run.generate import generate
from augmentor.run.recipe import load_recipe
from augmentor.run.session import Job

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory, tiny_images, tiny_recipe) -> dict[str, Path]:
    """Return the folders of three runs that share no cache: twice the same, and once another seed."""
    # With a start at the critic and rows of the generator; no arm waits for another's scores, so that the
    # processes of the fits start once.
    pooled = "{rows: {synthetic: all, mixing: pooled}}"
    arms = f"evaluation.arms=[classical, {{mix: cutmix, start: critic}}, {pooled}]"
    settings = {
        "one process": ["execution.processes=1"],
        "two processes": ["execution.processes=2"],
        "another seed": ["execution.processes=1", "training.seed=1"],
    }
    made = {}
    for name, assignments in settings.items():
        recipe = load_recipe(str(tiny_recipe), [arms, *assignments], data=tiny_images)
        outcome = run_job(Job(recipe, tmp_path_factory.mktemp("runs")))
        assert outcome.reused == ()
        made[name] = outcome.folder
    return made


def pictures(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every exported picture and of the table beside them, by path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "expanded").rglob("*"))
        if path.suffix in {".png", ".csv"}
    }


def test_results_and_the_verdict_are_the_same(runs):
    one, two, other = ((folder / "results.parquet").read_bytes() for folder in runs.values())
    assert one == two
    assert one != other
    first, second, _ = (json.loads((folder / "summary.json").read_text()) for folder in runs.values())
    for name in ("verdict", "recommendation", "counts", "acceptance"):
        assert first[name] == second[name], name


def test_synthetic_pictures_and_their_table_are_the_same_bytes(runs):
    one, two, other = map(pictures, runs.values())
    assert one == two
    assert one != other
    assert any("synthetic" in name for name in one)


def test_generator_weights_and_predictions_are_the_same(runs):
    one, two, _ = runs.values()
    names = sorted(path.name for path in (one / "generator").glob("*.safetensors"))
    assert names
    for name in names:
        assert (one / "generator" / name).read_bytes() == (two / "generator" / name).read_bytes()
    with np.load(one / "predictions.npz") as first, np.load(two / "predictions.npz") as second:
        assert sorted(first.files) == sorted(second.files)
        for name in first.files:
            np.testing.assert_array_equal(first[name], second[name])


def test_more_samples_are_exact_in_number_and_fixed_by_their_seed(runs, tmp_path):
    wanted = {"disc": 3, "ring": 5}
    folders = {
        name: generate(runs["one process"], wanted, tmp_path / name, seed=seed).folder
        for name, seed in (("first", 7), ("again", 7), ("other", 8))
    }
    found = {
        name: {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.png"))
        }
        for name, folder in folders.items()
    }
    assert found["first"] == found["again"]
    assert list(found["first"].values()) != list(found["other"].values())
    assert [sum(f"{name}/" in path for path in found["first"]) for name in wanted] == [3, 5]
