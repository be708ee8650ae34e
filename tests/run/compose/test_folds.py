"""Outer splits end to end: other parts, another generator, one folded answer."""

from __future__ import annotations

import json

import numpy as np
import pytest

from augmentor.core.errors import ConfigError
from augmentor.core.persist import read_samples
from augmentor.core.results import Results
from augmentor.run.compose.expand import run_job
from augmentor.run.compose.external import foreign_recipe
from augmentor.run.compose.folds import split_recipe, split_recipes
from augmentor.run.guard import GuardSpec, broken_rails
from augmentor.run.recipe import load_recipe
from augmentor.run.session import Job
from augmentor.run.steps.load import check_outer_splits
from augmentor.statistics.significance import nadeau_bengio


def test_every_split_has_seeds_of_its_own_and_nothing_else(tiny_recipe, tiny_images):
    recipe = load_recipe(str(tiny_recipe), ["evaluation.outer_splits=4"], data=tiny_images)
    others = split_recipes(recipe)
    assert len(others) == 3
    for name in ("split", "training"):
        assert len({getattr(one, name).seed for one in (recipe, *others)}) == 4
    for one in others:
        assert one.evaluation.outer_splits == 1
        same = {"split", "training", "evaluation"}
        assert one.model_dump(exclude=same) == recipe.model_dump(exclude=same)
    assert split_recipe(recipe, 2) == others[1]


def test_what_cannot_be_split_again_is_refused(tiny_images):
    check_outer_splits(1, "official")
    check_outer_splits(5, "grouped")
    with pytest.raises(ConfigError, match="test part of their own"):
        check_outer_splits(2, "official")
    with pytest.raises(ConfigError, match="cannot be trained again for each split"):
        foreign_recipe(str(tiny_images), "default", ["evaluation.outer_splits=3"])


def test_the_gain_rail_is_about_all_splits():
    rows = [
        {"dataset": "d", "arm": "filtered", "split": "test", "metric": "delta", "value": 0.2},
        {"dataset": "d", "split": "test", "metric": "outer_delta_mean", "value": -0.1},
    ]
    guard = GuardSpec(minimum_gain=0.0)
    assert broken_rails(guard, Results.from_rows(rows), "filtered")
    assert not broken_rails(guard, Results.from_rows(rows[:1]), "filtered")


@pytest.mark.slow
def test_a_run_with_outer_splits(tiny_recipe, tiny_images, tmp_path):
    arms = "evaluation.arms=[classical, cutmix, with_synthetic]"
    one = run_job(Job(load_recipe(str(tiny_recipe), [arms], data=tiny_images), tmp_path))
    assert "conditional on one GAN" in (one.folder / "report.html").read_text(encoding="utf-8")
    recipe = load_recipe(str(tiny_recipe), [arms, "evaluation.outer_splits=2"], data=tiny_images)
    outcome = run_job(Job(recipe, tmp_path))
    assert {"train", "evaluate"} <= set(outcome.reused)  # the first split is the run without others
    again = run_job(Job(recipe, tmp_path))
    assert "outer" in again.reused
    assert again.sentence == outcome.sentence
    summary = json.loads((outcome.folder / "summary.json").read_text(encoding="utf-8"))
    outer, verdict = summary["outer"], summary["verdict"]
    assert len(outer["splits"]) == 2
    changes = [split["after"] - split["before"] for split in outer["splits"]]
    first = outer["splits"][0]
    expected = nadeau_bengio(np.array(changes), n_train=first["n_train"], n_test=first["n_test"])
    assert verdict["delta"] == pytest.approx(expected.estimate)
    assert verdict["ci"] == pytest.approx([max(-1, expected.low), min(1, expected.high)])
    assert verdict["before"] == pytest.approx(np.mean([split["before"] for split in outer["splits"]]))
    assert verdict["sentence"] == outcome.sentence
    assert "over 2 splits" in outcome.sentence
    alone = json.loads((one.folder / "summary.json").read_text(encoding="utf-8"))
    baseline = alone["arms"][first["baseline"]]
    assert first["before"] == pytest.approx(baseline["mean"])
    manifest = json.loads((outcome.folder / "manifest.json").read_text(encoding="utf-8"))
    assert "outer" in manifest["steps"]
    page = (outcome.folder / "report.html").read_text(encoding="utf-8")
    assert "Outer splits" in page
    assert "conditional on its one GAN" in page
    parts = [read_samples(path).row_digests for path in (tmp_path / ".cache" / "load").glob("*/test")]
    assert len(parts) == 2
    assert set(parts[0]) != set(parts[1])
    assert len(list((tmp_path / ".cache" / "train").glob("*/done.json"))) == 2  # two generators
