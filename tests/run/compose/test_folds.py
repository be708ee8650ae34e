"""Folds end to end: every case tested once, another generator each, one verdict over all cases."""

from __future__ import annotations

import json

import numpy as np
import pytest

from augmentor.core.errors import ConfigError
from augmentor.core.persist import read_samples
from augmentor.core.results import Results
from augmentor.downstream.decision import decided
from augmentor.experiment.verdict_of import verdict_over_folds
from augmentor.run.compose.expand import expansion, run_job
from augmentor.run.compose.external import foreign_recipe
from augmentor.run.compose.folds import fold_recipe, one_split
from augmentor.run.guard import GuardSpec, broken_rails
from augmentor.run.recipe import load_recipe
from augmentor.run.session import Job


def test_every_fold_has_a_training_seed_of_its_own_and_the_same_folds(tiny_recipe, tiny_images):
    recipe = load_recipe(str(tiny_recipe), ["split.folds=4"], data=tiny_images)
    others = [fold_recipe(recipe, fold, 4) for fold in (1, 2, 3)]
    assert len({one.training.seed for one in (recipe, *others)}) == 4
    for number, one in enumerate(others, start=1):
        assert (one.split.fold, one.split.folds, one.split.seed) == (number, 4, recipe.split.seed)
        same = {"split", "training"}
        assert one.model_dump(exclude=same) == recipe.model_dump(exclude=same)
        assert one.training.model_dump(exclude={"seed"}) == recipe.training.model_dump(exclude={"seed"})


def test_one_test_part_has_no_step_of_folds(tiny_recipe, tiny_images):
    recipe = load_recipe(str(tiny_recipe), ["split.folds=auto"], data=tiny_images)
    assert [step.name for step in expansion(recipe).steps][-1] == "folds"
    assert "folds" not in {step.name for step in expansion(one_split(recipe)).steps}


def test_samples_from_elsewhere_have_one_test_part(tiny_images):
    assert foreign_recipe(str(tiny_images), "default", []).split.folds == 1
    with pytest.raises(ConfigError, match=r"split\.folds is 3.*cannot be trained again for each fold"):
        foreign_recipe(str(tiny_images), "default", ["split.folds=3"])


def test_the_gain_rail_is_about_all_folds():
    rows = [
        {"dataset": "d", "arm": "filtered", "split": "test", "metric": "delta", "value": 0.2},
        {"dataset": "d", "split": "test", "metric": "folds_delta", "value": -0.1},
    ]
    guard = GuardSpec(minimum_gain=0.0)
    assert broken_rails(guard, Results.from_rows(rows), "filtered")
    assert not broken_rails(guard, Results.from_rows(rows[:1]), "filtered")


@pytest.mark.slow
def test_a_run_over_folds(tiny_recipe, tiny_images, tmp_path):
    """Its verdict is that of the public function on the predictions that each fold left."""
    recipe = load_recipe(
        str(tiny_recipe),
        ["evaluation.arms=[classical, cutmix, with_synthetic]", "split.folds=2"],
        data=tiny_images,
    )
    outcome = run_job(Job(recipe, tmp_path))
    again = run_job(Job(recipe, tmp_path))
    assert "folds" in again.reused
    assert again.sentence == outcome.sentence
    summary = json.loads((outcome.folder / "summary.json").read_text(encoding="utf-8"))
    folds, verdict = summary["folds"]["folds"], summary["verdict"]
    assert [one["n_test"] for one in folds] == [32, 32]
    tested = [read_samples(path) for path in (tmp_path / ".cache" / "load").glob("*/test")]
    ids = np.concatenate([part.ids for part in tested])
    assert len(ids) == len(set(ids)) == 64
    assert len(list((tmp_path / ".cache" / "train").glob("*/done.json"))) == 2  # two generators

    expected = _recomputed(tmp_path)
    assert verdict["delta"] == pytest.approx(expected.gain)
    assert verdict["ci"] == pytest.approx([expected.low, expected.high])
    assert verdict["word"] == expected.word
    assert verdict["before"] == pytest.approx(np.mean([one["before"] for one in folds]))
    assert "Every case was tested once, in 2 folds." in outcome.sentence
    page = (outcome.folder / "report.html").read_text(encoding="utf-8")
    assert "each of the 64 cases was tested once" in page
    assert "conditional on its one GAN" in page


def _recomputed(out):
    """Return the verdict over the predictions that every fold left in the cache."""
    found = []
    for number, path in enumerate((out / ".cache" / "evaluate").glob("*/predictions.npz")):
        facts = json.loads((path.parent / "facts.json").read_text(encoding="utf-8"))
        arm = facts["verdict"]["arm"]
        stored = np.load(path)
        arms = (arm, facts["verdict"]["baseline"], facts["controls"][arm])
        y = stored["labels/test"]
        found.append((*(decided(stored, name) for name in arms), y, np.full(len(y), number)))
    new, old, control, y, fold = (
        np.concatenate(one, axis=-2 if one[0].ndim == 3 else 0) for one in zip(*found, strict=True)
    )
    return verdict_over_folds(new, old, y, fold, control=control)
